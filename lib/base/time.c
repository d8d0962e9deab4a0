/* SPDX-License-Identifier: MIT */
#include <fizeau/time.h>

#include <assert.h>

#define NS_PER_S 1000000000
#define NTP_UNIX_OFFSET 2208988800u /* seconds from 1900-01-01 to 1970-01-01 */

__extension__ typedef unsigned __int128 u128;

/*= rfc4656#section-4.1.2 OW-4.1.2-04 */
uint64_t fizeau_ntp_from_unix(int64_t sec, uint32_t nsec)
{
	assert(nsec < NS_PER_S);
	return ((uint64_t)sec + NTP_UNIX_OFFSET) << 32 | ((uint64_t)nsec << 32) / NS_PER_S;
}

/* Nanoseconds of a 32.32 magnitude, rounded to nearest. Only products and shifts of 128 bits: a division
   would be a call into the compiler's library. */
static int64_t ns_of_fixed(uint64_t fixed)
{
	return (int64_t)(((u128)fixed * NS_PER_S + ((u128)1 << 31)) >> 32);
}

/* 32.32 of nanoseconds, rounded to nearest; modulo 2^64. */
static uint64_t fixed_of_ns(uint64_t ns)
{
	return (ns / NS_PER_S << 32) + ((ns % NS_PER_S << 32) + NS_PER_S / 2) / NS_PER_S;
}

int64_t fizeau_ntp_diff_ns(uint64_t a, uint64_t b)
{
	uint64_t diff = a - b;

	if (diff >> 63)
		return -ns_of_fixed(-diff);
	return ns_of_fixed(diff);
}

uint64_t fizeau_ntp_add_ns(uint64_t a, int64_t ns)
{
	if (ns < 0)
		return a - fixed_of_ns(-(uint64_t)ns);
	return a + fixed_of_ns((uint64_t)ns);
}

int64_t fizeau_ntp_to_unix_ns(uint64_t ntp, uint64_t near)
{
	/* near is taken to be in the years 1970 to 2106: its seconds below the Unix
	   epoch are of the next era. */
	int64_t near_s = (uint32_t)((uint32_t)(near >> 32) - NTP_UNIX_OFFSET);
	int64_t s = near_s + (int32_t)((uint32_t)(ntp >> 32) - (uint32_t)(near >> 32));

	return s * NS_PER_S + ns_of_fixed(ntp & UINT32_MAX);
}

/* All of the seconds wrap at 2^32, NTP's in 2036 and PTP's in 2106, so that the difference of the epochs holds in any
   era. */
/*= rfc8186#section-2.3 PT-2.3-01 */
uint64_t fizeau_ptp_from_ntp(uint64_t ntp, int32_t tai_utc_s)
{
	uint32_t s = (uint32_t)(ntp >> 32) - NTP_UNIX_OFFSET + (uint32_t)tai_utc_s;
	int64_t ns = ns_of_fixed(ntp & UINT32_MAX);

	if (ns == NS_PER_S) {
		ns = 0;
		s++;
	}
	return (uint64_t)s << 32 | (uint64_t)ns;
}

/*= rfc8186#section-2.3 PT-2.3-01 */
bool fizeau_ntp_from_ptp(uint64_t ptp, int32_t tai_utc_s, uint64_t *ntp)
{
	uint32_t ns = (uint32_t)ptp;

	if (ns >= NS_PER_S)
		return false;
	*ntp = fizeau_ntp_from_unix((int64_t)(ptp >> 32) - tai_utc_s, ns);
	return true;
}

uint64_t fizeau_duration_from_ns(int64_t ns)
{
	const int64_t max_s = UINT32_MAX;

	if (ns <= 0)
		return 0;
	if (ns / NS_PER_S >= max_s)
		return (uint64_t)max_s << 32;
	return fixed_of_ns((uint64_t)ns);
}

int64_t fizeau_duration_to_ns(uint64_t duration)
{
	return ns_of_fixed(duration);
}

#define ESTIMATE_S 0x8000u
#define ESTIMATE_Z 0x4000u
#define ESTIMATE_SCALE 0x3f00u
#define ESTIMATE_MULTIPLIER 0x00ffu

/*= rfc4656#section-4.1.2 OW-4.1.2-05 OW-4.1.2-06 OW-4.1.2-07 OW-4.1.2-08 OW-4.1.2-09 */
uint16_t fizeau_error_estimate(uint64_t error_ns, bool synchronized)
{
	u128 fixed =
		((u128)(error_ns / NS_PER_S) << 32) + ((error_ns % NS_PER_S << 32) + NS_PER_S - 1) / NS_PER_S;
	unsigned scale = 0;

	while (fixed > ESTIMATE_MULTIPLIER) {
		fixed = (fixed + 1) / 2;
		scale++;
	}
	if (fixed == 0)
		fixed = 1;
	return (uint16_t)((synchronized ? ESTIMATE_S : 0) | scale << 8 | (unsigned)fixed);
}

int64_t fizeau_error_estimate_ns(uint16_t estimate)
{
	unsigned scale = (estimate & ESTIMATE_SCALE) >> 8;
	u128 fixed = (u128)(estimate & ESTIMATE_MULTIPLIER) << scale;
	u128 ns = (fixed * NS_PER_S + UINT32_MAX) >> 32;

	return ns > INT64_MAX ? INT64_MAX : (int64_t)ns;
}

/*= rfc8186#section-2.3 PT-2.3-01 */
uint16_t fizeau_error_estimate_in(uint16_t estimate, const struct fizeau_stamp_format *format)
{
	return (uint16_t)(format->ptp ? estimate | ESTIMATE_Z : estimate & ~ESTIMATE_Z);
}

bool fizeau_error_estimate_ptp(uint16_t estimate)
{
	return estimate & ESTIMATE_Z;
}

bool fizeau_error_estimate_synchronized(uint16_t estimate)
{
	return estimate & ESTIMATE_S;
}

/*= rfc4656#section-4.1.2 OW-4.1.2-10 */
bool fizeau_error_estimate_valid(uint16_t estimate)
{
	return (estimate & ESTIMATE_MULTIPLIER) != 0;
}
