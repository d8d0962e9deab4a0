/* SPDX-License-Identifier: MIT */
#include <fizeau/sender.h>

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <fizeau/event.h>
#include "lib/base/buf.h"
#include "lib/crypto/packet.h"
#include "lib/wire/test_twamp.h"

#define HEADER_MAX 112 /* of a reflection */

struct fizeau_sender {
	enum fizeau_test_mode mode;
	struct fz_test_layout out, in;
	struct fz_packet packet; /* not in open mode */
	size_t octets;		 /* payload of each packet */
	size_t padding;
	bool zero_padding;
	uint64_t padding_state;
};

/*= rfc5618#section-1 MX-1-01 */
/*= rfc5618#section-3.1 MX-3.1-01 MX-3.1-02 MX-3.1-04 */
/*= rfc5618#section-4.1.2 MX-4.1.2-01 MX-4.1.2-02 */
/*= rfc4656#section-4 OW-4-02 */
enum fizeau_test_mode fizeau_test_mode_of(uint32_t mode)
{
	if (mode & FIZEAU_MODE_ENCRYPTED)
		return FIZEAU_TEST_ENCRYPTED;
	if (mode & FIZEAU_MODE_AUTHENTICATED)
		return FIZEAU_TEST_AUTHENTICATED;
	return FIZEAU_TEST_OPEN;
}

size_t fizeau_sender_header_octets(enum fizeau_test_mode mode)
{
	return fz_test_sender_layout(mode).header;
}

size_t fizeau_reflector_header_octets(enum fizeau_test_mode mode)
{
	return fz_test_reflector_layout(mode).header;
}

struct fizeau_sender *fizeau_sender_new(const struct fizeau_sender_config *config)
{
	struct fz_test_layout out = fz_test_sender_layout(config->mode);
	struct fizeau_sender *sender;
	struct fz_reader seed = fz_reader_of(config->padding_seed, sizeof(config->padding_seed));

	if (config->padding_octets > FIZEAU_TEST_PACKET_MAX - out.header)
		return NULL;
	sender = calloc(1, sizeof(*sender));
	if (sender == NULL)
		return NULL;
	sender->mode = config->mode;
	sender->out = out;
	sender->in = fz_test_reflector_layout(config->mode);
	sender->padding = config->padding_octets;
	sender->octets = out.header + sender->padding;
	sender->zero_padding = config->zero_padding;
	sender->padding_state = fz_read_u64(&seed);
	if (config->mode != FIZEAU_TEST_OPEN &&
		fz_packet_init(&sender->packet, config->mode, FZ_PACKET_SEALS | FZ_PACKET_OPENS, &config->keys) < 0) {
		free(sender);
		return NULL;
	}
	return sender;
}

void fizeau_sender_free(struct fizeau_sender *sender)
{
	if (sender == NULL)
		return;
	fz_packet_wipe(&sender->packet);
	free(sender);
}

/*= rfc3393#section-2.2 PV-2.2-01 */
/*= rfc4656#section-3.5 OW-3.5-18 */
size_t fizeau_sender_octets(const struct fizeau_sender *sender)
{
	return sender->octets;
}

/* SplitMix64: its state is the session's own, so that nothing can be learnt from it
   about other random numbers. */
static uint64_t padding_next(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

/*= rfc4656#section-4.1.2 OW-4.1.2-21 OW-4.1.2-22 OW-4.1.2-23 */
/*= rfc5357#section-4.2.1 TW-4.2.1-12 TW-4.2.1-13 TW-4.2.1-14 TW-4.2.1-15 TW-4.2.1-16 */
static void put_padding(struct fizeau_sender *sender, uint8_t *padding)
{
	size_t left = sender->padding;
	uint64_t random;

	if (sender->zero_padding) {
		memset(padding, 0, left);
		return;
	}
	for (; left >= sizeof(random); left -= sizeof(random)) {
		random = padding_next(&sender->padding_state);
		memcpy(padding, &random, sizeof(random));
		padding += sizeof(random);
	}
	random = padding_next(&sender->padding_state);
	memcpy(padding, &random, left);
}

int fizeau_sender_prepare(struct fizeau_sender *sender, uint32_t seq, uint8_t *buf)
{
	fz_test_sender_put(buf, sender->mode, seq);
	put_padding(sender, buf + sender->out.header);
	/* The stamp's block is not covered in this mode: all of the work is done
	   before the moment of sending. */
	if (sender->mode == FIZEAU_TEST_AUTHENTICATED)
		return fz_packet_seal(&sender->packet, buf, sender->out.covered, buf + sender->out.hmac);
	return 0;
}

/*= rfc4656#section-4.1.1 OW-4.1.1-07 */
/*= rfc5357#section-4.1.1 TW-4.1.1-01 */
int fizeau_sender_finish(struct fizeau_sender *sender, uint8_t *buf, struct fizeau_stamp stamp)
{
	fz_test_sender_stamp(buf, sender->mode, stamp);
	if (sender->mode == FIZEAU_TEST_ENCRYPTED)
		return fz_packet_seal(&sender->packet, buf, sender->out.covered, buf + sender->out.hmac);
	return 0;
}

int fizeau_sender_reflection(
	struct fizeau_sender *sender, const uint8_t *octets, size_t len, struct fizeau_reflection *reflection)
{
	uint8_t header[HEADER_MAX];
	int error = 0;

	assert(sender->in.header <= sizeof(header));
	/* A reflector need not shorten the padding (wire.md T-20), so up to all of it may be there. */
	if (len < sender->in.header || len > sender->in.header + sender->padding)
		return FIZEAU_ERR_LENGTH;
	memcpy(header, octets, sender->in.header);
	if (sender->mode != FIZEAU_TEST_OPEN)
		error = fz_packet_open(&sender->packet, header, sender->in.covered, header + sender->in.hmac);
	if (error < 0)
		return error;
	fz_test_reflector_get(header, sender->mode, reflection);
	if (!fizeau_error_estimate_valid(reflection->reflector_error))
		return FIZEAU_ERR_ESTIMATE;
	return 0;
}
