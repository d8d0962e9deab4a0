/* SPDX-License-Identifier: MIT */
#include "udp.h"

#include <assert.h>
#include <errno.h>
#include <linux/sock_diag.h>
#include <netinet/ip.h>
#include <netinet/udp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ipsec.h"
#include "stamping.h"

#define BATCH_MAX 64
#define TTL_UNKNOWN 255
/* Stamps, TTL, class, addresses, mark and drops of one datagram: about 210 octets on 64-bit machines. */
#define RECEIVE_CONTROL_OCTETS 320
/* Source address, class and segment length. */
#define SEND_CONTROL_OCTETS 96
#define TRAIN_OCTETS_MAX 65507 /* of one UDP datagram over IPv4, which a train is until the kernel takes it apart */
#define REFUSALS 64            /* power of two */
#define REFUSAL_TRAINS 1024    /* that leave one by one before the kernel is asked again */

struct receive_control {
	_Alignas(struct cmsghdr) uint8_t octets[RECEIVE_CONTROL_OCTETS];
};

struct send_control {
	_Alignas(struct cmsghdr) uint8_t octets[SEND_CONTROL_OCTETS];
};

union any_sockaddr {
	struct sockaddr sa;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
};

struct half {
	struct mmsghdr msgs[BATCH_MAX];
	struct iovec iovs[BATCH_MAX];
	union any_sockaddr peers[BATCH_MAX];
	uint8_t *octets; /* size times packet_octets */
};

/* A host that the kernel takes no trains for, of segments of this length and longer: IPsec on the way, an MTU. Forgotten
   after a while, and when another host takes its place: the price is one refused call. */
struct refusal {
	const struct fz_udp *udp; /* NULL: none */
	struct fz_addr host;
	size_t len;
	uint32_t trains; /* left before it is asked again */
};

struct fz_udp_batch {
	uint32_t size;          /* datagrams */
	uint32_t packet_octets; /* of each */
	struct half in, out;
	struct receive_control in_control[BATCH_MAX];
	struct send_control out_control[BATCH_MAX];
	struct fz_datagram datagrams[BATCH_MAX];
	uint32_t queued;
	const struct fz_udp *queued_for; /* the socket that what is queued leaves by */
	bool follows[BATCH_MAX];         /* same way, class and length as the one queued before it */
	struct mmsghdr leaving[BATCH_MAX];
	uint32_t aboard[BATCH_MAX]; /* datagrams of each that is leaving */
	struct refusal refusals[REFUSALS];
	bool any_refusal;
};

struct fz_udp {
	int fd;
	struct fz_addr local;
	enum fizeau_stamp_source source;
	struct fz_udp_counters counters;
	struct fz_udp_batch *batch;
	bool own_batch;
	bool trains; /* the kernel has UDP_SEGMENT */
};

static int set(int fd, int level, int option, int value)
{
	return setsockopt(fd, level, option, &value, sizeof(value)) == 0 ? 0 : -errno;
}

