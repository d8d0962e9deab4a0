/* SPDX-License-Identifier: MIT */
/* Reader of the key service: the first octet says how the rest is chopped; whatever is read must survive being
   written and read again. */
#include <assert.h>
#include <string.h>

#include "plugin/ippm/ippm_msg.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void look_at(const struct ippm_msg_reader *r)
{
	char copy[IPPM_MSG_REQUEST_MAX + IPPM_MSG_REQUEST_PAIRS];
	char buf[sizeof(copy)];
	struct ippm_msg_pair pairs[IPPM_MSG_REQUEST_PAIRS];
	struct ippm_msg_writer w = ippm_msg_writer_of(copy, sizeof(copy));
	struct ippm_msg_reader again;
	uint8_t octets[8];
	uint64_t number;
	size_t n, used;

	for (size_t i = 0; i < r->count; i++) {
		ippm_msg_put(&w, r->pairs[i].key, r->pairs[i].value);
		(void)ippm_msg_hex(r->pairs[i].value, octets, sizeof(octets), &n);
		(void)ippm_msg_u64(r->pairs[i].value, 60000, &number);
	}
	for (size_t at = ippm_msg_next_sa(r, 0); at < r->count; at = ippm_msg_next_sa(r, at + 1))
		(void)ippm_msg_get_in(r, at, ippm_msg_next_sa(r, at + 1), "key");
	(void)ippm_msg_has_twin(r);
	ippm_msg_put_end(&w);
	if (w.failed) /* a value longer than what we write ourselves */
		return;
	ippm_msg_reader_init(&again, buf, sizeof(buf), pairs, IPPM_MSG_REQUEST_PAIRS);
	assert(ippm_msg_feed(&again, copy, w.len, &used) == IPPM_MSG_COMPLETE && used == w.len);
	assert(again.count == r->count);
	for (size_t i = 0; i < r->count; i++)
		assert(!strcmp(again.pairs[i].key, r->pairs[i].key) &&
			!strcmp(again.pairs[i].value, r->pairs[i].value));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char buf[IPPM_MSG_REQUEST_MAX], octets[4096];
	struct ippm_msg_pair pairs[IPPM_MSG_REQUEST_PAIRS];
	struct ippm_msg_reader r;

	if (size < 1 || size > sizeof(octets))
		return 0;
	size_t chop = data[0] ? data[0] : size;

	memcpy(octets, data, size);
	ippm_msg_reader_init(&r, buf, sizeof(buf), pairs, IPPM_MSG_REQUEST_PAIRS);
	for (size_t at = 1; at < size;) {
		size_t used, len = size - at < chop ? size - at : chop;
		enum ippm_msg_status status = ippm_msg_feed(&r, octets + at, len, &used);

		assert(used <= len && (used == len || status != IPPM_MSG_MORE));
		if (status < 0)
			break;
		if (status == IPPM_MSG_COMPLETE)
			look_at(&r);
		at += used;
	}
	ippm_msg_reader_wipe(&r);
	return 0;
}
