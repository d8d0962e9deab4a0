/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <string.h>
#include <sys/random.h>
#include "request.h"

/* An address of a message that is given, and not that of the control connection's end. */
static bool differs(const struct fizeau_address *given, const struct fz_addr *end)
{
	struct fizeau_address own;

	fz_addr_to_message(end, &own);
	return given->version && (given->version != own.version || memcmp(given->octets, own.octets, 16));
}

uint8_t fz_request_refuse(const struct fz_request_from *from, enum fz_counter counter, uint8_t accept, const char *why)
{
	from->engine->counters.of[counter]++;
	fz_log_peer(from->engine->log, FZ_LOG_NOTICE, from->peer, fz_clock_mono(), "session refused: %s (Accept %u)",
		why, (unsigned)accept);
	return accept;
}

static uint8_t refuse_third_party(const struct fz_request_from *from, bool receiver, bool here)
{
	static const char *const why[2][2] = {
		{"Sender Address is not the client's, and limit third-party is no",
			"Sender Address is not the server's end of the control connection, and limit third-party is no"},
		{"Receiver Address is not the client's, and limit third-party is no",
			"Receiver Address is not the server's end of the control connection, and limit third-party is no"},
	};

	return fz_request_refuse(from, FZ_COUNT_REQUEST_THIRD_PARTY, FIZEAU_ACCEPT_FAILURE, why[receiver][here]);
}

uint8_t fz_request_find_ends(const struct fz_request_from *from, const struct fz_request_ends *ends,
	struct fz_addr *sender, struct fz_addr *receiver)
{
	bool third = from->of_class->limits[FZ_LIMIT_THIRD_PARTY];
	bool other_receiver, other_sender;

	/*= rfc5357#section-3.5 TW-3.5-11 */
	*receiver = ends->receiver_here ? *from->local : *from->peer;
	*sender = ends->sender_here ? *from->local : *from->peer;
	other_receiver = differs(ends->receiver, receiver);
	other_sender = differs(ends->sender, sender);
	/*= rfc4656#section-6.2 OW-6.2-01 OW-6.2-02 */
	if ((other_receiver || other_sender) && !third)
		return refuse_third_party(from, other_receiver, other_receiver ? ends->receiver_here : ends->sender_here);
	if ((other_receiver && !fz_address_is_unicast(ends->receiver)) || (other_sender && !fz_address_is_unicast(ends->sender)))
		return fz_request_refuse(from, FZ_COUNT_REQUEST_UNSUPPORTED, FIZEAU_ACCEPT_UNSUPPORTED,
			"no unicast address");
	if (other_receiver)
		fz_addr_from_message(receiver, ends->receiver, 0);
	if (other_sender)
		fz_addr_from_message(sender, ends->sender, 0);
	if (fz_addr_version(receiver) != ends->ip_version || fz_addr_version(sender) != ends->ip_version)
		return fz_request_refuse(from, FZ_COUNT_REQUEST_UNSUPPORTED, FIZEAU_ACCEPT_UNSUPPORTED,
			"IPVN and addresses do not go together");
	fz_addr_set_port(receiver, ends->receiver_port);
	fz_addr_set_port(sender, ends->sender_port);
	return FIZEAU_ACCEPT_OK;
}

uint8_t fz_request_check_padding(const struct fz_request_from *from, uint32_t padding_octets)
{
	if (padding_octets > from->of_class->limits[FZ_LIMIT_PADDING])
		return fz_request_refuse(from, FZ_COUNT_REQUEST_PADDING, FIZEAU_ACCEPT_PERMANENT_LIMIT,
			"more padding than the limit of its class");
	if (padding_octets > FIZEAU_TEST_PACKET_MAX - 112)
		return fz_request_refuse(from, FZ_COUNT_REQUEST_PADDING, FIZEAU_ACCEPT_UNSUPPORTED,
			"more padding than a datagram holds");
	return FIZEAU_ACCEPT_OK;
}