/* The options without which the socket would not do what its header says, and those that may be missing. */
static int set_options(struct fz_udp *udp, int version, const struct fz_udp_options *options)
{
	int error, wanted = options->receive_buffer;

	if (version == 6)
		error = set(udp->fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
	else
		error = 0;
	/*= rfc5357#section-4.2.1 TW-4.2.1-03 */
	/*= rfc4656#section-4.1.2 OW-4.1.2-01 */
	if (error == 0)
		/*= rfc2330#section-15 FW-15-01 */
		error = version == 6 ? set(udp->fd, IPPROTO_IPV6, IPV6_UNICAST_HOPS, 255)
				     : set(udp->fd, IPPROTO_IP, IP_TTL, 255);
	if (error == 0)
		error = version == 6 ? set(udp->fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1)
				     : set(udp->fd, IPPROTO_IP, IP_PKTINFO, 1);
	if (error == 0 && options->bypass_mark != 0)
		error = fz_ipsec_bypass(udp->fd, version, options->bypass_mark);
	if (error == 0 && options->receive_mark)
		error = fz_ipsec_receive_mark(udp->fd);
	if (error != 0)
		return error;
	/* What is not reported is unknown, and said to be so. */
	if (version == 6) {
		(void)set(udp->fd, IPPROTO_IPV6, IPV6_RECVHOPLIMIT, 1);
		(void)set(udp->fd, IPPROTO_IPV6, IPV6_RECVTCLASS, 1);
	} else {
		(void)set(udp->fd, IPPROTO_IP, IP_RECVTTL, 1);
		(void)set(udp->fd, IPPROTO_IP, IP_RECVTOS, 1);
	}
	(void)set(udp->fd, SOL_SOCKET, SO_RXQ_OVFL, 1);
	if (wanted > 0 && set(udp->fd, SOL_SOCKET, SO_RCVBUFFORCE, wanted) != 0)
		(void)set(udp->fd, SOL_SOCKET, SO_RCVBUF, wanted);
	udp->source = fz_stamping_enable(udp->fd);
	return 0;
}

/* A kernel that does not know the control message would pass over it, and send a train as one long datagram. */
static bool has_trains(int fd)
{
	int value;
	socklen_t len = sizeof(value);

	return getsockopt(fd, SOL_UDP, UDP_SEGMENT, &value, &len) == 0;
}

static int bind_to(struct fz_udp *udp, const struct fz_addr *local)
{
	union any_sockaddr bound = {0};
	socklen_t len = sizeof(bound);

	if (bind(udp->fd, &local->sa, local->len) != 0 || getsockname(udp->fd, &bound.sa, &len) != 0)
		return -errno;
	fz_addr_from_sockaddr(&udp->local, &bound.sa, len);
	return 0;
}

struct fz_udp_batch *fz_udp_batch_new(uint32_t size, uint32_t packet_octets)
{
	struct fz_udp_batch *batch;
	uint32_t i;

	if (size < 1 || size > BATCH_MAX || packet_octets == 0)
		return NULL;
	batch = calloc(1, sizeof(*batch));
	if (batch == NULL)
		return NULL;
	batch->size = size;
	batch->packet_octets = packet_octets;
	batch->in.octets = calloc(size, packet_octets);
	batch->out.octets = calloc(size, packet_octets);
	if (batch->in.octets == NULL || batch->out.octets == NULL) {
		fz_udp_batch_free(batch);
		return NULL;
	}
	for (i = 0; i < size; i++) {
		size_t at = (size_t)i * packet_octets;

		batch->in.iovs[i] = (struct iovec){batch->in.octets + at, packet_octets};
		batch->in.msgs[i].msg_hdr.msg_iov = &batch->in.iovs[i];
		batch->in.msgs[i].msg_hdr.msg_iovlen = 1;
		batch->out.iovs[i].iov_base = batch->out.octets + at;
		batch->out.msgs[i].msg_hdr.msg_iov = &batch->out.iovs[i];
		batch->out.msgs[i].msg_hdr.msg_iovlen = 1;
	}
	return batch;
}

void fz_udp_batch_free(struct fz_udp_batch *batch)
{
	if (batch == NULL)
		return;
	free(batch->in.octets);
	free(batch->out.octets);
	free(batch);
}

int fz_udp_open(const struct fz_addr *local, const struct fz_udp_options *options, struct fz_udp **out)
{
	int version = fz_addr_version(local);
	struct fz_udp *udp;
	int error;

	*out = NULL;
	if (version == 0)
		return -EINVAL;
	if (options->shared == NULL && (options->batch < 1 || options->batch > BATCH_MAX || options->packet_octets == 0))
		return -EINVAL;
	udp = calloc(1, sizeof(*udp));
	if (udp == NULL)
		return -ENOMEM;
	udp->own_batch = options->shared == NULL;
	udp->batch = options->shared;
	udp->fd = socket(version == 6 ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	error = udp->fd < 0 ? -errno : set_options(udp, version, options);
	if (error == 0)
		error = bind_to(udp, local);
	udp->trains = error == 0 && has_trains(udp->fd);
	if (error == 0 && udp->own_batch) {
		udp->batch = fz_udp_batch_new(options->batch, options->packet_octets);
		error = udp->batch == NULL ? -ENOMEM : 0;
	}
	if (error != 0) {
		fz_udp_close(udp);
		return error;
	}
	*out = udp;
	return 0;
}

/* Another socket may come to lie where this one was. */
static void forget_refusals(struct fz_udp *udp)
{
	for (uint32_t i = 0; udp->batch->any_refusal && i < REFUSALS; i++) {
		if (udp->batch->refusals[i].udp == udp)
			udp->batch->refusals[i].udp = NULL;
	}
}

void fz_udp_close(struct fz_udp *udp)
{
	if (udp == NULL)
		return;
	if (udp->fd >= 0)
		close(udp->fd);
	if (udp->own_batch) {
		fz_udp_batch_free(udp->batch);
	} else {
		if (udp->batch->queued_for == udp)
			udp->batch->queued = 0;
		forget_refusals(udp);
	}
	free(udp);
}

int fz_udp_fd(const struct fz_udp *udp)
{
	return udp->fd;
}

void fz_udp_local(const struct fz_udp *udp, struct fz_addr *local)
{
	*local = udp->local;
}

enum fizeau_stamp_source fz_udp_stamp_source(const struct fz_udp *udp)
{
	return udp->source;
}

static void read_ipv4_control(const struct cmsghdr *cmsg, struct fz_datagram *datagram)
{
	struct in_pktinfo info;
	int ttl;

	/*= rfc5357#section-4.2 TW-4.2-05 */
	/*= rfc4656#section-4.2 OW-4.2-05 */
	if (cmsg->cmsg_type == IP_TTL && cmsg->cmsg_len >= CMSG_LEN(sizeof(ttl))) {
		memcpy(&ttl, CMSG_DATA(cmsg), sizeof(ttl));
		datagram->ttl = (uint8_t)ttl;
	} else if (cmsg->cmsg_type == IP_TOS && cmsg->cmsg_len >= CMSG_LEN(1)) {
		datagram->traffic_class = *CMSG_DATA(cmsg);
	} else if (cmsg->cmsg_type == IP_PKTINFO && cmsg->cmsg_len >= CMSG_LEN(sizeof(info))) {
		memcpy(&info, CMSG_DATA(cmsg), sizeof(info));
		datagram->to.in.sin_addr = info.ipi_addr;
		datagram->interface = info.ipi_ifindex > 0 ? (uint32_t)info.ipi_ifindex : 0;
	}
}

static void read_ipv6_control(const struct cmsghdr *cmsg, struct fz_datagram *datagram)
{
	struct in6_pktinfo info;
	int value;

	if (cmsg->cmsg_type == IPV6_PKTINFO && cmsg->cmsg_len >= CMSG_LEN(sizeof(info))) {
		memcpy(&info, CMSG_DATA(cmsg), sizeof(info));
		datagram->to.in6.sin6_addr = info.ipi6_addr;
		datagram->to.in6.sin6_scope_id =
			IN6_IS_ADDR_LINKLOCAL(&info.ipi6_addr) ? info.ipi6_ifindex : 0;
		datagram->interface = info.ipi6_ifindex;
		return;
	}
	if (cmsg->cmsg_len < CMSG_LEN(sizeof(value)))
		return;
	memcpy(&value, CMSG_DATA(cmsg), sizeof(value));
	if (cmsg->cmsg_type == IPV6_HOPLIMIT)
		datagram->ttl = (uint8_t)value;
	else if (cmsg->cmsg_type == IPV6_TCLASS)
		datagram->traffic_class = (uint8_t)value;
}

/* The kernel's count is of 32 bits and grows over the socket's life. */
static void count_drops(struct fz_udp_counters *counters, uint32_t drops)
{
	counters->receive_drops += (uint32_t)(drops - (uint32_t)counters->receive_drops);
}

static void read_control(struct fz_udp *udp, struct msghdr *msg, const struct fz_clock *clock,
	struct fz_datagram *datagram, bool *stamped)
{
	struct cmsghdr *cmsg;
	uint32_t drops;

	for (cmsg = CMSG_FIRSTHDR(msg); cmsg != NULL; cmsg = CMSG_NXTHDR(msg, cmsg)) {
		if (cmsg->cmsg_level == IPPROTO_IP) {
			read_ipv4_control(cmsg, datagram);
		} else if (cmsg->cmsg_level == IPPROTO_IPV6) {
			read_ipv6_control(cmsg, datagram);
		} else if (cmsg->cmsg_level == SOL_SOCKET && cmsg->cmsg_type == SO_RXQ_OVFL &&
			   cmsg->cmsg_len >= CMSG_LEN(sizeof(drops))) {
			memcpy(&drops, CMSG_DATA(cmsg), sizeof(drops));
			count_drops(&udp->counters, drops);
		} else if (cmsg->cmsg_level == SOL_SOCKET && cmsg->cmsg_type == SO_MARK &&
			   cmsg->cmsg_len >= CMSG_LEN(sizeof(datagram->mark))) {
			memcpy(&datagram->mark, CMSG_DATA(cmsg), sizeof(datagram->mark));
		} else if (fz_stamping_read(cmsg, clock, &datagram->received)) {
			*stamped = true;
		}
	}
}

int fz_udp_read(struct fz_udp *udp, const struct fz_clock *clock, struct fz_datagram **datagrams)
{
	struct fizeau_stamp now;
	int count, i;

	*datagrams = udp->batch->datagrams;
	for (i = 0; i < (int)udp->batch->size; i++) {
		struct msghdr *msg = &udp->batch->in.msgs[i].msg_hdr;

		msg->msg_name = &udp->batch->in.peers[i];
		msg->msg_namelen = sizeof(udp->batch->in.peers[i]);
		msg->msg_control = &udp->batch->in_control[i];
		msg->msg_controllen = sizeof(udp->batch->in_control[i]);
	}
	do
		count = recvmmsg(udp->fd, udp->batch->in.msgs, udp->batch->size, MSG_DONTWAIT, NULL);
	while (count < 0 && errno == EINTR);
	if (count < 0)
		return errno == EAGAIN ? 0 : -errno;
	now = fz_clock_wall(clock);
	for (i = 0; i < count; i++) {
		struct msghdr *msg = &udp->batch->in.msgs[i].msg_hdr;
		struct fz_datagram *datagram = &udp->batch->datagrams[i];
		bool stamped = false;

		datagram->octets = udp->batch->in.iovs[i].iov_base;
		datagram->len = udp->batch->in.msgs[i].msg_len;
		datagram->truncated = (msg->msg_flags & MSG_TRUNC) != 0;
		fz_addr_from_sockaddr(&datagram->from, &udp->batch->in.peers[i].sa, msg->msg_namelen);
		datagram->to = udp->local;
		/*= rfc5357#section-4.2 TW-4.2-06 */
		/*= rfc4656#section-4.2 OW-4.2-06 */
		datagram->ttl = TTL_UNKNOWN;
		datagram->traffic_class = 0;
		datagram->interface = datagram->mark = 0;
		read_control(udp, msg, clock, datagram, &stamped);
		if (!stamped)
			datagram->received = now;
		if (datagram->received.source == FIZEAU_STAMP_HARDWARE)
			udp->source = FIZEAU_STAMP_HARDWARE;
	}
	udp->counters.received += (uint64_t)count;
	return count;
}

uint8_t *fz_udp_room(struct fz_udp *udp)
{
	return udp->batch->queued == udp->batch->size ? NULL : udp->batch->out.iovs[udp->batch->queued].iov_base;
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
	udp->batch->out.iovs[udp->batch->queued].iov_len = len;
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
	udp->batch->follows[udp->batch->queued] = udp->trains && follows_the_last(udp->batch);
	udp->batch->queued++;
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
		if (aboard > 1) {
			/* The iovecs of a batch lie one behind the other, and so the buffers leave from where they are. */
			msg->msg_iovlen = aboard;
			msg->msg_control = &batch->out_control[at];
			append(msg, &batch->out_control[at], SOL_UDP, UDP_SEGMENT, &len, sizeof(len));
		}
		at += aboard;
	}
	return count;
}

int fz_udp_flush(struct fz_udp *udp)
{
	struct fz_udp_batch *batch = udp->batch;
	uint32_t at = 0, sent = 0, plain = 0;
	bool retried = false;

	assert(batch->queued == 0 || batch->queued_for == udp);
	while (at < batch->queued) {
		uint32_t entries = line_up(udp, at, plain);
		int count = sendmmsg(udp->fd, batch->leaving, entries, MSG_DONTWAIT | MSG_NOSIGNAL);

		if (count > 0) {
			for (int i = 0; i < count; i++) {
				at += batch->aboard[i];
				sent += batch->aboard[i];
			}
			retried = true;
		} else if (errno == EAGAIN || errno == ENOBUFS) {
			/* Our own queue is full: once more, then it is this host's loss, not the network's.
			 */
			if (retried)
				break;
			retried = true;
		} else if (errno != EINTR && batch->aboard[0] > 1) {
			remember_refusal(udp, at, errno);
			plain = at + batch->aboard[0];
		} else if (errno != EINTR) {
			/* Refused for this one only (no route, a filter, an ICMP error): the others go on. */
			at++;
		}
	}
	udp->counters.sent += sent;
	udp->counters.send_drops += batch->queued - sent;
	batch->queued = 0;
	return (int)sent;
}

void fz_udp_counters(const struct fz_udp *udp, struct fz_udp_counters *counters)
{
	uint32_t info[SK_MEMINFO_VARS] = {0};
	socklen_t len = sizeof(info);

	*counters = udp->counters;
	/* Drops are told with the next datagram that gets through; this asks for those after the last. */
	if (getsockopt(udp->fd, SOL_SOCKET, SO_MEMINFO, info, &len) == 0 &&
		len >= (SK_MEMINFO_DROPS + 1) * sizeof(info[0]))
		count_drops(counters, info[SK_MEMINFO_DROPS]);
}
