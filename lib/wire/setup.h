/* SPDX-License-Identifier: MIT */
/* Set-Up-Response, and what a Mode may be. */
#ifndef FZ_WIRE_SETUP_H
#define FZ_WIRE_SETUP_H

#include <stdbool.h>
#include <fizeau/event.h>

#define FZ_SETUP_OCTETS 164

/* The bits of a protocol's Modes that are implemented. All others are zero when sent and ignored when received. The
   registries are apart: what one protocol calls mixed mode is reserved in the other, and its bit for the IKEv2-derived
   key is the other's for something else. */
uint32_t fz_modes_known(enum fizeau_protocol protocol);

struct fz_setup {
	uint32_t mode;
	uint8_t key_id[FIZEAU_KEYID_OCTETS];
	uint8_t token[FIZEAU_TOKEN_OCTETS];
	uint8_t client_iv[16];
};

/* FIZEAU_ERR_LENGTH unless len is FZ_SETUP_OCTETS. */
FIZEAU_MUST_USE int fz_setup_get(struct fz_setup *setup, const uint8_t *octets, size_t len);
FIZEAU_MUST_USE int fz_setup_put(const struct fz_setup *setup, uint8_t *octets, size_t len);
/* Of the implemented bits of Mode: FIZEAU_ERR_UNWILLING if none is set; FIZEAU_ERR_MODE if one was not offered,
   if it is not exactly one security mode, or if an IKEv2-derived key is to protect nothing. */
FIZEAU_MUST_USE int fz_setup_check(const struct fz_setup *setup, enum fizeau_protocol protocol, uint32_t offered);

/* The same of a bare Mode. */
FIZEAU_MUST_USE int fz_mode_check(enum fizeau_protocol protocol, uint32_t mode, uint32_t offered);
/* The control connection is encrypted. */
bool fz_mode_protects_control(uint32_t mode);
/* Sessions are started and stopped one by one. */
bool fz_mode_individual(enum fizeau_protocol protocol, uint32_t mode);
/* Test packets have keys of their own. */
bool fz_mode_protects_test(uint32_t mode);

#endif
