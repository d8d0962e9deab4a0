/* SPDX-License-Identifier: MIT */

#include <assert.h>
#include <errno.h>
#include <linux/sock_diag.h>
#include <netinet/ip.h>
#include <netinet/udp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ipsec.h"
#include "udp_state.h"

#define TTL_UNKNOWN 255
#define STALL_MS 50             /* that a receive buffer rides out */
#define BURST_PACKETS 128       /* beyond the mean rate */
#define OCTETS_BESIDES 1280     /* what the kernel counts of a small packet beside its payload, twice of SO_RCVBUF being there */
#define RECEIVE_BUFFER_MAX (256 << 20)

static int set(int fd, int level, int option, int value)
{
	return setsockopt(fd, level, option, &value, sizeof(value)) == 0 ? 0 : -errno;
}

/* The options without which the socket would not do what its header says, and those that may be missing. */
static int set_options(struct fz_udp *udp, int version, const struct fz_udp_options *options)
{
	int error;

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
	if (options->receive_buffer > 0 &&
		set(udp->fd, SOL_SOCKET, SO_RCVBUFFORCE, options->receive_buffer) != 0)
		(void)set(udp->fd, SOL_SOCKET, SO_RCVBUF, options->receive_buffer);
	if (options->busy_poll_us > 0) {
		(void)set(udp->fd, SOL_SOCKET, SO_BUSY_POLL, (int)options->busy_poll_us);
		(void)set(udp->fd, SOL_SOCKET, SO_PREFER_BUSY_POLL, 1);
	}
	if (options->icmp_news)
		udp->icmp_news = (version == 6 ? set(udp->fd, IPPROTO_IPV6, IPV6_RECVERR, 1)
					       : set(udp->fd, IPPROTO_IP, IP_RECVERR, 1)) == 0;
	udp->source = fz_stamping_enable(udp->fd);
	return 0;
}

int fz_udp_receive_buffer_for(uint64_t rate_pps, size_t packet_octets)
{
	uint64_t packets = rate_pps / (1000 / STALL_MS) + BURST_PACKETS, octets;

	if (__builtin_mul_overflow(packets, (uint64_t)packet_octets + OCTETS_BESIDES, &octets) ||
		octets > RECEIVE_BUFFER_MAX)
		return RECEIVE_BUFFER_MAX;
	return (int)octets;
}

/* The kernel doubles what it is given, and tells the double. */
static bool holds(int fd, int octets)
{
	int has = 0;
	socklen_t len = sizeof(has);

	return getsockopt(fd, SOL_SOCKET, SO_RCVBUF, &has, &len) == 0 && has / 2 >= octets;
}

bool fz_udp_receive_buffer(struct fz_udp *udp, int octets)
{
	if (holds(udp->fd, octets))
		return true;
	if (set(udp->fd, SOL_SOCKET, SO_RCVBUFFORCE, octets) != 0)
		(void)set(udp->fd, SOL_SOCKET, SO_RCVBUF, octets);
	return holds(udp->fd, octets);
}

static int bind_to(struct fz_udp *udp, const struct fz_addr *local, enum fz_udp_group group)
{
	union any_sockaddr bound = {0};
	socklen_t len = sizeof(bound);
	int error = group == FZ_UDP_JOINS ? set(udp->fd, SOL_SOCKET, SO_REUSEPORT, 1) : 0;

	if (error != 0)
		return error;
	if (bind(udp->fd, &local->sa, local->len) != 0)
		return -errno;
	/* Not before: it would join a group that is there. */
	if (group == FZ_UDP_FIRST)
		error = set(udp->fd, SOL_SOCKET, SO_REUSEPORT, 1);
	if (error != 0)
		return error;
	if (getsockname(udp->fd, &bound.sa, &len) != 0)
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
	batch->heads = aligned_alloc(CACHE_LINE, (size_t)size * HEAD_OCTETS);
	batch->in.octets = calloc(size, packet_octets);
	batch->out.octets = calloc(size, (size_t)packet_octets + CACHE_LINE);
	if (batch->heads == NULL || batch->in.octets == NULL || batch->out.octets == NULL) {
		fz_udp_batch_free(batch);
		return NULL;
	}
	for (i = 0; i < size; i++) {
		size_t at = (size_t)i * packet_octets, head = packet_octets < HEAD_OCTETS ? packet_octets : HEAD_OCTETS;

		batch->in_parts[i][0] = (struct iovec){batch->heads + (size_t)i * HEAD_OCTETS, head};
		batch->in_parts[i][1] = (struct iovec){batch->in.octets + at + head, packet_octets - head};
		batch->in.msgs[i].msg_hdr.msg_iov = batch->in_parts[i];
		batch->out.msgs[i].msg_hdr.msg_iov = &batch->out.iovs[i];
		batch->out.msgs[i].msg_hdr.msg_iovlen = 1;
	}
	return batch;
}

