/* SPDX-License-Identifier: MIT */
#include "tests/testlib/wire_peer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

void wire_peer_open(struct wire_peer *w, const struct fizeau_session_keys *keys,
	const uint8_t out_iv[static 16], const uint8_t in_iv[static 16])
{
	assert_int_equal(fz_stream_init(&w->out, FZ_STREAM_SEALS, keys, out_iv), 0);
	assert_int_equal(fz_stream_init(&w->in, FZ_STREAM_OPENS, keys, in_iv), 0);
}

void wire_peer_close(struct wire_peer *w)
{
	fz_stream_wipe(&w->out);
	fz_stream_wipe(&w->in);
}

void wire_peer_seal(struct wire_peer *w, uint8_t *octets, size_t len)
{
	assert_int_equal(fz_stream_seal(&w->out, octets, len - 16), 0);
	assert_int_equal(fz_stream_seal_hmac(&w->out, octets + len - 16), 0);
}

void wire_peer_unseal(struct wire_peer *w, uint8_t *octets, size_t len)
{
	assert_int_equal(fz_stream_open(&w->in, octets, len - 16), 0);
	assert_int_equal(fz_stream_open_hmac(&w->in, octets + len - 16), 0);
}

void server_says(struct fizeau_server *server, uint8_t *octets, size_t len)
{
	const uint8_t *waiting;

	assert_int_equal(fizeau_server_output(server, &waiting), len);
	memcpy(octets, waiting, len);
	fizeau_server_sent(server, len);
}

void client_says(struct fizeau_control_client *client, uint8_t *octets, size_t len)
{
	const uint8_t *waiting;

	assert_int_equal(fizeau_control_client_output(client, &waiting), len);
	memcpy(octets, waiting, len);
	fizeau_control_client_sent(client, len);
}

struct fizeau_event server_event(struct fizeau_server *server, enum fizeau_event_type type)
{
	struct fizeau_event event, none;

	assert_true(fizeau_server_event(server, &event));
	assert_int_equal(event.type, type);
	assert_false(fizeau_server_event(server, &none));
	return event;
}

struct fizeau_event client_event(struct fizeau_control_client *client, enum fizeau_event_type type)
{
	struct fizeau_event event, none;

	assert_true(fizeau_control_client_event(client, &event));
	assert_int_equal(event.type, type);
	assert_false(fizeau_control_client_event(client, &none));
	return event;
}
