/* SPDX-License-Identifier: MIT */
#include <ctype.h>
#include <stddef.h>
#include <string.h>
#include "result.h"

#define LATE_NS 1000000 /* a departure later than this behind its schedule is counted */

void fz_hex_text(const uint8_t *octets, size_t count, char *text)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < count; i++) {
		text[2 * i] = digits[octets[i] >> 4];
		text[2 * i + 1] = digits[octets[i] & 15];
	}
	text[2 * count] = '\0';
}

bool fz_has_sid(const struct fz_session_facts *facts)
{
	for (size_t i = 0; i < FIZEAU_SID_OCTETS; i++)
		if (facts->sid[i] != 0)
			return true;
	return false;
}

void fz_prf_text(enum fizeau_prf prf, char text[static 32])
{
	const char *name = fizeau_prf_name(prf);
	size_t at = 0;

	for (; name != NULL && name[at] != '\0' && at < 31; at++)
		text[at] = (char)toupper((unsigned char)name[at]);
	text[at] = '\0';
}

void fz_lateness(int64_t *values, size_t count, struct fizeau_distribution *send_error, uint64_t *sender_late)
{
	*sender_late = 0;
	for (size_t i = 0; i < count; i++)
		*sender_late += values[i] > LATE_NS;
	fizeau_distribution_of(values, count, send_error);
}

int64_t fz_one_way_error_ns(const struct fizeau_one_way_summary *summary)
{
	if (summary->error_sender_ns > INT64_MAX - summary->error_receiver_ns)
		return INT64_MAX;
	return summary->error_sender_ns + summary->error_receiver_ns;
}

/*= rfc7679#section-3.8.3 OD-3.8.3-02 */
enum fz_trust fz_one_way_trust(const struct fizeau_one_way_summary *summary)
{
	if (!summary->delay.valid)
		return FZ_TRUST_UNKNOWN;
	if (!summary->synchronized_sender || !summary->synchronized_receiver)
		return FZ_TRUST_NOT;
	return fz_one_way_error_ns(summary) > summary->delay.median ? FZ_TRUST_NOT : FZ_TRUST_GOOD;
}
