/* SPDX-License-Identifier: MIT */
/* What a Session-Reflector makes of the TLVs of a packet (RFC 8972 section 4). */
#ifndef FZ_PROTO_ST_ANSWER_H
#define FZ_PROTO_ST_ANSWER_H

#include <fizeau/st_reflector.h>

/* What TLVs are answered from. */
struct fz_st_answer {
	const struct fizeau_st_reflector_config *config;
	const struct fizeau_st_received *received;
	uint32_t packets; /* received and reflected, with this one: Direct Measurement */
};

/* Answers the TLVs of a reflection in their places; so far they are as they came. They may be used. reply gets dscp and
   follow_up_at. */
void fz_st_answer(const struct fz_st_answer *from, uint8_t *packet, size_t base, size_t len, struct fizeau_st_reply *reply);
/* Their HMAC failed: sets I in each of them, and nothing else. */
void fz_st_answer_failed(uint8_t *packet, size_t base, size_t len);

/* How a stamp of that source was taken. */
enum fizeau_st_method fz_st_method(enum fizeau_stamp_source source);

/* The reflection before, for Follow-Up. */
struct fz_st_departure {
	uint32_t seq;
	uint64_t stamp; /* as on the wire */
	uint8_t method; /* enum fizeau_st_method; 0: there was none */
};
/* Fills in all Follow-Up TLVs that were answered, of which the first is at. */
void fz_st_answer_follow_up(uint8_t *packet, size_t at, size_t len, const struct fz_st_departure *before);

#endif
