/* SPDX-License-Identifier: MIT */
/* Wall-clock stamps, Error Estimates (RFC 4656 section 4.1.2) and the monotonic clock's type.
   The two clocks have types of their own, so that the compiler refuses to mix them. */
#ifndef FIZEAU_TIME_H
#define FIZEAU_TIME_H

#include <stdbool.h>
#include <stdint.h>
#include "error.h"

/* Where a stamp was taken. */
enum fizeau_stamp_source {
	FIZEAU_STAMP_USER,     /* read by the program: includes its own scheduling delay */
	FIZEAU_STAMP_KERNEL,   /* taken by the kernel's network stack */
	FIZEAU_STAMP_HARDWARE, /* taken by the network card */
};

/* A moment of the wall clock. */
struct fizeau_stamp {
	uint64_t ntp;                    /* 32.32 seconds since 1900-01-01, era left open (RFC 4656 4.1.2) */
	uint16_t error;                  /* Error Estimate as on the wire: S, Z, Scale, Multiplier */
	enum fizeau_stamp_source source;
};

/* A moment of the monotonic clock in nanoseconds; INT64_MAX is "never". */
struct fizeau_mono {
	int64_t ns;
};

#define FIZEAU_NEVER ((struct fizeau_mono){INT64_MAX})

/* NTP format of a Unix time; the fraction is truncated. nsec must be below 1,000,000,000. */
FIZEAU_API uint64_t fizeau_ntp_from_unix(int64_t sec, uint32_t nsec);

/* Nanoseconds since the Unix epoch of an NTP stamp, in the era nearest to the stamp `near`. */
FIZEAU_API int64_t fizeau_ntp_to_unix_ns(uint64_t ntp, uint64_t near);

/* a - b in nanoseconds, rounded to nearest; right across the era change of 2036 while the two are less than
   68 years apart. */
FIZEAU_API int64_t fizeau_ntp_diff_ns(uint64_t a, uint64_t b);

/* a + ns, modulo the era. */
FIZEAU_API uint64_t fizeau_ntp_add_ns(uint64_t a, int64_t ns);

#define FIZEAU_TAI_UTC_S 37 /* TAI less UTC since 2017-01-01, in seconds: for who knows no better */

/* Format of the stamps that an end writes (RFC 8186 section 2.3). Whoever reads goes by Z of each Error Estimate. Inside
   of the library, and in all of its interfaces, stamps are NTP. */
struct fizeau_stamp_format {
	bool ptp;          /* truncated PTPv2, Z = 1; else NTP */
	int32_t tai_utc_s; /* TAI less UTC, for PTPv2 stamps that are written or read */
};

/* Truncated PTPv2 format: low 32 bits of the TAI seconds since 1970, then 32 bits of nanoseconds; rounded to nearest. */
FIZEAU_API uint64_t fizeau_ptp_from_ntp(uint64_t ntp, int32_t tai_utc_s);
/* Back, truncated; the nanosecond is kept. False for nanoseconds above 999,999,999: no stamp, *ntp is not written. */
FIZEAU_API FIZEAU_MUST_USE bool fizeau_ntp_from_ptp(uint64_t ptp, int32_t tai_utc_s, uint64_t *ntp);

/* Duration in 32.32 seconds (Timeout, schedule slots). Values outside 0 .. 2^32-1 s are clamped. */
FIZEAU_API uint64_t fizeau_duration_from_ns(int64_t ns);
/* Nanoseconds of a 32.32 duration; at most 2^32 s, so it always fits. */
FIZEAU_API int64_t fizeau_duration_to_ns(uint64_t duration);

/* Error Estimate for an error of at most error_ns (0 counts as the smallest); the Multiplier is rounded up
   and never 0. synchronized sets S. Z is 0: NTP format. */
FIZEAU_API uint16_t fizeau_error_estimate(uint64_t error_ns, bool synchronized);
/* The same with Z of a format, and whether Z says PTPv2. */
FIZEAU_API uint16_t fizeau_error_estimate_in(uint16_t estimate, const struct fizeau_stamp_format *format);
FIZEAU_API bool fizeau_error_estimate_ptp(uint16_t estimate);
/* Upper bound in nanoseconds, rounded up, saturated at INT64_MAX. */
FIZEAU_API int64_t fizeau_error_estimate_ns(uint16_t estimate);
FIZEAU_API bool fizeau_error_estimate_synchronized(uint16_t estimate);
/* False when the Multiplier is 0 (RFC 4656 4.1.2: discard). */
FIZEAU_API bool fizeau_error_estimate_valid(uint16_t estimate);

#endif
