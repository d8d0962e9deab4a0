/* SPDX-License-Identifier: MIT */
/* What is different with STAMP and TWAMP Light at a worker: nobody set up a session before, so its first packet asks for one. */
#include <string.h>
#include "reflect_parts.h"

#define MBZ_OPEN 16                /* octets 16 to 43 of an open base packet are zero */
#define MBZ_AUTHENTICATED 28       /* and 28 to 95 of one in authenticated mode */
#define MBZ_AUTHENTICATED_END 96
#define STAMP_AUTHENTICATED 16     /* where its Timestamp is; 4 to 15 are zero */
#define FAILED_NS 2000000000ll /* before such a source may have another session */

/* A multiple of 4 octets, which the compiler knows. */
static inline bool zero(const uint8_t *octets, size_t count)
{
	uint32_t any = 0, word;

	for (size_t i = 0; i < count; i += sizeof(word)) {
		memcpy(&word, octets + i, sizeof(word));
		any |= word;
	}
	return any == 0;
}

/* The SSID that tells a session from others of the same address and port. What a TWAMP Light sender has in its place is
   padding, which may be other octets each time: only a packet that is zero where STAMP says so has one. What is in the
   packet goes back in any case. */
/*= rfc8972#section-3 SX-3-04 */
uint16_t fz_stamp_ssid(const struct fz_datagram *in)
{
	const uint8_t *octets = in->octets;

	if (in->len >= FIZEAU_ST_BASE_AUTHENTICATED && zero(octets + 4, STAMP_AUTHENTICATED - 4))
		return zero(octets + MBZ_AUTHENTICATED, MBZ_AUTHENTICATED_END - MBZ_AUTHENTICATED) ?
			fizeau_st_ssid(octets, in->len, true) : 0;
	return in->len >= FIZEAU_ST_BASE_OPEN && zero(octets + MBZ_OPEN, FIZEAU_ST_BASE_OPEN - MBZ_OPEN) ?
		fizeau_st_ssid(octets, in->len, false) : 0;
}

static uint8_t sync_of(const struct fz_clock *clock)
{
	if (!clock->synchronized)
		return FIZEAU_ST_SYNC_FREE;
	return clock->source == FZ_CLOCK_PTP4L ? FIZEAU_ST_SYNC_PTP : FIZEAU_ST_SYNC_NTP;
}

bool fz_stamp_make(struct fz_reflected *session, const struct fz_order_add_stamp *add)
{
	const struct fizeau_st_reflector_config config = {
		.keys = &add->key,
		.key_count = add->key.octets > 0,
		.open_hmac_tlv = add->open_hmac_tlv,
		.stateless = add->stateless,
		.answer_short = add->answer_short,
		.tlvs = add->tlvs,
		.tell_location = add->location,
		.dscp_allowed = add->dscps,
		.sync = sync_of(session->reflect->clock),
		.format = {.ptp = add->ptp, .tai_utc_s = session->reflect->clock->tai_utc_s},
	};

	session->stamp = fizeau_st_reflector_new(&config);
	fz_addr_to_message(&add->base.remote, &session->remote);
	return session->stamp;
}

int fz_stamp_reflect(struct fz_reflected *session, const struct fz_datagram *in, uint8_t *out,
	struct fizeau_st_reply *reply)
{
	struct fizeau_st_received received = {
		.stamp = in->received,
		.ttl = in->ttl,
		.tos = in->traffic_class,
		.from_port = session->remote_port,
		.to_port = fz_addr_port(&in->to),
	};
	int error;

	/* Only Location asks for them, which no base packet has. */
	if (in->len > FIZEAU_ST_BASE_OPEN) {
		received.from = session->remote;
		fz_addr_to_message(&in->to, &received.to);
	}
	error = fizeau_st_reflector_reflect(session->stamp, in->octets, in->len, &received, out, FIZEAU_TEST_PACKET_MAX,
		reply);
	return error ? error : reply->octets;
}

/*= rfc8972#section-4.7 SX-4.7-01 */
void fz_stamp_await(struct fz_test_socket *socket, const struct fz_reflected *session, uint32_t index,
	struct fizeau_mono now)
{
	struct fz_reflect *reflect = socket->reflect;
	const struct fizeau_st_reply *reply = &socket->replies[index];

	if (!fz_udp_tells_sent(socket->udp) || !fz_bucket_take(&reflect->follow_ups, 1, now.ns))
		return;
	fz_udp_want_sent(socket->udp, reflect->awaited);
	socket->awaited[index] = &reflect->awaiting[reflect->awaited++ % FZ_REFLECT_STAMPS];
	*socket->awaited[index] = (struct fz_awaited){.follow_up = true, .slot = session->slot, .seq = reply->seq,
		.serial = atomic_load_explicit(&session->figures->serial, memory_order_relaxed)};
}

