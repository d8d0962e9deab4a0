/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <stdlib.h>
#include <fizeau/time.h>
#include "records.h"

/* One bit a number: which came back already. */
static bool seen_before(uint8_t *seen, uint32_t seq)
{
	uint8_t bit = (uint8_t)(1u << (seq & 7));
	bool before = (seen[seq >> 3] & bit) != 0;

	seen[seq >> 3] |= bit;
	return before;
}

static void begin(FILE *out, const char *target)
{
	fputc('{', out);
	if (target != NULL)
		fprintf(out, "\"target\":%s,", target);
}

static void put_received(FILE *out, const struct fizeau_round_trip *r, bool duplicate, int64_t timeout_ns)
{
	int64_t total = fizeau_ntp_diff_ns(r->t4, r->t1);
	int64_t reflector = fizeau_ntp_diff_ns(r->t3, r->t2);

	fprintf(out, "\"seq\":%u,\"lost\":%s,\"duplicate\":%s,\"reflector_seq\":%u", r->seq,
		total > timeout_ns && !r->across_step ? "true" : "false", duplicate ? "true" : "false", r->reflector_seq);
	fprintf(out, ",\"sent_unix_ns\":%" PRId64 ",\"reflector_received_unix_ns\":%" PRId64
		",\"reflector_sent_unix_ns\":%" PRId64 ",\"received_unix_ns\":%" PRId64,
		fizeau_ntp_to_unix_ns(r->t1, r->t1), fizeau_ntp_to_unix_ns(r->t2, r->t1),
		fizeau_ntp_to_unix_ns(r->t3, r->t1), fizeau_ntp_to_unix_ns(r->t4, r->t1));
	fprintf(out, ",\"round_trip_delay_ns\":%" PRId64 ",\"forward_delay_ns\":%" PRId64
		",\"backward_delay_ns\":%" PRId64 ",\"reflector_ns\":%" PRId64, total - reflector,
		fizeau_ntp_diff_ns(r->t2, r->t1), fizeau_ntp_diff_ns(r->t4, r->t3), reflector);
	fprintf(out, ",\"forward_ttl\":%u,\"backward_ttl\":%u}\n", r->forward_ttl, r->backward_ttl);
}

static void put_lost(FILE *out, uint32_t seq, uint64_t sent_ntp)
{
	fprintf(out, "\"seq\":%u,\"lost\":true,\"duplicate\":false,\"reflector_seq\":null,\"sent_unix_ns\":%" PRId64
		",\"reflector_received_unix_ns\":null,\"reflector_sent_unix_ns\":null,\"received_unix_ns\":null"
		",\"round_trip_delay_ns\":null,\"forward_delay_ns\":null,\"backward_delay_ns\":null"
		",\"reflector_ns\":null,\"forward_ttl\":null,\"backward_ttl\":null}\n",
		seq, fizeau_ntp_to_unix_ns(sent_ntp, sent_ntp));
}

bool fz_records_write(FILE *out, const char *target, const struct fizeau_round_trip *records, size_t count,
	uint32_t sent, int64_t timeout_ns, fz_records_sent_fn *sent_ntp, const void *arg)
{
	uint8_t *seen = calloc((size_t)sent / 8 + 1, 1);

	if (seen == NULL)
		return false;
	for (size_t i = 0; i < count; i++) {
		begin(out, target);
		put_received(out, &records[i], seen_before(seen, records[i].seq), timeout_ns);
	}
	free(seen);
	for (uint32_t seq = 0; seq < sent; seq++) {
		bool back;
		uint64_t ntp = sent_ntp(arg, seq, &back);

		if (back)
			continue;
		begin(out, target);
		put_lost(out, seq, ntp);
	}
	return fflush(out) == 0 && ferror(out) == 0;
}

static void put_one_way(FILE *out, const char *direction, const struct fizeau_record *r, bool duplicate,
	int64_t timeout_ns)
{
	int64_t delay = fizeau_ntp_diff_ns(r->receive_ntp, r->send_ntp);
	bool lost = fizeau_record_lost(r);

	fprintf(out, "{\"direction\":\"%s\",\"seq\":%u,\"lost\":%s,\"duplicate\":%s,\"sent_unix_ns\":%" PRId64,
		direction, r->seq, lost || delay > timeout_ns ? "true" : "false", duplicate ? "true" : "false",
		fizeau_ntp_to_unix_ns(r->send_ntp, r->send_ntp));
	if (lost) {
		fputs(",\"received_unix_ns\":null,\"delay_ns\":null,\"send_synchronized\":null,\"send_error_ns\":null"
		      ",\"receive_synchronized\":null,\"receive_error_ns\":null,\"ttl\":null}\n", out);
		return;
	}
	fprintf(out, ",\"received_unix_ns\":%" PRId64 ",\"delay_ns\":%" PRId64,
		fizeau_ntp_to_unix_ns(r->receive_ntp, r->send_ntp), delay);
	fprintf(out, ",\"send_synchronized\":%s,\"send_error_ns\":%" PRId64,
		fizeau_error_estimate_synchronized(r->send_error) ? "true" : "false",
		fizeau_error_estimate_ns(r->send_error));
	fprintf(out, ",\"receive_synchronized\":%s,\"receive_error_ns\":%" PRId64 ",\"ttl\":%u}\n",
		fizeau_error_estimate_synchronized(r->receive_error) ? "true" : "false",
		fizeau_error_estimate_ns(r->receive_error), r->ttl);
}

bool fz_records_write_one_way(FILE *out, const char *direction, const struct fizeau_record *records, size_t count,
	int64_t timeout_ns)
{
	uint32_t highest = 0;
	uint8_t *seen;

	for (size_t i = 0; i < count; i++)
		if (records[i].seq > highest)
			highest = records[i].seq;
	seen = calloc((size_t)highest / 8 + 1, 1);
	if (seen == NULL)
		return false;
	for (size_t i = 0; i < count; i++)
		put_one_way(out, direction, &records[i],
			!fizeau_record_lost(&records[i]) && seen_before(seen, records[i].seq), timeout_ns);
	free(seen);
	return fflush(out) == 0 && ferror(out) == 0;
}
