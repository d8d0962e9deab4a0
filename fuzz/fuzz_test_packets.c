/* SPDX-License-Identifier: MIT */
/* What comes from the network on test ports: sender's packets at the reflector, reflections at the sender, in
   all modes. The first octet chooses: bits 0-1 the mode, bit 2 the end, bit 3 whether the rest is sealed with
   the right keys first, so that what lies behind the HMAC is reached too. */
#include <stdlib.h>
#include <string.h>
#include <fizeau/reflector.h>
#include "lib/crypto/packet.h"
#include "lib/wire/test_twamp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define OCTETS_MAX 4096
#define PADDING 100

static void must(bool condition)
{
	if (!condition)
		abort();
}

static const struct fizeau_test_keys keys = {.aes = {1, 2, 3}, .hmac = {4, 5, 6}};
static const struct fizeau_stamp received = {.ntp = 0xe800000a22222222, .error = 0x8b02};
static const struct fizeau_stamp departed = {.ntp = 0xe800000a23456789, .error = 0x8b02};

static void seal(enum fizeau_test_mode mode, struct fz_test_layout layout, uint8_t *octets, size_t len)
{
	struct fz_packet packet;

	if (mode == FIZEAU_TEST_OPEN || len < layout.header)
		return;
	must(fz_packet_init(&packet, mode, FZ_PACKET_SEALS, &keys) == 0);
	must(fz_packet_seal(&packet, octets, layout.covered, octets + layout.hmac) == 0);
	fz_packet_wipe(&packet);
}

static struct fizeau_sender *new_sender(enum fizeau_test_mode mode)
{
	struct fizeau_sender_config config = {.mode = mode, .keys = keys, .padding_octets = PADDING};
	struct fizeau_sender *sender = fizeau_sender_new(&config);

	must(sender != NULL);
	return sender;
}

/* A reflection is as long as the RFC says, and its sender can read it. */
static void at_reflector(enum fizeau_test_mode mode, const uint8_t *in, size_t len)
{
	struct fizeau_reflector_config config = {.mode = mode, .keys = keys};
	struct fizeau_reflector *reflector = fizeau_reflector_new(&config);
	uint8_t out[OCTETS_MAX];
	size_t header = fizeau_reflector_header_octets(mode);
	int octets;

	must(reflector != NULL);
	octets = fizeau_reflector_reflect(reflector, in, len, received, 64, out, sizeof(out));
	if (octets >= 0) {
		struct fizeau_sender *sender = new_sender(mode);
		struct fizeau_reflection reflection;

		must((size_t)octets == (len > header ? len : header));
		must(fizeau_reflector_finish(reflector, out, departed) == 0);
		must(fizeau_sender_reflection(sender, out, header, &reflection) == 0);
		must(reflection.seq == 0 && reflection.receive_ntp == received.ntp);
		fizeau_sender_free(sender);
	} else {
		must(octets == FIZEAU_ERR_LENGTH || octets == FIZEAU_ERR_HMAC);
	}
	fizeau_reflector_free(reflector);
}

static void at_sender(enum fizeau_test_mode mode, const uint8_t *in, size_t len)
{
	struct fizeau_sender *sender = new_sender(mode);
	struct fizeau_reflection reflection;
	int error = fizeau_sender_reflection(sender, in, len, &reflection);

	if (error == 0)
		must(len >= fizeau_reflector_header_octets(mode) && (reflection.reflector_error & 0xff) != 0);
	else
		must(error == FIZEAU_ERR_LENGTH || error == FIZEAU_ERR_HMAC || error == FIZEAU_ERR_ESTIMATE);
	fizeau_sender_free(sender);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	enum fizeau_test_mode mode;
	uint8_t *octets;
	size_t len;

	if (size < 1 || size > OCTETS_MAX)
		return 0;
	mode = (enum fizeau_test_mode)((data[0] & 3) % 3);
	len = size - 1;
	/* Of exactly this size, so that a sanitizer sees the first octet read too far. */
	octets = malloc(len > 0 ? len : 1);
	must(octets != NULL);
	memcpy(octets, data + 1, len);
	if (data[0] & 4) {
		if (data[0] & 8)
			seal(mode, fz_test_reflector_layout(mode), octets, len);
		at_sender(mode, octets, len);
	} else {
		if (data[0] & 8)
			seal(mode, fz_test_sender_layout(mode), octets, len);
		at_reflector(mode, octets, len);
	}
	free(octets);
	return 0;
}
