/* SPDX-License-Identifier: MIT */
/* The control streams against the transcript of tests/vectors/twamp_control.json. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include "lib/crypto/stream.h"
#include "tests/testlib/vectors.h"
#include <cmocka.h>

#define MESSAGE_MAX 256

struct fixture {
	json_t *inputs, *transcript;
	struct fizeau_session_keys keys;
	uint8_t client_iv[16], server_iv[16];
};

static const char *const client_messages[] = {"Request-TW-Session", "Start-Sessions", "Stop-Sessions"};
static const char *const server_messages[] = {"Accept-Session", "Start-Ack"};

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	if (f == NULL)
		return -1;
	f->inputs = vectors_group("twamp_control.json", "inputs");
	f->transcript = vectors_group("twamp_control.json", "twamp_control_transcript");
	member_hex(f->inputs, "control_aes_key", f->keys.aes, 16);
	member_hex(f->inputs, "control_hmac_key", f->keys.hmac, 32);
	member_hex(f->inputs, "client_iv", f->client_iv, 16);
	member_hex(f->inputs, "server_iv", f->server_iv, 16);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	json_decref(f->inputs);
	json_decref(f->transcript);
	free(f);
	return 0;
}

static size_t message_of(const struct fixture *f, const char *name, const char *form, uint8_t *octets)
{
	return member_hex_upto(element_with(f->transcript, "message", name), form, octets, MESSAGE_MAX);
}

static void assert_seals(const struct fixture *f, struct fz_stream *s, const char *name)
{
	uint8_t plain[MESSAGE_MAX], wire[MESSAGE_MAX];
	size_t len = message_of(f, name, "plaintext", plain);

	assert_int_equal(message_of(f, name, "ciphertext", wire), len);
	/* The HMAC field is to be made, not passed on. */
	memset(plain + len - 16, 0xee, 16);
	assert_int_equal(fz_stream_seal(s, plain, len - 16), 0);
	assert_int_equal(fz_stream_seal_hmac(s, plain + len - 16), 0);
	assert_memory_equal(plain, wire, len);
}

static void assert_opens(const struct fixture *f, struct fz_stream *s, const char *name, size_t piece)
{
	uint8_t plain[MESSAGE_MAX], wire[MESSAGE_MAX];
	size_t len = message_of(f, name, "plaintext", plain);

	assert_int_equal(message_of(f, name, "ciphertext", wire), len);
	for (size_t at = 0; at < len - 16; at += piece)
		assert_int_equal(fz_stream_open(s, wire + at, piece), 0);
	assert_int_equal(fz_stream_open_hmac(s, wire + len - 16), 0);
	assert_memory_equal(plain, wire, len - 16);
}

/* Octets 32-47 of Server-Start, in clear. */
static void server_start(const struct fixture *f, const char *form, uint8_t block[static 16])
{
	const json_t *message = element_with(f->transcript, "message", "Server-Start");
	uint8_t whole[48];

	if (strcmp(form, "on_wire") == 0) {
		member_hex(message, form, whole, sizeof(whole));
		memcpy(block, whole + 32, 16);
	} else {
		member_hex(message, form, block, 16);
	}
}

/*= rfc4656#section-3.2 OW-3.2-01 OW-3.2-02 OW-3.2-04 OW-3.2-06 */
/*= rfc4656#section-3.4 OW-3.4-01 OW-3.4-02 OW-3.4-03 */
static void client_direction_is_the_transcript(void **state)
{
	const struct fixture *f = *state;

	for (size_t piece = 16; piece <= 32; piece += 16) {
		struct fz_stream sealer, opener;

		assert_int_equal(fz_stream_init(&sealer, FZ_STREAM_SEALS, &f->keys, f->client_iv), 0);
		assert_int_equal(fz_stream_init(&opener, FZ_STREAM_OPENS, &f->keys, f->client_iv), 0);
		for (size_t i = 0; i < 3; i++) {
			assert_seals(f, &sealer, client_messages[i]);
			assert_opens(f, &opener, client_messages[i], i == 0 ? piece : 16);
		}
		fz_stream_wipe(&sealer);
		fz_stream_wipe(&opener);
	}
}

/*= rfc4656#section-3.2 OW-3.2-05 */
static void the_first_server_hmac_covers_server_start(void **state)
{
	const struct fixture *f = *state;
	struct fz_stream sealer, opener;
	uint8_t block[16], want[16];

	assert_int_equal(fz_stream_init(&sealer, FZ_STREAM_SEALS, &f->keys, f->server_iv), 0);
	assert_int_equal(fz_stream_init(&opener, FZ_STREAM_OPENS, &f->keys, f->server_iv), 0);

	server_start(f, "third_block_plaintext", block);
	server_start(f, "on_wire", want);
	assert_int_equal(fz_stream_seal(&sealer, block, 16), 0);
	assert_memory_equal(block, want, 16);
	assert_int_equal(fz_stream_open(&opener, block, 16), 0);
	server_start(f, "third_block_plaintext", want);
	assert_memory_equal(block, want, 16);

	for (size_t i = 0; i < 2; i++) {
		assert_seals(f, &sealer, server_messages[i]);
		assert_opens(f, &opener, server_messages[i], 16);
	}
	fz_stream_wipe(&sealer);
	fz_stream_wipe(&opener);
}

