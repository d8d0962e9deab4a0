/* SPDX-License-Identifier: MIT */
/* Readers of the control messages of both protocols: the first octet says which; what is read must survive being written and read
   again. */
#include <assert.h>
#include <string.h>
#include "lib/wire/accept.h"
#include "lib/wire/fetch.h"
#include "lib/wire/greeting.h"
#include "lib/wire/request_session.h"
#include "lib/wire/request_tw.h"
#include "lib/wire/schedule.h"
#include "lib/wire/server_start.h"
#include "lib/wire/setup.h"
#include "lib/wire/start.h"
#include "lib/wire/start_n.h"
#include "lib/wire/skip_ranges.h"
#include "lib/wire/stop_ow.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void greeting(const uint8_t *octets, size_t len)
{
	struct fz_greeting one, two;
	uint8_t out[FZ_GREETING_OCTETS];

	memset(&one, 0, sizeof(one));
	if (fz_greeting_get(&one, octets, len) < 0)
		return;
	(void)!fz_greeting_check(&one);
	assert(fz_greeting_put(&one, out, sizeof(out)) == 0);
	assert(fz_greeting_get(&two, out, sizeof(out)) == 0);
	assert(one.modes == two.modes && one.count == two.count && memcmp(one.salt, two.salt, 16) == 0);
}

static void setup(const uint8_t *octets, size_t len)
{
	struct fz_setup one;
	uint8_t out[FZ_SETUP_OCTETS];

	if (fz_setup_get(&one, octets, len) < 0)
		return;
	for (uint32_t offered = 0; offered < 1024; offered++) {
		if (fz_setup_check(&one, FIZEAU_TWAMP, offered) == 0)
			assert((one.mode & fz_modes_known(FIZEAU_TWAMP) & ~offered) == 0);
		if (fz_setup_check(&one, FIZEAU_OWAMP, offered) == 0)
			assert((one.mode & fz_modes_known(FIZEAU_OWAMP) & ~offered) == 0);
	}
	assert(fz_setup_put(&one, out, sizeof(out)) == 0);
	assert(memcmp(out, octets, sizeof(out)) == 0);
}

static void server_start(const uint8_t *octets, size_t len)
{
	struct fz_server_start one, two;
	uint8_t out[FZ_SERVER_START_OCTETS];

	if (fz_server_start_get(&one, octets, len) < 0)
		return;
	assert((fz_server_start_check(&one) == 0) == (one.accept == 0));
	assert(fz_server_start_put(&one, out, sizeof(out)) == 0);
	assert(fz_server_start_get(&two, out, sizeof(out)) == 0);
	assert(one.accept == two.accept && (one.accept != 0 || one.start_time == two.start_time));
}

/* A request that passes in a connection of that Mode comes back as it was, less what that Mode does not have. */
static void through_the_api(const struct fz_request_head *one, uint32_t mode)
{
	bool reflects = (mode & FIZEAU_MODE_REFLECT_OCTETS) != 0;
	struct fz_request_head two, want = *one;
	struct fizeau_tw_request api;
	uint8_t out[FZ_REQUEST_TW_OCTETS], again[FZ_REQUEST_TW_OCTETS];

	if (fz_request_tw_check(one, mode) != FIZEAU_ACCEPT_OK)
		return;
	fz_request_tw_to_api(one, mode, &api);
	assert(api.dscp < 64 && (api.ip_version == 4 || api.ip_version == 6));
	assert(!reflects || api.padding_octets > api.reflect_length);
	if (fz_request_tw_from_api(&api, mode, &two) < 0) {
		assert(api.sender_port == 0);
		return;
	}
	/* The API has no SID: the server makes it. */
	memcpy(two.sid, one->sid, sizeof(two.sid));
	if (!reflects)
		want.reflect_octets = want.reflect_length = 0;
	assert(fz_request_tw_put(&want, out, sizeof(out)) == 0);
	assert(fz_request_tw_put(&two, again, sizeof(again)) == 0);
	assert(memcmp(out, again, sizeof(out)) == 0);
}

