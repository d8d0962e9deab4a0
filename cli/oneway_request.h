/* SPDX-License-Identifier: MIT */
/* Request-Session of a client that runs one end of the session itself (RFC 4656 section 3.5). */
#ifndef FZ_CLI_ONEWAY_REQUEST_H
#define FZ_CLI_ONEWAY_REQUEST_H

#include <stdbool.h>
#include <fizeau/sender.h>
#include "measurement.h"

/* A session that was accepted. Clear it after use. */
struct fz_ow_session {
	struct fizeau_ow_request request; /* as it was sent, with the SID that counts */
	struct fizeau_slot *slots;
	struct fz_addr remote;            /* the server's end */
	enum fizeau_test_mode mode;
	struct fizeau_test_keys keys;
};

/* Asks for a session with our end at udp and fills what is known of it into facts. False after a complaint, with the
   reason in failure; session is to be cleared anyway. */
FIZEAU_MUST_USE bool fz_ow_request(struct fz_measurement *measurement, enum fz_direction direction,
	const struct fz_udp *udp, uint64_t start_ntp, struct fz_ow_session *session, struct fz_session_facts *facts,
	char failure[static FZ_ERROR_TEXT]);
void fz_ow_session_clear(struct fz_ow_session *session);

/* UDP payload of the test packets. */
size_t fz_ow_packet_octets(const struct fz_measurement *measurement);
/* Who floods us with copies must not take the memory: a few of each number are enough to see it. */
size_t fz_ow_records_max(uint32_t packets);
#endif