static void a_server_hmac_without_server_start_is_refused(void **state)
{
	const struct fixture *f = *state;
	struct fz_stream opener;
	uint8_t wire[MESSAGE_MAX], iv[16];
	size_t len = message_of(f, "Accept-Session", "ciphertext", wire);

	/* The chain is right, as if it began with Accept-Session; only the HMAC's input is short. */
	server_start(f, "on_wire", iv);
	assert_int_equal(fz_stream_init(&opener, FZ_STREAM_OPENS, &f->keys, iv), 0);
	assert_int_equal(fz_stream_open(&opener, wire, len - 16), 0);
	assert_int_equal(fz_stream_open_hmac(&opener, wire + len - 16), FIZEAU_ERR_HMAC);
	fz_stream_wipe(&opener);
}

/*= rfc4656#section-3.2 OW-3.2-07 */
static void every_flipped_bit_is_refused(void **state)
{
	const struct fixture *f = *state;
	uint8_t wire[MESSAGE_MAX], copy[MESSAGE_MAX];
	size_t len = message_of(f, "Request-TW-Session", "ciphertext", wire);

	for (size_t bit = 0; bit < len * 8; bit++) {
		struct fz_stream opener;

		memcpy(copy, wire, len);
		copy[bit / 8] ^= (uint8_t)(1u << bit % 8);
		assert_int_equal(fz_stream_init(&opener, FZ_STREAM_OPENS, &f->keys, f->client_iv), 0);
		assert_int_equal(fz_stream_open(&opener, copy, len - 16), 0);
		assert_int_equal(fz_stream_open_hmac(&opener, copy + len - 16), FIZEAU_ERR_HMAC);
		fz_stream_wipe(&opener);
	}
}

/* An empty section has an HMAC of its own (RFC 4656 3.9). */
static void hmac_over_nothing_is_the_vector(void **state)
{
	const struct fixture *f = *state;
	json_t *group = vectors_group("control_keys.json", "hmac_truncation");
	uint8_t want[16], text[96];

	for (size_t i = 0; i < json_array_size(group); i++) {
		const json_t *v = json_array_get(group, i);
		struct fz_stream sealer;
		struct fz_aes decrypt;
		uint8_t wire[sizeof(text) + 16];
		size_t len = member_hex_upto(v, "text", text, sizeof(text));

		member_hex(v, "field", want, 16);
		memcpy(wire, text, len);
		assert_int_equal(fz_stream_init(&sealer, FZ_STREAM_SEALS, &f->keys, f->client_iv), 0);
		assert_int_equal(fz_stream_seal(&sealer, wire, len), 0);
		assert_int_equal(fz_stream_seal_hmac(&sealer, wire + len), 0);
		assert_int_equal(fz_aes_init(&decrypt, FZ_AES_CBC_DECRYPT, f->keys.aes, f->client_iv), 0);
		assert_int_equal(fz_aes_run(&decrypt, wire, len + 16), 0);
		assert_memory_equal(wire, text, len);
		assert_memory_equal(wire + len, want, 16);
		fz_aes_wipe(&decrypt);
		fz_stream_wipe(&sealer);
	}
	assert_int_equal(json_array_size(group), 3);
	json_decref(group);
}

/*= rfc4656#section-3.2 OW-3.2-09 */
static void open_mode_passes_in_clear(void **state)
{
	const struct fixture *f = *state;
	struct fz_stream s;
	uint8_t plain[MESSAGE_MAX], octets[MESSAGE_MAX];
	size_t len = message_of(f, "Request-TW-Session", "unauthenticated_form", plain);
	uint8_t junk[16];

	assert_int_equal(fz_stream_init(&s, FZ_STREAM_SEALS, NULL, f->client_iv), 0);
	memset(octets, 0xee, sizeof(octets));
	memcpy(octets, plain, len - 16);
	assert_int_equal(fz_stream_seal(&s, octets, len - 16), 0);
	assert_int_equal(fz_stream_seal_hmac(&s, octets + len - 16), 0);
	assert_memory_equal(octets, plain, len);
	assert_int_equal(fz_stream_open(&s, octets, len - 16), 0);
	assert_memory_equal(octets, plain, len);
	memset(junk, 0x5a, sizeof(junk));
	assert_int_equal(fz_stream_open_hmac(&s, junk), 0);
	fz_stream_wipe(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(client_direction_is_the_transcript),
		cmocka_unit_test(the_first_server_hmac_covers_server_start),
		cmocka_unit_test(a_server_hmac_without_server_start_is_refused),
		cmocka_unit_test(every_flipped_bit_is_refused),
		cmocka_unit_test(hmac_over_nothing_is_the_vector),
		cmocka_unit_test(open_mode_passes_in_clear),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
