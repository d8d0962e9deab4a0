/* SPDX-License-Identifier: MIT */
/* The sending half of io/udp.h: the batch, and trains of what goes the same way. */
#include <assert.h>
#include <errno.h>
#include <netinet/ip.h>
#include <netinet/udp.h>
#include <string.h>

#include "udp_state.h"

#define TRAIN_OCTETS_MAX 65507 /* of one UDP datagram over IPv4, which a train is until the kernel takes it apart */
#define NEWS_MAX 64            /* of ICMP, that one batch gets past */
#define REFUSAL_TRAINS 1024    /* that leave one by one before the kernel is asked again */

/* A kernel that does not know the control message would pass over it, and send a train as one long datagram. */
bool fz_udp_has_trains(int fd)
{
	int value;
	socklen_t len = sizeof(value);

	return getsockopt(fd, SOL_UDP, UDP_SEGMENT, &value, &len) == 0;
}

void fz_udp_forget_refusals(struct fz_udp *udp)
{
	for (uint32_t i = 0; udp->batch->any_refusal && i < REFUSALS; i++) {
		if (udp->batch->refusals[i].udp == udp)
			udp->batch->refusals[i].udp = NULL;
	}
}

uint8_t *fz_udp_room(struct fz_udp *udp)
{
	struct fz_udp_batch *batch = udp->batch;

	return batch->queued == batch->size ? NULL : batch->out.octets + batch->out_used;
}

/* Appends a control message; there is room for all that is ever sent. */
static void append(
	struct msghdr *msg, struct send_control *control, int level, int type, const void *data, size_t len)
{
	struct cmsghdr header = {.cmsg_len = CMSG_LEN(len), .cmsg_level = level, .cmsg_type = type};
	uint8_t *at = control->octets + msg->msg_controllen;

	memset(at, 0, CMSG_SPACE(len));
	memcpy(at, &header, sizeof(header));
	memcpy(at + CMSG_LEN(0), data, len);
	msg->msg_controllen += CMSG_SPACE(len);
}

static void append_source(struct msghdr *msg, struct send_control *control, const struct fz_addr *from)
{
	if (fz_addr_version(from) == 4) {
		struct in_pktinfo info = {.ipi_spec_dst = from->in.sin_addr};

		append(msg, control, IPPROTO_IP, IP_PKTINFO, &info, sizeof(info));
	} else {
		struct in6_pktinfo info = {
			.ipi6_addr = from->in6.sin6_addr, .ipi6_ifindex = from->in6.sin6_scope_id};

		append(msg, control, IPPROTO_IPV6, IPV6_PKTINFO, &info, sizeof(info));
	}
}

/* Whether what is being queued can share a train with what was queued before it. */
static bool follows_the_last(const struct fz_udp_batch *batch)
{
	uint32_t i = batch->queued;
	const struct msghdr *msg = &batch->out.msgs[i].msg_hdr, *last = msg;

	if (i == 0)
		return false;
	last = &batch->out.msgs[i - 1].msg_hdr;
	return batch->out.iovs[i].iov_len == batch->out.iovs[i - 1].iov_len && batch->out.iovs[i].iov_len > 0 &&
		msg->msg_namelen == last->msg_namelen && msg->msg_controllen == last->msg_controllen &&
		memcmp(msg->msg_name, last->msg_name, msg->msg_namelen) == 0 &&
		memcmp(&batch->out_control[i], &batch->out_control[i - 1], msg->msg_controllen) == 0;
}

void fz_udp_queue(
	struct fz_udp *udp, size_t len, const struct fz_addr *peer, const struct fz_addr *from, uint8_t dscp)
{
	bool v6 = fz_addr_version(&udp->local) == 6;
	struct send_control *control = &udp->batch->out_control[udp->batch->queued];
	struct msghdr *msg = &udp->batch->out.msgs[udp->batch->queued].msg_hdr;
	int traffic_class = (dscp & 63) << 2;

