/* SPDX-License-Identifier: MIT */
/* From a secret to the keys of a connection and of a test session: RFC 4656 section 3.1, RFC 7717 section 5.
   Every key is the caller's to wipe with fizeau_wipe. */
#ifndef FIZEAU_KEYS_H
#define FIZEAU_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "error.h"

#define FIZEAU_SID_OCTETS 16
#define FIZEAU_KEYID_OCTETS 80
#define FIZEAU_TOKEN_OCTETS 64
#define FIZEAU_COUNT_MIN 1024u            /* RFC 4656 3.1 */
#define FIZEAU_COUNT_MAX_DEFAULT 32768u   /* RFC 5357 section 6 */
#define FIZEAU_IKE_KEY_MAX 64             /* longest output of a PRF of IKEv2 */
#define FIZEAU_ST_IKE_KEY_OCTETS 32       /* HMAC key of a STAMP session that an IKE_SA keys */

/* The pair that the Token carries; protects one control connection. */
struct fizeau_session_keys {
	uint8_t aes[16];
	uint8_t hmac[32];
};

/* The pair derived from it and the SID; protects the packets of one test session. */
struct fizeau_test_keys {
	uint8_t aes[16];
	uint8_t hmac[32];
};

/* The pseudorandom functions that an IKE_SA can have negotiated (IKEv2 transform type 2). */
enum fizeau_prf {
	FIZEAU_PRF_NONE = 0,
	FIZEAU_PRF_HMAC_SHA1 = 2,
	FIZEAU_PRF_AES128_XCBC = 4,
	FIZEAU_PRF_HMAC_SHA2_256 = 5,
	FIZEAU_PRF_HMAC_SHA2_384 = 6,
	FIZEAU_PRF_HMAC_SHA2_512 = 7,
	FIZEAU_PRF_AES128_CMAC = 8,
};

/* How prf(SK_d, "IPPM") becomes the key of the Token; doc/adr/0001. */
enum fizeau_ike_reading {
	FIZEAU_IKE_DIRECT, /* reading A: its leftmost 16 octets */
	FIZEAU_IKE_PBKDF2, /* reading B: it is the shared secret that goes into PBKDF2 */
};

/* Wipes a secret so that the compiler cannot leave it out. */
FIZEAU_API void fizeau_wipe(void *secret, size_t octets);

/* Name as in ike static files and the key service ("hmac-sha2-256"), NULL if unknown. */
FIZEAU_API const char *fizeau_prf_name(enum fizeau_prf prf);
FIZEAU_API enum fizeau_prf fizeau_prf_from_name(const char *name); /* FIZEAU_PRF_NONE if unknown */
/* Octets of its output; 0 if unknown. */
FIZEAU_API size_t fizeau_prf_octets(enum fizeau_prf prf);

/* prf(SK_d, "IPPM") at full length (RFC 7717 5.1). Returns the octets written, or FIZEAU_ERR_RANGE (unknown
   PRF, empty SK_d) or FIZEAU_ERR_CRYPTO. */
FIZEAU_API FIZEAU_MUST_USE int fizeau_prf_ippm(enum fizeau_prf prf, const uint8_t *sk_d, size_t sk_d_octets,
	uint8_t key[static FIZEAU_IKE_KEY_MAX]);

/* FIZEAU_ERR_COUNT unless count is a power of two from 1024 to max_count. */
FIZEAU_API FIZEAU_MUST_USE int fizeau_count_check(uint32_t count, uint32_t max_count);

/* Token key of a passphrase: PBKDF2-HMAC-SHA1, 16 octets (RFC 4656 3.1). Takes milliseconds at high counts:
   call fizeau_count_check first. FIZEAU_ERR_CRYPTO if libcrypto fails. */
FIZEAU_API FIZEAU_MUST_USE int fizeau_token_key_passphrase(const uint8_t *passphrase, size_t octets,
	const uint8_t salt[static 16], uint32_t count, uint8_t token_key[static 16]);

/* Token key of prf(SK_d, "IPPM") under a reading; salt and count are used by FIZEAU_IKE_PBKDF2 only.
   FIZEAU_ERR_RANGE if the key has fewer than 16 or more than 64 octets. */
FIZEAU_API FIZEAU_MUST_USE int fizeau_token_key_ike(const uint8_t *key, size_t octets, enum fizeau_ike_reading reading,
	const uint8_t salt[static 16], uint32_t count, uint8_t token_key[static 16]);

/* Seals Challenge and session keys (RFC 4656 3.1: AES-128-CBC, IV 0, no padding). */
FIZEAU_API FIZEAU_MUST_USE int fizeau_token_seal(const uint8_t token_key[static 16], const uint8_t challenge[static 16],
	const struct fizeau_session_keys *keys, uint8_t token[static FIZEAU_TOKEN_OCTETS]);

/* Opens a Token. FIZEAU_ERR_KEY if it does not hold the Challenge (compared in constant time); keys is then
   wiped. */
FIZEAU_API FIZEAU_MUST_USE int fizeau_token_open(const uint8_t token_key[static 16], const uint8_t challenge[static 16],
	const uint8_t token[static FIZEAU_TOKEN_OCTETS], struct fizeau_session_keys *keys);

/* Test keys of a session (RFC 4656 4.1.2: the SID is the AES key, the session keys are the data). */
FIZEAU_API FIZEAU_MUST_USE int fizeau_test_keys_derive(const struct fizeau_session_keys *keys,
	const uint8_t sid[static FIZEAU_SID_OCTETS], struct fizeau_test_keys *test_keys);

/* HMAC-SHA-256 key of the STAMP session with this SSID from prf(SK_d, "IPPM") at full length; doc/stamp-ike.md, an
   experimental extension. SPIs of the IKE initiator and responder. FIZEAU_ERR_RANGE if the key has fewer than 16 or more
   than 64 octets, or if ssid is 0 (it names no session); FIZEAU_ERR_CRYPTO. */
FIZEAU_API FIZEAU_MUST_USE int fizeau_st_key_ike(const uint8_t *key, size_t octets, const uint8_t spi_i[static 8],
	const uint8_t spi_r[static 8], uint16_t ssid, uint8_t st_key[static FIZEAU_ST_IKE_KEY_OCTETS]);

/* Whether a packet in authenticated mode, of 112 octets at least, carries the HMAC of this key
   (RFC 8762 4.4; compared in constant time): 0 or FIZEAU_ERR_HMAC, FIZEAU_ERR_LENGTH (shorter), FIZEAU_ERR_CRYPTO. For
   who has to find out which key a session has; its machine does the rest of its packets. */
FIZEAU_API FIZEAU_MUST_USE int fizeau_st_key_verifies(const uint8_t st_key[static FIZEAU_ST_IKE_KEY_OCTETS],
	const uint8_t *packet, size_t len);

/* A SID (RFC 4656 3.5): address (IPv4, or the last four octets of IPv6) | time | random. */
FIZEAU_API void fizeau_sid_make(const uint8_t address[static 4], uint64_t ntp, const uint8_t random[static 4],
	uint8_t sid[static FIZEAU_SID_OCTETS]);

#endif
