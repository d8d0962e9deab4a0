/* SPDX-License-Identifier: MIT */
#include <fizeau/sender.h>

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <fizeau/event.h>
#include "lib/base/buf.h"
#include "lib/base/padding.h"
#include "lib/crypto/packet.h"
#include "lib/wire/test_twamp.h"

#define HEADER_MAX 112 /* of a reflection */

struct fizeau_sender {
	struct fz_test_layout out, in;
	struct fizeau_test_features features;
	struct fz_packet packet; /* not in open mode */
	size_t octets;		 /* payload of each packet */
	size_t padding;
	size_t comes_back;	 /* octets of it that the reflector is to return */
	uint8_t *expected;	 /* room for as many; NULL if there are none */
	bool zero_padding;
	uint64_t padding_seed;
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

size_t fizeau_sender_header_octets(enum fizeau_test_mode mode, uint32_t modes)
{
	return fz_test_sender_layout(mode, &(struct fizeau_test_features){.modes = modes}).header;
}

size_t fizeau_reflector_header_octets(enum fizeau_test_mode mode, uint32_t modes)
{
	return fz_test_reflector_layout(mode, &(struct fizeau_test_features){.modes = modes}).header;
}

/*= rfc6038#section-4.2 RO-4.2-05 RO-4.2-06 RO-4.2-07 RO-4.2-08 RO-4.2-09 */
/*= rfc6038#section-5.1.3 RO-5.1.3-01 RO-5.1.3-02 */
/*= rfc7750#section-2.2.2 DE-2.2.2-01 */
uint32_t fizeau_test_padding_least(enum fizeau_test_mode mode, uint32_t modes, uint16_t reflect_length)
{
	uint32_t truncated =
		(uint32_t)(fizeau_reflector_header_octets(mode, modes) - fizeau_sender_header_octets(mode, modes));

	if ((modes & FIZEAU_MODE_REFLECT_OCTETS) == 0)
		return truncated;
	/* More than what comes back, also where nothing is cut off. */
	return truncated > 0 ? truncated + reflect_length : reflect_length + 1u;
}

/* What is to come back has to be in the packet, and Server octets in that. */
static bool features_fit(const struct fizeau_sender_config *config)
{
	const struct fizeau_test_features *features = &config->features;

	if ((features->modes & FIZEAU_MODE_REFLECT_OCTETS) == 0)
		return true;
	return config->padding_octets >=
			fizeau_test_padding_least(config->mode, features->modes, features->reflect_length) &&
		(features->server_octets == 0 || features->reflect_length >= sizeof(features->server_octets));
}

static int set_up(struct fizeau_sender *sender, const struct fizeau_sender_config *config)
{
	if (sender->comes_back > 0) {
		sender->expected = malloc(sender->comes_back);
		if (sender->expected == NULL)
			return FIZEAU_ERR_MEMORY;
	}
	if (config->mode == FIZEAU_TEST_OPEN)
		return 0;
	return fz_packet_init(&sender->packet, config->mode, FZ_PACKET_SEALS | FZ_PACKET_OPENS, &config->keys);
}

/*= rfc6038#section-3 RO-3-01 RO-3-02 */
struct fizeau_sender *fizeau_sender_new(const struct fizeau_sender_config *config)
{
	struct fz_test_layout out = fz_test_sender_layout(config->mode, &config->features);
	struct fizeau_sender *sender;
	struct fz_reader seed = fz_reader_of(config->padding_seed, sizeof(config->padding_seed));