	/* Octets of one session must never leave by the socket of another. */
	assert(udp->batch->queued == 0 || udp->batch->queued_for == udp);
	assert(udp->batch->queued < udp->batch->size && len <= udp->batch->packet_octets);
	udp->batch->queued_for = udp;
	udp->batch->out.iovs[udp->batch->queued] = (struct iovec){udp->batch->out.octets + udp->batch->out_used, len};
	udp->batch->out_used += (len + CACHE_LINE - 1) / CACHE_LINE * CACHE_LINE;
	memcpy(&udp->batch->out.peers[udp->batch->queued], &peer->sa, peer->len);
	msg->msg_name = &udp->batch->out.peers[udp->batch->queued];
	msg->msg_namelen = peer->len;
	msg->msg_control = control;
	msg->msg_controllen = 0;
	if (from != NULL && fz_addr_version(from) == fz_addr_version(&udp->local) &&
		!fz_addr_same_host(from, &udp->local))
		append_source(msg, control, from);
	/* 0 is what the socket sends without being told. */
	if (traffic_class != 0)
		append(msg, control, v6 ? IPPROTO_IPV6 : IPPROTO_IP, v6 ? IPV6_TCLASS : IP_TOS,
			&traffic_class, sizeof(traffic_class));
	if (msg->msg_controllen == 0)
		msg->msg_control = NULL;
	udp->batch->wanted[udp->batch->queued] = false;
	udp->batch->follows[udp->batch->queued] = udp->trains && follows_the_last(udp->batch);
	udp->batch->queued++;
}

void fz_udp_want_sent(struct fz_udp *udp, uint32_t id)
{
	struct fz_udp_batch *batch = udp->batch;

	assert(batch->queued > 0 && batch->queued_for == udp);
	if (udp->sent_names == FZ_SENT_NONE)
		return;
	batch->wanted[batch->queued - 1] = true;
	batch->follows[batch->queued - 1] = false;
	batch->ids[batch->queued - 1] = id;
}

void fz_udp_want_first_sent(struct fz_udp *udp, uint32_t id)
{
	assert(udp->batch->queued > 0 && udp->batch->queued_for == udp);
	if (udp->sent_names == FZ_SENT_NONE)
		return;
	udp->batch->wanted[0] = true;
	udp->batch->ids[0] = id;
}

uint32_t fz_udp_queued(const struct fz_udp *udp)
{
	return udp->batch->queued;
}

uint8_t *fz_udp_queued_octets(struct fz_udp *udp, uint32_t index)
{
	return index < udp->batch->queued ? udp->batch->out.iovs[index].iov_base : NULL;
}

/* Where a refusal of the datagram's host is kept, be it there or not. */
static struct refusal *refusal_of(struct fz_udp *udp, uint32_t index, struct fz_addr *host)
{
	const struct msghdr *msg = &udp->batch->out.msgs[index].msg_hdr;
	const uint8_t *octets;
	size_t len;
	uint32_t hash = 0;

	fz_addr_from_sockaddr(host, msg->msg_name, msg->msg_namelen);
	octets = fz_addr_version(host) == 4 ? (const uint8_t *)&host->in.sin_addr : host->in6.sin6_addr.s6_addr;
	len = fz_addr_version(host) == 4 ? sizeof(host->in.sin_addr) : sizeof(host->in6.sin6_addr);
	for (size_t i = 0; i < len; i++)
		hash = hash * 31 + octets[i];
	return &udp->batch->refusals[hash % REFUSALS];
}

static bool refused_lately(struct fz_udp *udp, uint32_t index)
{
	struct fz_addr host;
	struct refusal *refusal;

	if (!udp->batch->any_refusal)
		return false;
	refusal = refusal_of(udp, index, &host);
	if (refusal->udp != udp || !fz_addr_same_host(&refusal->host, &host) ||
		udp->batch->out.iovs[index].iov_len < refusal->len)
		return false;
	if (--refusal->trains == 0)
		refusal->udp = NULL;
	return true;
}

/* Errors of trains only; those of their datagrams they will meet one by one. */
static void remember_refusal(struct fz_udp *udp, uint32_t index, int error)
{
	struct fz_addr host;
	struct refusal *refusal;

	if (error != EMSGSIZE && error != EINVAL && error != EIO && error != EOPNOTSUPP)
		return;
	refusal = refusal_of(udp, index, &host);
	*refusal = (struct refusal){.udp = udp, .host = host, .trains = REFUSAL_TRAINS};
	/* Shorter ones may fit. */
	if (error == EMSGSIZE || error == EINVAL)
		refusal->len = udp->batch->out.iovs[index].iov_len;
	udp->batch->any_refusal = true;
}

/* How many could leave together, from this one on. */
static uint32_t train_at(const struct fz_udp_batch *batch, uint32_t first)
{
	size_t len = batch->out.iovs[first].iov_len;
	uint32_t end = first + 1;

	while (end < batch->queued && batch->follows[end] && (end - first + 1) * len <= TRAIN_OCTETS_MAX)
		end++;
	return end - first;
}