static void request_tw(const uint8_t *octets, size_t len)
{
	struct fz_request_head one, two;
	uint8_t out[FZ_REQUEST_TW_OCTETS];

	if (fz_request_tw_get(&one, octets, len) < 0)
		return;
	assert(fz_request_tw_put(&one, out, sizeof(out)) == 0);
	assert(fz_request_tw_get(&two, out, sizeof(out)) == 0);
	for (uint32_t features = 0; features < 16; features++) {
		through_the_api(&one, FIZEAU_MODE_OPEN | features * FIZEAU_MODE_REFLECT_OCTETS);
		through_the_api(&one, FIZEAU_MODE_ENCRYPTED | features * FIZEAU_MODE_REFLECT_OCTETS);
	}
}

static void accept_session(const uint8_t *octets, size_t len)
{
	struct fz_accept_session one, two;
	uint8_t out[FZ_ACCEPT_SESSION_OCTETS];

	if (fz_accept_session_get(&one, octets, len) < 0)
		return;
	assert(fizeau_accept_text(one.accept) != NULL);
	if (fz_accept_session_check(&one) == 0)
		assert(one.port != 0);
	assert(fz_accept_session_put(&one, out, sizeof(out)) == 0);
	assert(fz_accept_session_get(&two, out, sizeof(out)) == 0);
	assert(two.accept == one.accept && two.port == (one.accept == 0 ? one.port : 0));
	assert(two.server_octets == (one.accept == 0 ? one.server_octets : 0));
}

static void start(const uint8_t *octets, size_t len)
{
	struct fz_start_ack ack;

	(void)!fz_start_get(octets, len);
	if (fz_start_ack_get(&ack, octets, len) == 0)
		assert((fz_start_ack_check(&ack) == 0) == (ack.accept == 0));
}

static void stop(const uint8_t *octets, size_t len)
{
	struct fz_stop one, two;
	uint8_t out[FZ_STOP_OCTETS];

	if (fz_stop_get(&one, octets, len) < 0)
		return;
	assert(fz_stop_check(&one, one.sessions, 0) == 0);
	assert(fz_stop_put(&one, out, sizeof(out)) == 0);
	assert(fz_stop_get(&two, out, sizeof(out)) == 0);
	assert(one.accept == two.accept && one.sessions == two.sessions);
}

static void request_ow(const uint8_t *octets, size_t len)
{
	struct fz_request_head one, two;
	struct fizeau_ow_request api;
	uint8_t out[FZ_REQUEST_OW_OCTETS], again[FZ_REQUEST_OW_OCTETS];

	if (fz_request_ow_get(&one, octets, len) < 0)
		return;
	assert(fz_request_ow_put(&one, out, sizeof(out)) == 0);
	assert(fz_request_ow_get(&two, out, sizeof(out)) == 0);
	fz_request_ow_to_api(&one, &api);
	assert((fz_request_ow_check(&one) == FIZEAU_ACCEPT_OK) == (fz_request_ow_from_api(&api, &two) == 0));
	if (fz_request_ow_check(&one) != FIZEAU_ACCEPT_OK)
		return;
	two.conf_sender = one.conf_sender;
	two.conf_receiver = one.conf_receiver;
	assert(fz_request_ow_put(&two, again, sizeof(again)) == 0);
	assert(memcmp(out, again, sizeof(out)) == 0);
}

static void slot(const uint8_t *octets, size_t len)
{
	struct fizeau_slot one, two;
	uint8_t out[FZ_SLOT_OCTETS];

	if (fz_slot_get(&one, octets, len) < 0)
		return;
	assert(fz_slot_put(&one, out, sizeof(out)) == 0);
	assert(fz_slot_get(&two, out, sizeof(out)) == 0);
	assert(one.exponential == two.exponential && one.parameter == two.parameter);
}

