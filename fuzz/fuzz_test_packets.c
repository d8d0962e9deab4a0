/* SPDX-License-Identifier: MIT */
/* What comes from the network on test ports: sender's packets at the reflector, reflections at the sender, in
   all modes. The first octet chooses: bits 0-1 the mode, bit 2 the end, bit 3 whether the rest is sealed with
   the right keys first, so that what lies behind the HMAC is reached too, bits 4-7 the features of the session. */
#include <stdlib.h>
#include <string.h>
#include <fizeau/event.h>
#include <fizeau/reflector.h>
#include "lib/crypto/packet.h"
#include "lib/wire/test_twamp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define OCTETS_MAX 4096
#define PADDING 200
#define REFLECT 50

static void must(bool condition)
{
	if (!condition)
		abort();
}

static const struct fizeau_test_keys keys = {.aes = {1, 2, 3}, .hmac = {4, 5, 6}};
static const struct fizeau_stamp received = {.ntp = 0xe800000a22222222, .error = 0x8b02};
static const struct fizeau_stamp departed = {.ntp = 0xe800000a23456789, .error = 0x8b02};

/* What the first octet chose. */
struct session {
	enum fizeau_test_mode mode;
	struct fizeau_test_features features;
};

static void seal(enum fizeau_test_mode mode, struct fz_test_layout layout, uint8_t *octets, size_t len)
{
	struct fz_packet packet;

	if (mode == FIZEAU_TEST_OPEN || len < layout.fields)
		return;
	must(fz_packet_init(&packet, mode, FZ_PACKET_SEALS, &keys) == 0);
	must(fz_packet_seal(&packet, octets, layout.covered, octets + layout.hmac) == 0);
	fz_packet_wipe(&packet);
}

static struct fizeau_sender *new_sender(const struct session *session)
{
	struct fizeau_sender_config config = {
		.mode = session->mode, .keys = keys, .features = session->features, .padding_octets = PADDING};
	struct fizeau_sender *sender = fizeau_sender_new(&config);

	must(sender != NULL);
	return sender;
}

static int64_t apart_ns(uint64_t ntp)
{
	return fizeau_ntp_diff_ns(ntp, received.ntp);
}

/* A reflection is as long as the RFC says, and its sender can read it. */
static void at_reflector(const struct session *session, const uint8_t *in, size_t len)
{
	struct fizeau_reflector_config config = {
		.mode = session->mode, .keys = keys, .features = session->features};
	struct fizeau_reflector *reflector = fizeau_reflector_new(&config);
	uint8_t out[OCTETS_MAX];
	size_t header = fizeau_reflector_header_octets(session->mode, session->features.modes);
	int octets, error;

	must(reflector != NULL);
	octets = fizeau_reflector_reflect(reflector, in, len, received, 64, 0xb9, out, sizeof(out));
	if (octets >= 0) {
		struct fizeau_sender *sender = new_sender(session);
		struct fizeau_reflection reflection;

		must((size_t)octets == (len > header ? len : header));
		must(fizeau_reflector_finish(reflector, out, departed) == 0);
		error = fizeau_sender_reflection(sender, out, header, &reflection);
		/* The sender's stamp comes back as it came, and may be none. */
		if (error == FIZEAU_ERR_ESTIMATE && (session->features.modes & FIZEAU_MODE_PTP)) {
			fizeau_sender_free(sender);
			fizeau_reflector_free(reflector);
			return;
		}
		must(error == 0);
		must(reflection.seq == 0 && apart_ns(reflection.receive_ntp) == 0);
		must(reflection.sender_tos == (session->features.modes & FIZEAU_MODE_DSCP_ECN ? 0xb9 : 0));
		fizeau_sender_free(sender);
	} else {
		must(octets == FIZEAU_ERR_LENGTH || octets == FIZEAU_ERR_HMAC);
	}
	fizeau_reflector_free(reflector);
}

static void at_sender(const struct session *session, const uint8_t *in, size_t len)
{
	struct fizeau_sender *sender = new_sender(session);
	struct fizeau_reflection reflection;
	int error = fizeau_sender_reflection(sender, in, len, &reflection);

	if (error == 0)
		must(len >= fizeau_reflector_header_octets(session->mode, session->features.modes) && (reflection.reflector_error & 0xff) != 0);
	else
		must(error == FIZEAU_ERR_LENGTH || error == FIZEAU_ERR_HMAC || error == FIZEAU_ERR_ESTIMATE);
	fizeau_sender_free(sender);
}

/* Every combination. */
#define R FIZEAU_MODE_REFLECT_OCTETS
#define S FIZEAU_MODE_SYMMETRICAL
#define D FIZEAU_MODE_DSCP_ECN
#define P FIZEAU_MODE_PTP
static const uint32_t choices[16] = {0, R, S, R | S, D, D | R, D | S, D | R | S, P, P | R, P | S, P | R | S, P | D,
	P | D | R, P | D | S, P | D | R | S};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct session session;
	uint8_t *octets;
	size_t len;

	if (size < 1 || size > OCTETS_MAX)
		return 0;
	session = (struct session){
		.mode = (enum fizeau_test_mode)((data[0] & 3) % 3),
		.features = {.modes = choices[data[0] >> 4], .reflect_length = REFLECT, .server_octets = 0x5a5a, .tai_utc_s = 37},
	};
	len = size - 1;
	/* Of exactly this size, so that a sanitizer sees the first octet read too far. */
	octets = malloc(len > 0 ? len : 1);
	must(octets != NULL);
	memcpy(octets, data + 1, len);
	if (data[0] & 4) {
		if (data[0] & 8)
			seal(session.mode, fz_test_reflector_layout(session.mode, &session.features), octets, len);
		at_sender(&session, octets, len);
	} else {
		if (data[0] & 8)
			seal(session.mode, fz_test_sender_layout(session.mode, &session.features), octets, len);
		at_reflector(&session, octets, len);
	}
	free(octets);
	return 0;
}
