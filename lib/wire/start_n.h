/* SPDX-License-Identifier: MIT */
/* Start-N-Sessions, Stop-N-Sessions and their acks (RFC 5938): one format, a head, SIDs and an HMAC. As many SIDs as
   the head says, so they are as long as the sender likes. */
#ifndef FZ_WIRE_START_N_H
#define FZ_WIRE_START_N_H

#include <stddef.h>
#include <fizeau/event.h>

#define FZ_START_N_COMMAND 7
#define FZ_START_N_ACK_COMMAND 8
#define FZ_STOP_N_COMMAND 9
#define FZ_STOP_N_ACK_COMMAND 10
#define FZ_N_HEAD_OCTETS 16

struct fz_n_head {
	uint8_t command;
	uint8_t accept;    /* of the acks; else 0 */
	uint32_t sessions; /* Number of Sessions: SIDs that follow */
};

/* The head alone. FIZEAU_ERR_LENGTH unless len is FZ_N_HEAD_OCTETS, FIZEAU_ERR_UNEXPECTED for another command. */
FIZEAU_MUST_USE int fz_n_head_get(struct fz_n_head *head, const uint8_t *octets, size_t len);
FIZEAU_MUST_USE int fz_n_head_put(const struct fz_n_head *head, uint8_t *octets, size_t len);
/* FIZEAU_ERR_MALFORMED without a session, FIZEAU_ERR_LIMIT for more than max. */
FIZEAU_MUST_USE int fz_n_head_check(const struct fz_n_head *head, uint32_t max);

/* Octets of the whole message. */
size_t fz_n_octets(uint32_t sessions);

/* One SID; len is FIZEAU_SID_OCTETS, else FIZEAU_ERR_LENGTH. */
FIZEAU_MUST_USE int fz_n_sid_get(struct fizeau_sid *sid, const uint8_t *octets, size_t len);
FIZEAU_MUST_USE int fz_n_sid_put(const struct fizeau_sid *sid, uint8_t *octets, size_t len);

#endif