/* A record with as many ranges as there are octets for. */
static void stop_record(const uint8_t *octets, size_t len)
{
	struct fz_stop_record record;
	struct fizeau_skip_range ranges[64];
	struct fizeau_session_end end = {.ranges = ranges};
	uint8_t out[FZ_STOP_RECORD_OCTETS + sizeof(ranges)];
	size_t whole;

	if (len < FZ_STOP_RECORD_OCTETS || fz_stop_record_get(&record, octets, FZ_STOP_RECORD_OCTETS) < 0)
		return;
	whole = fz_stop_record_octets(record.range_count);
	if (record.range_count > 64 || whole > len)
		return;
	assert(fz_skip_ranges_get(ranges, record.range_count, octets + 24, len - 24) == 0);
	memcpy(end.sid, record.sid, sizeof(end.sid));
	end.next_seqno = record.next_seqno;
	end.range_count = record.range_count;
	assert(fz_stop_record_put(&end, out, whole) == 0);
	assert(memcmp(out, octets, 24 + 8 * (size_t)record.range_count) == 0);
	if (fizeau_session_end_check(&end) == 0 && end.range_count > 0)
		assert(fizeau_session_end_skipped(&end, ranges[0].first) && !fizeau_session_end_skipped(&end, UINT32_MAX));
}

static void fetch(const uint8_t *octets, size_t len)
{
	struct fz_fetch one, two;
	uint8_t out[FZ_FETCH_OCTETS];

	if (fz_fetch_get(&one, octets, len) < 0)
		return;
	assert(fz_fetch_put(&one, out, sizeof(out)) == 0);
	assert(fz_fetch_get(&two, out, sizeof(out)) == 0);
	assert(one.begin == two.begin && one.end == two.end && memcmp(one.sid, two.sid, sizeof(one.sid)) == 0);
}

static void fetch_ack(const uint8_t *octets, size_t len)
{
	struct fz_fetch_ack one, two;
	uint8_t out[FZ_FETCH_ACK_OCTETS];

	if (fz_fetch_ack_get(&one, octets, len) < 0)
		return;
	assert(one.accept == 0 || (!fz_fetch_ack_finished(&one) && one.records == 0));
	assert(fz_fetch_ack_put(&one, out, sizeof(out)) == 0);
	assert(fz_fetch_ack_get(&two, out, sizeof(out)) == 0);
	assert(one.accept == two.accept && one.finished == two.finished && one.range_count == two.range_count);
	assert(one.next_seqno == two.next_seqno && one.records == two.records);
}

/* The head, and one SID. */
static void start_n(const uint8_t *octets, size_t len)
{
	struct fz_n_head one, two;
	struct fizeau_sid sid;
	uint8_t out[FZ_N_HEAD_OCTETS];

	if (len < FZ_N_HEAD_OCTETS || fz_n_head_get(&one, octets, FZ_N_HEAD_OCTETS) < 0)
		return;
	assert(one.accept == 0 || one.command % 2 == 0);
	assert(fz_n_head_check(&one, UINT32_MAX) == (one.sessions == 0 ? FIZEAU_ERR_MALFORMED : 0));
	assert(fz_n_head_put(&one, out, sizeof(out)) == 0);
	assert(fz_n_head_get(&two, out, sizeof(out)) == 0);
	assert(one.command == two.command && one.accept == two.accept && one.sessions == two.sessions);
	octets += FZ_N_HEAD_OCTETS;
	len -= FZ_N_HEAD_OCTETS;
	if (fz_n_sid_get(&sid, octets, len) < 0)
		return;
	assert(fz_n_sid_put(&sid, out, sizeof(out)) == 0 && memcmp(out, octets, sizeof(out)) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static void (*const readers[])(const uint8_t *octets, size_t len) = {
		greeting, setup, server_start, request_tw, accept_session,
		start, stop, request_ow, slot, stop_record, fetch, fetch_ack, start_n};

	if (size > 0)
		readers[data[0] % (sizeof(readers) / sizeof(readers[0]))](data + 1, size - 1);
	return 0;
}
