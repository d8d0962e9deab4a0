/* SPDX-License-Identifier: MIT */
/* The features of TWAMP (RFC 6038, RFC 7750, RFC 8186): those that are wished for, and what reflections tell of them. */
#ifndef FZ_CLI_TWAMP_FEATURES_H
#define FZ_CLI_TWAMP_FEATURES_H

#include <stdbool.h>
#include <stdint.h>
#include <fizeau/event.h>
#include <fizeau/sender.h>

#define FZ_FEATURES_TEXT 64 /* room for all of the names */
#define FZ_REFLECT_LENGTH_MAX 65000u

struct fz_feature_wish {
	uint32_t modes;          /* bits of FIZEAU_MODE_FEATURES */
	uint16_t reflect_length; /* octets of padding that are to come back; 0: not given */
};

/* "symmetrical,reflect-octets=8": each at most once. False if the text is none, and nothing was written then. */
FIZEAU_MUST_USE bool fz_features_parse(const char *text, struct fz_feature_wish *wish);
/* "symmetrical, dscp-ecn"; "none" of none. */
void fz_features_text(uint32_t modes, char text[static FZ_FEATURES_TEXT]);

/* Octets that are to come back, in a session of that mode: those that are wished for, else all of the padding that can. */
uint16_t fz_features_reflect_length(const struct fz_feature_wish *wish, enum fizeau_test_mode mode, bool padding_given,
	uint32_t padding_octets);
/* Padding of a session for which none is given. */
uint32_t fz_features_padding(const struct fz_feature_wish *wish, enum fizeau_test_mode mode);

/* What the reflections of a session told, copies included. */
struct fz_features_seen {
	uint64_t forward[256];  /* by the TOS or Traffic Class octet that the reflector saw */
	uint64_t backward[256]; /* by the one of the reflection as it arrived */
	uint64_t came_back, altered; /* with the padding that was to come back, and without */
	uint64_t ptp;           /* with stamps of the reflector in PTPv2 format */
};

void fz_features_see(struct fz_features_seen *seen, const struct fizeau_reflection *reflection, uint8_t traffic_class);

#endif
