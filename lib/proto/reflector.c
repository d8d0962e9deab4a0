/* SPDX-License-Identifier: MIT */
#include <fizeau/reflector.h>

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include "lib/crypto/packet.h"
#include "lib/wire/test_twamp.h"

#define FIELDS_MAX 48 /* of a sender's packet */

struct fizeau_reflector {
	uint32_t seq; /* of the next reflection */
	struct fz_test_layout in, out;
	bool zero_padding;
	struct fz_packet packet; /* not in open mode */
};

/*= rfc5618#section-4.2 MX-4.2-01 */
/*= rfc6038#section-3 RO-3-01 RO-3-02 */
struct fizeau_reflector *fizeau_reflector_new(const struct fizeau_reflector_config *config)
{
	struct fizeau_reflector *reflector = calloc(1, sizeof(*reflector));

	if (reflector == NULL)
		return NULL;
	reflector->in = fz_test_sender_layout(config->mode, &config->features);
	reflector->out = fz_test_reflector_layout(config->mode, &config->features);
	reflector->zero_padding = config->zero_padding;
	if (config->mode != FIZEAU_TEST_OPEN &&
		fz_packet_init(&reflector->packet, config->mode, FZ_PACKET_SEALS | FZ_PACKET_OPENS, &config->keys) < 0) {
		free(reflector);
		return NULL;
	}
	return reflector;
}

void fizeau_reflector_free(struct fizeau_reflector *reflector)
{
	if (reflector == NULL)
		return;
	fz_packet_wipe(&reflector->packet);
	free(reflector);
}

/* header: becomes the packet's, opened. */
/*= rfc5357#section-4.2 TW-4.2-02 TW-4.2-03 */
static int open_header(struct fizeau_reflector *reflector, const uint8_t *in, uint8_t header[static FIELDS_MAX],
	struct fz_test_sender *packet)
{
	int error = 0;

	assert(reflector->in.fields <= FIELDS_MAX);
	memcpy(header, in, reflector->in.fields);
	/* RFC 5357 4.2 speaks of 96 octets here, but a sender's packet has 32
	   encrypted ones (wire.md T-04). */
	if (reflector->in.mode != FIZEAU_TEST_OPEN)
		error = fz_packet_open(
			&reflector->packet, header, reflector->in.covered, header + reflector->in.hmac);
	if (error == 0)
		fz_test_sender_get(header, &reflector->in, packet);
	return error;
}

/* Authenticated mode protects the first block alone, with the sender's keys and in the same way in both directions. As
   long as none was lost the reflection has the number of what it answers; then its block and HMAC are, octet for octet,
   those that came and were found good, and to compute them again would be half of the mode's price. */
static int seal_block(struct fizeau_reflector *reflector, const uint8_t *in, const uint8_t header[static FIELDS_MAX],
	uint8_t *out)
{
	size_t covered = reflector->out.covered;

	/* All of the block and not only the number: what is MBZ may have come as anything. */
	if (memcmp(out, header, covered) != 0)
		return fz_packet_seal(&reflector->packet, out, covered, out + reflector->out.hmac);
	memcpy(out, in, covered);
	memcpy(out + reflector->out.hmac, in + reflector->in.hmac, FZ_HMAC_FIELD);
	return 0;
}

/*= rfc5357#section-1.2 TW-1.2-01 */
/*= rfc5357#section-4.2 TW-4.2-08 */
/*= rfc5357#section-4.2.1 TW-4.2.1-01 TW-4.2.1-06 TW-4.2.1-08 TW-4.2.1-18 TW-4.2.1-19 TW-4.2.1-20 */
/*= rfc6038#section-4.2 RO-4.2-04 */
/*= rfc6038#section-5.1.2 RO-5.1.2-04 */
/*= rfc6038#section-5.2 RO-5.2-01 RO-5.2-02 */
/*= rfc6038#section-5.2.1 RO-5.2.1-01 RO-5.2.1-02 RO-5.2.1-03 RO-5.2.1-04 RO-5.2.1-05 RO-5.2.1-06 RO-5.2.1-07 */
/*= rfc6038#section-5.2.2 RO-5.2.2-01 RO-5.2.2-02 */
/*= rfc6673#section-8 RL-8-01 */
int fizeau_reflector_reflect(struct fizeau_reflector *reflector, const uint8_t *in, size_t len,
	struct fizeau_stamp received, uint8_t ttl, uint8_t tos, uint8_t *out, size_t cap)
{
	size_t octets = len > reflector->out.header ? len : reflector->out.header;
	size_t padding = octets - reflector->out.header;
	struct fz_test_sender packet;
	struct fizeau_reflection reflection;
	uint8_t header[FIELDS_MAX];
	int error;

	if (len < reflector->in.least || len > FIZEAU_TEST_PACKET_MAX || cap < octets)
		return FIZEAU_ERR_LENGTH;
	error = open_header(reflector, in, header, &packet);
	if (error < 0)
		return error;
	/* The sender's fields go back as they came, also if they make no sense: that
	   is for the sender to judge. */
	reflection = (struct fizeau_reflection){
		.seq = reflector->seq,
		.sender_seq = packet.seq,
		.sender_ntp = packet.ntp,
		.sender_error = packet.error,
		.receive_ntp = received.ntp,
		.sender_ttl = ttl,
		.sender_tos = tos,
	};
	fz_test_reflector_put(out, &reflector->out, &reflection);
	if (reflector->zero_padding)
		memset(out + reflector->out.header, 0, padding);
	else
		memcpy(out + reflector->out.header, in + reflector->in.header, padding);
	if (reflector->out.mode == FIZEAU_TEST_AUTHENTICATED)
		error = seal_block(reflector, in, header, out);
	if (error < 0)
		return error;
	reflector->seq++;
	return (int)octets;
}

/*= rfc5357#section-4.2.1 TW-4.2.1-07 TW-4.2.1-24 */
int fizeau_reflector_finish(struct fizeau_reflector *reflector, uint8_t *out, struct fizeau_stamp stamp)
{
	fz_test_stamp(out, &reflector->out, stamp);
	if (reflector->out.mode == FIZEAU_TEST_ENCRYPTED)
		return fz_packet_seal(
			&reflector->packet, out, reflector->out.covered, out + reflector->out.hmac);
	return 0;
}