/*= rfc5357#section-3.5 TW-3.5-13 */
bool fz_request_make_sid(const struct fz_addr *local, uint8_t sid[static FIZEAU_SID_OCTETS])
{
	struct fz_clock clock = {.error_estimate = 0};
	uint8_t tail[4], random[4];
	struct fz_addr ipv4;

	/* The SID is key material: its last octets come from the kernel's generator. */
	if (getrandom(random, sizeof(random), 0) != (ssize_t)sizeof(random))
		return false;
	/*= rfc4656#section-3.5 OW-3.5-30 OW-3.5-31 */
	fz_addr_tail(fz_addr_version(local) == 4 || !fz_addr_own_ipv4(&ipv4) ? local : &ipv4, tail);
	fizeau_sid_make(tail, fz_clock_wall(&clock).ntp, random, sid);
	return true;
}

bool fz_request_make_keys(const struct fz_request_from *from, const uint8_t sid[static FIZEAU_SID_OCTETS],
	struct fizeau_test_keys *keys)
{
	if (fizeau_test_mode_of(fizeau_server_mode(from->server)) == FIZEAU_TEST_OPEN)
		return true;
	return !fizeau_server_test_keys(from->server, sid, keys);
}

uint8_t fz_request_take_place(const struct fz_request_from *from, struct fz_place *place)
{
	enum fz_counter counter;
	uint8_t accept = fz_admit_session(from->engine->admit, from->of_class, from->peer, place, &counter);

	if (accept)
		return fz_request_refuse(from, counter, accept, "as many sessions as its class or its address may have");
	return accept;
}

static struct fz_session *open_session(const struct fz_request_from *from, struct fz_session_wanted *wanted,
	uint8_t *accept)
{
	struct fz_session *session;
	struct fz_place place;
	enum fz_counter counter;

	*accept = fz_request_take_place(from, &place);
	if (*accept)
		return NULL;
	/* Connections that nobody sets up must not cost one that is set up its session. */
	do
		session = fz_session_add(from->engine->sessions, wanted, accept, &counter);
	while (!session && counter == FZ_COUNT_REQUEST_DESCRIPTORS && fz_engine_spare_descriptor(from->engine));
	if (!session) {
		fz_admit_leave(from->engine->admit, &place);
		fz_request_refuse(from, counter, *accept,
			counter == FZ_COUNT_REQUEST_PORTS ? "no test port left that its address does not use" :
			counter == FZ_COUNT_REQUEST_UNSUPPORTED ? "Receiver Address is not of this host" :
			counter == FZ_COUNT_REQUEST_DESCRIPTORS ? "no descriptor left for its socket" :
			counter == FZ_COUNT_REQUEST_WORKER ? "no worker that could take it now" :
			"no socket or no memory for it");
		return NULL;
	}
	session->place = place;
	session->identity = *from->identity;
	session->peer = *from->peer;
	return session;
}

struct fz_session *fz_request_answer(const struct fz_request_from *from, const struct fizeau_tw_request *request,
	fz_session_end_fn *ended, void *owner, uint8_t *accept)
{
	const struct fz_request_ends ends = {
		.ip_version = request->ip_version,
		.sender = &request->sender,
		.receiver = &request->receiver,
		.sender_port = request->sender_port,
		.receiver_port = request->receiver_port,
		.receiver_here = true,
	};
	struct fz_session_wanted wanted = {
		.mode = fizeau_server_mode(from->server),
		.dscp = request->dscp,
		.padding_octets = request->padding_octets,
		.reflect_length = request->reflect_length,
		.timeout_ns = fizeau_duration_to_ns(request->timeout),
		.conf = from->conf,
		.of_class = from->of_class,
		.ended = ended,
		.owner = owner,
		.require_ipsec = fz_ipsec_required(from->of_class, fizeau_server_mode(from->server)),
	};
	struct fz_session *session = NULL;

	if (from->of_class->limits[FZ_LIMIT_BYPASS_IPSEC] && !wanted.require_ipsec)
		wanted.bypass_mark = from->conf->ipsec.bypass_mark;
	*accept = fz_request_find_ends(from, &ends, &wanted.remote, &wanted.local);
	if (!*accept)
		*accept = fz_request_check_padding(from, request->padding_octets);
	if (!*accept && (!fz_request_make_sid(&wanted.local, wanted.sid) ||
			!fz_request_make_keys(from, wanted.sid, &wanted.keys)))
		*accept = fz_request_refuse(from, FZ_COUNT_REQUEST_INTERNAL, FIZEAU_ACCEPT_INTERNAL, "no keys for it");
	if (!*accept)
		session = open_session(from, &wanted, accept);
	fizeau_wipe(&wanted, sizeof(wanted));
	return session;
}