	if (config->padding_octets > FIZEAU_TEST_PACKET_MAX - out.header || !features_fit(config))
		return NULL;
	sender = calloc(1, sizeof(*sender));
	if (sender == NULL)
		return NULL;
	sender->out = out;
	sender->in = fz_test_reflector_layout(config->mode, &config->features);
	sender->features = config->features;
	if ((config->features.modes & FIZEAU_MODE_REFLECT_OCTETS) != 0)
		sender->comes_back = config->features.reflect_length;
	sender->padding = config->padding_octets;
	sender->octets = out.header + sender->padding;
	sender->zero_padding = config->zero_padding;
	sender->padding_seed = fz_read_u64(&seed);
	if (set_up(sender, config) == 0)
		return sender;
	free(sender->expected);
	free(sender);
	return NULL;
}

void fizeau_sender_free(struct fizeau_sender *sender)
{
	if (sender == NULL)
		return;
	fz_packet_wipe(&sender->packet);
	free(sender->expected);
	free(sender);
}

/*= rfc3393#section-2.2 PV-2.2-01 */
/*= rfc4656#section-3.5 OW-3.5-18 */
size_t fizeau_sender_octets(const struct fizeau_sender *sender)
{
	return sender->octets;
}

/* Padding of packet seq, its first len octets. */
/*= rfc4656#section-4.1.2 OW-4.1.2-21 OW-4.1.2-22 OW-4.1.2-23 */
/*= rfc5357#section-4.2.1 TW-4.2.1-12 TW-4.2.1-13 TW-4.2.1-14 TW-4.2.1-15 TW-4.2.1-16 */
/*= rfc6038#section-4.2 RO-4.2-02 */
/*= rfc6038#section-4.3 RO-4.3-05 */
/*= rfc6038#section-5.1.2 RO-5.1.2-01 RO-5.1.2-02 RO-5.1.2-03 RO-5.1.2-05 */
static void put_padding(const struct fizeau_sender *sender, uint32_t seq, uint8_t *padding, size_t len)
{
	struct fz_writer w = fz_writer_of(padding, len);

	if (sender->zero_padding)
		memset(padding, 0, len);
	else
		fz_padding_put(sender->padding_seed, seq, padding, len);
	if (sender->comes_back > 0 && sender->features.server_octets != 0)
		fz_write_u16(&w, sender->features.server_octets);
}

int fizeau_sender_prepare(struct fizeau_sender *sender, uint32_t seq, uint8_t *buf)
{
	fz_test_sender_put(buf, &sender->out, seq);
	put_padding(sender, seq, buf + sender->out.header, sender->padding);
	/* The stamp's block is not covered in this mode: all of the work is done
	   before the moment of sending. */
	if (sender->out.mode == FIZEAU_TEST_AUTHENTICATED)
		return fz_packet_seal(&sender->packet, buf, sender->out.covered, buf + sender->out.hmac);
	return 0;
}

/*= rfc4656#section-4.1.1 OW-4.1.1-07 */
/*= rfc5357#section-4.1.1 TW-4.1.1-01 */
int fizeau_sender_finish(struct fizeau_sender *sender, uint8_t *buf, struct fizeau_stamp stamp)
{
	fz_test_stamp(buf, &sender->out, stamp);
	if (sender->out.mode == FIZEAU_TEST_ENCRYPTED)
		return fz_packet_seal(&sender->packet, buf, sender->out.covered, buf + sender->out.hmac);
	return 0;
}

/* Whether the padding of a reflection begins with what was to come back. */
static bool came_back(struct fizeau_sender *sender, uint32_t seq, const uint8_t *padding, size_t len)
{
	if (sender->comes_back == 0 || len < sender->comes_back)
		return false;
	put_padding(sender, seq, sender->expected, sender->comes_back);
	return memcmp(padding, sender->expected, sender->comes_back) == 0;
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
	if (sender->in.mode != FIZEAU_TEST_OPEN)
		error = fz_packet_open(&sender->packet, header, sender->in.covered, header + sender->in.hmac);
	if (error < 0)
		return error;
	error = fz_test_reflector_get(header, &sender->in, reflection);
	if (error < 0)
		return error;
	reflection->padding_came_back = came_back(sender, reflection->sender_seq, octets + sender->in.header,
		len - sender->in.header);
	if (!fizeau_error_estimate_valid(reflection->reflector_error))
		return FIZEAU_ERR_ESTIMATE;
	return 0;
}
