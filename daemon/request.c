/* SPDX-License-Identifier: MIT */
/* From a Request-TW-Session to a session, or to the Accept value that says why not. */
#include <errno.h>
#include <string.h>
#include <sys/random.h>
#include "engine.h"

/* An address of a message that is given, and not that of the control connection's end. */
static bool differs(const struct fizeau_address *given, const struct fz_addr *end)
{
	struct fizeau_address own;

	fz_addr_to_message(end, &own);
	return given->version && (given->version != own.version || memcmp(given->octets, own.octets, 16));
}

static bool unicast(const struct fizeau_address *address)
{
	static const uint8_t zero[16];

	if (!memcmp(address->octets, zero, 16))
		return false;
	return address->version == 4 ? address->octets[0] < 224 && address->octets[0] != 0 : address->octets[0] != 0xff;
}

static uint8_t refuse(const struct fz_request_from *from, enum fz_counter counter, uint8_t accept, const char *why)
{
	from->engine->counters.of[counter]++;
	fz_log_peer(from->engine->log, FZ_LOG_NOTICE, from->peer, fz_clock_mono(), "session refused: %s (Accept %u)",
		why, (unsigned)accept);
	return accept;
}

/* Local and remote ends; false: accept is set. */
static uint8_t find_ends(const struct fz_request_from *from, const struct fizeau_tw_request *request,
	struct fz_session_wanted *wanted)
{
	bool third = from->of_class->limits[FZ_LIMIT_THIRD_PARTY];
	bool other_receiver = differs(&request->receiver, from->local);
	bool other_sender = differs(&request->sender, from->peer);

	/*= rfc5357#section-3.5 TW-3.5-11 */
	wanted->local = *from->local;
	wanted->remote = *from->peer;
	/*= rfc4656#section-6.2 OW-6.2-01 OW-6.2-02 */
	if ((other_receiver || other_sender) && !third)
		return refuse(from, FZ_COUNT_REQUEST_THIRD_PARTY, FIZEAU_ACCEPT_FAILURE,
			other_receiver ? "Receiver Address is not the server's end of the control connection, and limit "
					 "third-party is no"
				       : "Sender Address is not the client's, and limit third-party is no");
	if ((other_receiver && !unicast(&request->receiver)) || (other_sender && !unicast(&request->sender)))
		return refuse(from, FZ_COUNT_REQUEST_UNSUPPORTED, FIZEAU_ACCEPT_UNSUPPORTED, "no unicast address");
	if (other_receiver)
		fz_addr_from_message(&wanted->local, &request->receiver, 0);
	if (other_sender)
		fz_addr_from_message(&wanted->remote, &request->sender, 0);
	if (fz_addr_version(&wanted->local) != request->ip_version ||
		fz_addr_version(&wanted->remote) != request->ip_version)
		return refuse(from, FZ_COUNT_REQUEST_UNSUPPORTED, FIZEAU_ACCEPT_UNSUPPORTED,
			"IPVN and addresses do not go together");
	fz_addr_set_port(&wanted->local, request->receiver_port);
	fz_addr_set_port(&wanted->remote, request->sender_port);
	return FIZEAU_ACCEPT_OK;
}

static uint8_t check_padding(const struct fz_request_from *from, const struct fizeau_tw_request *request)
{
	if (request->padding_octets > from->of_class->limits[FZ_LIMIT_PADDING])
		return refuse(from, FZ_COUNT_REQUEST_PADDING, FIZEAU_ACCEPT_PERMANENT_LIMIT,
			"more padding than the limit of its class");
	if (request->padding_octets > FIZEAU_TEST_PACKET_MAX - 112)
		return refuse(from, FZ_COUNT_REQUEST_PADDING, FIZEAU_ACCEPT_UNSUPPORTED,
			"more padding than a datagram holds");
	return FIZEAU_ACCEPT_OK;
}

/*= rfc5357#section-3.5 TW-3.5-13 */
static bool make_sid(struct fz_session_wanted *wanted)
{
	struct fz_clock clock = {.error_estimate = 0};
	uint8_t tail[4], random[4];

	/* The SID is key material: its last octets come from the kernel's generator. */
	if (getrandom(random, sizeof(random), 0) != (ssize_t)sizeof(random))
		return false;
	fz_addr_tail(&wanted->local, tail);
	fizeau_sid_make(tail, fz_clock_wall(&clock).ntp, random, wanted->sid);
	return true;
}

static bool make_keys(const struct fz_request_from *from, struct fz_session_wanted *wanted)
{
	if (fizeau_test_mode_of(wanted->mode) == FIZEAU_TEST_OPEN)
		return true;
	return !fizeau_server_test_keys(from->server, wanted->sid, &wanted->keys);
}

static struct fz_session *open_session(const struct fz_request_from *from, struct fz_session_wanted *wanted,
	uint8_t *accept)
{
	struct fz_session *session;
	struct fz_place place;
	enum fz_counter counter;

	*accept = fz_admit_session(from->engine->admit, from->of_class, from->peer, &place, &counter);
	if (*accept) {
		refuse(from, counter, *accept, "as many sessions as its class or its address may have");
		return NULL;
	}
	/* Connections that nobody sets up must not cost one that is set up its session. */
	do
		session = fz_reflect_add(from->engine->reflect, wanted, accept, &counter);
	while (!session && counter == FZ_COUNT_REQUEST_DESCRIPTORS && fz_engine_spare_descriptor(from->engine));
	if (!session) {
		fz_admit_leave(from->engine->admit, &place);
		refuse(from, counter, *accept,
			counter == FZ_COUNT_REQUEST_PORTS ? "no test port left that its address does not use" :
			counter == FZ_COUNT_REQUEST_UNSUPPORTED ? "Receiver Address is not of this host" :
			counter == FZ_COUNT_REQUEST_DESCRIPTORS ? "no descriptor left for its socket" :
			"no socket or no memory for it");
		return NULL;
	}
	session->place = place;
	session->identity = *from->identity;
	session->peer = *from->peer;
	return session;
}

struct fz_session *fz_request_answer(const struct fz_request_from *from, const struct fizeau_tw_request *request,
	uint8_t *accept)
{
	struct fz_session_wanted wanted = {
		.mode = fizeau_server_mode(from->server),
		.dscp = request->dscp,
		.padding_octets = request->padding_octets,
		.timeout_ns = fizeau_duration_to_ns(request->timeout),
		.conf = from->conf,
		.of_class = from->of_class,
		.ended = from->ended,
		.owner = from->owner,
	};
	struct fz_session *session = NULL;

	*accept = find_ends(from, request, &wanted);
	if (!*accept)
		*accept = check_padding(from, request);
	if (!*accept && (!make_sid(&wanted) || !make_keys(from, &wanted)))
		*accept = refuse(from, FZ_COUNT_REQUEST_INTERNAL, FIZEAU_ACCEPT_INTERNAL, "no keys for it");
	if (!*accept)
		session = open_session(from, &wanted, accept);
	fizeau_wipe(&wanted, sizeof(wanted));
	return session;
}