void fz_stamp_departed(struct fz_reflect *reflect, const struct fz_awaited *awaited, const struct fizeau_stamp *stamp)
{
	const struct fz_reflected *session = reflect->slots[awaited->slot];

	/* Another may have its slot by now. A stamp before our own is another packet's, or a clock's that was set. */
	if (session && session->stamp && fizeau_ntp_diff_ns(stamp->ntp, awaited->taken.ntp) >= 0 &&
		atomic_load_explicit(&session->figures->serial, memory_order_relaxed) == awaited->serial)
		fizeau_st_reflector_departed(session->stamp, awaited->seq, *stamp);
}

void fz_stamp_find_ports(struct fz_reflect *reflect)
{
	memset(reflect->stamp_ports, 0, sizeof(reflect->stamp_ports));
	for (const struct fz_test_socket *socket = reflect->sockets; socket; socket = socket->next) {
		struct fz_addr local;
		fz_udp_local(socket->udp, &local);
		if (fz_test_socket_stamp(socket))
			reflect->stamp_ports[fz_addr_port(&local) / 64] |= UINT64_C(1) << fz_addr_port(&local) % 64;
	}
}

/* What reflects, too: an answer to it would be answered. */
static bool is_reflector_port(const struct fz_reflect *reflect, uint16_t port)
{
	return port == FIZEAU_ST_PORT || (reflect->stamp_ports[port / 64] >> port % 64 & 1);
}

static bool ask(struct fz_test_socket *socket, const struct fz_datagram *in, uint16_t ssid)
{
	struct fz_reflect *reflect = socket->reflect;
	struct fz_ask ask;

	memset(&ask, 0, sizeof(ask));
	ask.port = socket->number;
	ask.ssid = ssid;
	ask.remote = in->from;
	ask.local = in->to;
	ask.interface = in->interface;
	ask.mark = in->mark;
	ask.len = (uint32_t)in->len;
	memcpy(ask.octets, in->octets, in->len < sizeof(ask.octets) ? in->len : sizeof(ask.octets));
	return reflect->hooks.ask(reflect->hooks.arg, &ask);
}

/* Whether it is kept until its source has an answer. */
static bool keep(struct fz_test_socket *socket, const struct fz_datagram *in, uint16_t ssid, struct fizeau_mono now)
{
	struct fz_strangers *strangers = socket->reflect->strangers;
	uint32_t seat = fz_stamp_seat(socket->number, ssid);

	switch (fz_strangers_look(strangers, seat, &in->from, now)) {
	case FZ_STRANGER_REFUSED:
		return false;
	case FZ_STRANGER_NEW:
		if (!fz_strangers_may_ask(strangers, now) || !ask(socket, in, ssid))
			return false;
		fz_strangers_asked(strangers, seat, &in->from, now);
		break;
	case FZ_STRANGER_WAITS:
		break;
	}
	return fz_strangers_keep(strangers, seat, in, now);
}

void fz_stamp_stranger(struct fz_test_socket *socket, const struct fz_datagram *in, uint16_t ssid, struct fizeau_mono now)
{
	enum fz_counter counter = FZ_COUNT_DROPPED_NO_SESSION;

	if (in->truncated || in->len < FIZEAU_ST_LIGHT_SENDER)
		counter = FZ_COUNT_DROPPED_LENGTH;
	else if (is_reflector_port(socket->reflect, fz_addr_port(&in->from)))
		counter = FZ_COUNT_DROPPED_LOOP;
	else if (fz_addr_port(&in->from) && keep(socket, in, ssid, now))
		return;
	fz_reflect_count(socket->reflect, counter, 1);
}

void fz_stamp_begin(struct fz_reflected *session, uint16_t ssid)
{
	struct fz_test_socket *socket = session->socket;
	struct fz_reflect *reflect = session->reflect;
	uint32_t seat = fz_stamp_seat(socket->number, ssid);
	struct fizeau_mono now = fz_clock_mono();
	const struct fz_datagram *in;
	struct fz_addr from;
	bool any = false;

	fz_addr_from_message(&from, &session->remote, session->remote_port);
	/* What was kept is no lone packet that was just read. */
	reflect->lone_since = FIZEAU_NEVER;
	fz_strangers_admit(reflect->strangers, seat, &from);
	while ((in = fz_strangers_take(reflect->strangers, seat, &from, now))) {
		fz_reflect_one(socket, session, in, now);
		any = true;
	}
	fz_reflect_flush(socket);
	if (fz_reflected_used_up(session)) {
		fz_reflected_end(session, FZ_COUNT_ENDED_PACKETS);
	} else if (any && !fz_figure(&session->figures->reflected)) {
		/* Whoever has not the key, or is a reflector, is not to have a session that others could have. */
		(void)fz_strangers_refuse(reflect->strangers, seat, &from, false,
			(struct fizeau_mono){now.ns + FAILED_NS});
		fz_reflected_end(session, FZ_COUNT_ENDED_FAILED);
	}
}

void fz_stamp_refuse(struct fz_reflect *reflect, const struct fz_order_refuse *refuse)
{
	struct fizeau_mono until = {fz_clock_mono().ns + refuse->for_ns};

	fz_reflect_count(reflect, FZ_COUNT_DROPPED_NO_SESSION,
		fz_strangers_refuse(reflect->strangers, refuse->seat, &refuse->remote, refuse->host, until));
}
