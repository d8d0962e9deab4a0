/* SPDX-License-Identifier: MIT */
/* The Fetch-Client (RFC 4656 section 3.9), on a control connection that is set up and not measuring. */
#ifndef FIZEAU_FETCH_CLIENT_H
#define FIZEAU_FETCH_CLIENT_H

#include "control_client.h"

#define FIZEAU_FETCH_ALL_BEGIN 0u /* together: the complete session */
#define FIZEAU_FETCH_ALL_END 0xffffffffu

/* Sends Fetch-Session for the numbers begin .. end. The answer comes as events:

     FIZEAU_EVENT_FETCH_ANSWER   a refusal, and that is all; or what session it is and how many records follow
     FIZEAU_EVENT_FETCH_RECORDS  some of them, as often as it takes
     FIZEAU_EVENT_FETCH_DONE     all are in, and the last HMAC has proved them: only now may they be used

   recv takes no more octets before each of these was pulled, so what it left is to be offered again afterwards. Then the
   connection takes the next command. Whatever does not verify closes the connection. Errors as
   fizeau_control_client_request_tw. */
FIZEAU_API FIZEAU_MUST_USE int fizeau_control_client_fetch(struct fizeau_control_client *client,
	const uint8_t sid[static FIZEAU_SID_OCTETS], uint32_t begin, uint32_t end, struct fizeau_mono now);

#endif
