/* SPDX-License-Identifier: MIT */
/* Values of options, read from text. Pure; false if the text is none, and nothing was written then. */
#ifndef FZ_CLI_VALUES_H
#define FZ_CLI_VALUES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <fizeau/keys.h>

/* One slot of a schedule as it was asked for. */
struct fz_slot_wish {
	bool exponential; /* else fixed */
	int64_t ns;       /* mean or interval, >= 0 */
};

#define FZ_SLOTS_MAX 256
#define FZ_MODES_MAX 4

/* Decimal number from min to max. */
FIZEAU_MUST_USE bool fz_value_number(const char *text, uint64_t min, uint64_t max, uint64_t *value);
/* Time with its unit: ns us ms s m h, decimals allowed ("0.5ms"); "0" needs none. At most 2^32-1 seconds. */
FIZEAU_MUST_USE bool fz_value_time(const char *text, int64_t *ns);
/* "100ms", "exp:100ms", "exp:1s,0s"; slots has room for FZ_SLOTS_MAX. */
FIZEAU_MUST_USE bool fz_value_schedule(const char *text, struct fz_slot_wish *slots, size_t *count);
/* Comma-separated names of security modes, each at most once. */
FIZEAU_MUST_USE bool fz_value_modes(const char *text, uint32_t modes[static FZ_MODES_MAX], size_t *count);
/* "A-B" or "A", 1 .. 65535. */
FIZEAU_MUST_USE bool fz_value_ports(const char *text, uint16_t *low, uint16_t *high);

/* A slot as fz_value_schedule takes it. */
void fz_slot_text(const struct fz_slot_wish *slot, char text[static 48]);
/* 32 hex digits. */
FIZEAU_MUST_USE bool fz_value_sid(const char *text, uint8_t sid[static FIZEAU_SID_OCTETS]);

/* Well-formed UTF-8 (RFC 3629). */
FIZEAU_MUST_USE bool fz_value_utf8(const char *text);

/* Name of one security mode (a bit of FIZEAU_MODE_SECURITY): "open" ...; "unknown" for anything else. */
const char *fz_mode_name(uint32_t mode);

#endif