void fz_udp_batch_free(struct fz_udp_batch *batch)
{
	if (batch == NULL)
		return;
	free(batch->heads);
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
	udp->wanted_octets = SIZE_MAX;
	udp->batch = options->shared;
	udp->fd = socket(version == 6 ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	error = udp->fd < 0 ? -errno : set_options(udp, version, options);
	if (error == 0)
		error = bind_to(udp, local, options->group);
	udp->trains = error == 0 && fz_udp_has_trains(udp->fd);
	if (error == 0 && options->sent_stamps)
		error = fz_udp_enable_sent(udp);
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

int fz_udp_adopt(int fd, const struct fz_udp_options *options, struct fz_udp **out)
{
	union any_sockaddr bound = {0};
	socklen_t len = sizeof(bound);
	struct fz_udp *udp;

	*out = NULL;
	if (options->shared == NULL)
		return -EINVAL;
	if (getsockname(fd, &bound.sa, &len) != 0)
		return -errno;
	udp = calloc(1, sizeof(*udp));
	if (udp == NULL)
		return -ENOMEM;
	udp->fd = fd;
	udp->batch = options->shared;
	udp->wanted_octets = SIZE_MAX;
	fz_addr_from_sockaddr(&udp->local, &bound.sa, len);
	udp->source = fz_stamping_enable(fd);
	udp->trains = fz_udp_has_trains(fd);
	/* Without memory there are no transmit stamps. */
	if (options->sent_stamps && fz_udp_enable_sent(udp) < 0)
		udp->sent_names = FZ_SENT_NONE;
	*out = udp;
	return 0;
}

void fz_udp_close(struct fz_udp *udp)
{
	if (udp == NULL)
		return;
	if (udp->fd >= 0)
		close(udp->fd);
	free(udp->sent_keys);
	if (udp->own_batch) {
		fz_udp_batch_free(udp->batch);
	} else {
		fz_udp_unqueue(udp);
		fz_udp_forget_refusals(udp);
	}
	free(udp);
}

void fz_udp_want_octets(struct fz_udp *udp, size_t octets)
{
	udp->wanted_octets = octets;
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

/* Where all of a datagram lies. */
static uint8_t *octets_of(struct fz_udp_batch *batch, int i, size_t len)
{
	const struct iovec *parts = batch->in_parts[i];
	uint8_t *whole;

	if (len <= parts[0].iov_len)
		return parts[0].iov_base;
	whole = (uint8_t *)parts[1].iov_base - parts[0].iov_len;
	memcpy(whole, parts[0].iov_base, parts[0].iov_len);
	return whole;
}

int fz_udp_read(struct fz_udp *udp, const struct fz_clock *clock, struct fz_datagram **datagrams)
{
	/* The kernel takes one part faster than two. */
	size_t parts = udp->wanted_octets > HEAD_OCTETS && udp->batch->packet_octets > HEAD_OCTETS ? 2 : 1;
	struct fizeau_stamp now;
	int count, i;

	*datagrams = udp->batch->datagrams;
	for (i = 0; i < (int)udp->batch->size; i++) {
		struct msghdr *msg = &udp->batch->in.msgs[i].msg_hdr;

		msg->msg_name = &udp->batch->in.peers[i];
		msg->msg_namelen = sizeof(udp->batch->in.peers[i]);
		msg->msg_control = &udp->batch->in_control[i];
		msg->msg_controllen = sizeof(udp->batch->in_control[i]);
		msg->msg_iovlen = parts;
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

		datagram->len = udp->batch->in.msgs[i].msg_len;
		datagram->octets = octets_of(udp->batch, i, datagram->len);
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