/* Lines up what is queued from `at` on, what is before `plain` one by one, the rest in trains; returns the entries. */
static uint32_t line_up(struct fz_udp *udp, uint32_t at, uint32_t plain)
{
	struct fz_udp_batch *batch = udp->batch;
	uint32_t count;

	for (count = 0; at < batch->queued; count++) {
		uint32_t aboard = at < plain ? 1 : train_at(batch, at);
		uint16_t len = (uint16_t)batch->out.iovs[at].iov_len;
		struct msghdr *msg = &batch->leaving[count].msg_hdr;

		if (aboard > 1 && refused_lately(udp, at)) {
			plain = at + aboard;
			aboard = 1;
		}
		*msg = batch->out.msgs[at].msg_hdr;
		batch->aboard[count] = aboard;
		if (aboard > 1 || batch->wanted[at])
			msg->msg_control = &batch->out_control[at];
		if (aboard > 1) {
			/* The iovecs of a batch lie one behind the other, and so the buffers leave from where they are. */
			msg->msg_iovlen = aboard;
			append(msg, &batch->out_control[at], SOL_UDP, UDP_SEGMENT, &len, sizeof(len));
		}
		if (batch->wanted[at])
			msg->msg_controllen += fz_stamping_want(batch->out_control[at].octets + msg->msg_controllen,
				udp->sent_names, batch->ids[at]);
		at += aboard;
	}
	return count;
}

/* Accounts for the messages of a call: `left` of them did, the one behind them failed, if there is one. */
static void account(struct fz_udp *udp, uint32_t *at, uint32_t entries, uint32_t left)
{
	struct fz_udp_batch *batch = udp->batch;

	for (uint32_t i = 0; i < left; i++) {
		if (batch->wanted[*at])
			fz_udp_count_sent(udp, batch->ids[*at]);
		memset(&batch->left[*at], true, batch->aboard[i]);
		*at += batch->aboard[i];
	}
	if (left < entries && batch->wanted[*at])
		fz_udp_count_failed(udp);
}

/* Sends what is queued; returns how many left. ordered: none behind one that did not. */
static uint32_t flush(struct fz_udp *udp, bool ordered)
{
	struct fz_udp_batch *batch = udp->batch;
	uint32_t at = 0, refused = 0, plain = 0, news = 0;
	bool retried = false;

	memset(batch->left, false, batch->queued);
	while (at < batch->queued) {
		uint32_t entries = line_up(udp, at, plain);
		int count = sendmmsg(udp->fd, batch->leaving, entries, MSG_DONTWAIT | MSG_NOSIGNAL), error = errno;

		account(udp, &at, entries, count > 0 ? (uint32_t)count : 0);
		if (count > 0) {
			retried = true;
		} else if (error == EAGAIN || error == ENOBUFS) {
			/* Our own queue is full: once more, then it is this host's loss, not the network's.
			 */
			if (retried)
				break;
			retried = true;
		} else if (error == ECONNREFUSED && udp->icmp_news && news < NEWS_MAX) {
			/* ICMP's answer to an earlier one, which this call has taken off the socket. */
			news++;
		} else if (error != EINTR && batch->aboard[0] > 1) {
			remember_refusal(udp, at, error);
			plain = at + batch->aboard[0];
		} else if (error != EINTR) {
			/* Refused for this one only (no route, a filter, an ICMP error): the others go on. */
			if (ordered)
				break;
			at++;
			refused++;
		}
	}
	return at - refused;
}

static int leave(struct fz_udp *udp, bool ordered)
{
	struct fz_udp_batch *batch = udp->batch;
	uint32_t queued = batch->queued, sent;

	assert(queued == 0 || batch->queued_for == udp);
	sent = flush(udp, ordered);
	udp->counters.sent += sent;
	if (sent < queued)
		udp->counters.send_drops += ordered ? 1 : queued - sent;
	batch->flushed = queued;
	batch->queued = 0;
	batch->out_used = 0;
	return (int)sent;
}

int fz_udp_flush(struct fz_udp *udp)
{
	return leave(udp, false);
}

int fz_udp_flush_in_order(struct fz_udp *udp)
{
	return leave(udp, true);
}

void fz_udp_unqueue(struct fz_udp *udp)
{
	if (udp->batch->queued_for != udp)
		return;
	udp->batch->queued = 0;
	udp->batch->out_used = 0;
}

bool fz_udp_left(const struct fz_udp *udp, uint32_t index)
{
	return index < udp->batch->flushed && udp->batch->left[index];
}
