/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "order.h"

#define SHORT_OCTETS offsetof(struct fz_order, port) /* of an order that is only a number */

size_t fz_order_octets(enum fz_order_kind kind)
{
	switch (kind) {
	case FZ_ORDER_PORT:
		return SHORT_OCTETS + sizeof(struct fz_order_port);
	case FZ_ORDER_ADD:
		return SHORT_OCTETS + sizeof(struct fz_order_add);
	case FZ_ORDER_CLOCK:
		return SHORT_OCTETS + sizeof(struct fz_clock_choice);
	case FZ_ORDER_ADD_STAMP:
		return SHORT_OCTETS + sizeof(struct fz_order_add_stamp);
	case FZ_ORDER_REFUSE:
		return SHORT_OCTETS + sizeof(struct fz_order_refuse);
	case FZ_ORDER_CLOSE:
	case FZ_ORDER_START:
	case FZ_ORDER_STOP:
	case FZ_ORDER_END:
	case FZ_ORDER_BUSY:
		return SHORT_OCTETS;
	}
	return 0;
}

static bool good_address(const struct fz_addr *addr)
{
	return addr->sa.sa_family == AF_INET ? addr->len == sizeof(addr->in) :
		addr->sa.sa_family == AF_INET6 && addr->len == sizeof(addr->in6);
}

/* Whatever lies there: a bool that is neither is no bool. */
static bool good_bool(const bool *given)
{
	uint8_t yes;

	memcpy(&yes, given, sizeof(yes));
	return yes <= 1;
}

static bool good_session(const struct fz_order *order, const struct fz_order_add *add)
{
	return order->number < FZ_WORKER_SLOTS && good_address(&add->remote) &&
		(add->mode == FIZEAU_TEST_OPEN || add->mode == FIZEAU_TEST_AUTHENTICATED ||
			add->mode == FIZEAU_TEST_ENCRYPTED) &&
		add->octets_max <= FIZEAU_TEST_PACKET_MAX && add->dscp < 64 && good_bool(&add->require_ipsec) && add->duration_ns >= 0 &&
		add->timeout_ns >= 0 && add->refwait_ns > 0 && add->ipsec.interface_count <= FZ_CONF_IPSEC_MAX &&
		add->ipsec.mark_count <= FZ_CONF_IPSEC_MAX;
}

static bool good_stamp(const struct fz_order *order)
{
	const struct fz_order_add_stamp *stamp = &order->stamp;

	return good_session(order, &stamp->base) && (stamp->base.port & FZ_PORT_STAMP) &&
		(stamp->base.port & UINT16_MAX) == 0 && stamp->base.mode != FIZEAU_TEST_ENCRYPTED &&
		stamp->key.octets <= FIZEAU_ST_KEY_MAX && good_bool(&stamp->open_hmac_tlv) &&
		good_bool(&stamp->stateless) && good_bool(&stamp->answer_short) && good_bool(&stamp->tlvs) &&
		good_bool(&stamp->location) && good_bool(&stamp->ptp) &&
		(stamp->key.octets > 0) == (stamp->base.mode == FIZEAU_TEST_AUTHENTICATED || stamp->open_hmac_tlv);
}

static bool good_clock(const struct fz_clock_choice *choice)
{
	return choice->source <= FZ_CLOCK_PTP4L && good_bool(&choice->given) &&
		(choice->addr.len == 0 || good_address(&choice->addr)) &&
		memchr(choice->path, '\0', sizeof(choice->path));
}

bool fz_order_read(const void *octets, size_t len, struct fz_order *order)
{
	memset(order, 0, sizeof(*order));
	if (len < SHORT_OCTETS)
		return false;
	memcpy(order, octets, SHORT_OCTETS);
	if (len != fz_order_octets(order->kind))
		return false;
	memcpy(order, octets, len);
	switch (order->kind) {
	case FZ_ORDER_PORT:
		return good_address(&order->port.local);
	case FZ_ORDER_ADD:
		return good_session(order, &order->add);
	case FZ_ORDER_CLOCK:
		return good_clock(&order->clock);
	case FZ_ORDER_ADD_STAMP:
		return good_stamp(order);
	case FZ_ORDER_REFUSE:
		return good_address(&order->refuse.remote) && good_bool(&order->refuse.host) && order->refuse.for_ns >= 0;
	case FZ_ORDER_CLOSE:
		return true;
	case FZ_ORDER_BUSY:
		return order->number <= 1;
	case FZ_ORDER_START:
	case FZ_ORDER_STOP:
	case FZ_ORDER_END:
		break;
	}
	return order->number < FZ_WORKER_SLOTS;
}

bool fz_report_read(const void *octets, size_t len, struct fz_report *report)
{
	if (len != sizeof(*report))
		return false;
	memcpy(report, octets, len);
	return report->slot < FZ_WORKER_SLOTS && report->reason >= FZ_COUNT_ENDED_STOP &&
		report->reason <= FZ_COUNT_ENDED_FAILED;
}

bool fz_ask_read(const void *octets, size_t len, struct fz_ask *ask)
{
	if (len != sizeof(*ask))
		return false;
	memcpy(ask, octets, len);
	return good_address(&ask->remote) && good_address(&ask->local);
}

int fz_message_send(int fd, const void *octets, size_t len, int passed)
{
	union {
		struct cmsghdr header;
		uint8_t octets[CMSG_SPACE(sizeof(int))];
	} control = {.header = {.cmsg_len = CMSG_LEN(sizeof(int)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS}};
	struct iovec iov = {.iov_base = (void *)(uintptr_t)octets, .iov_len = len};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
	ssize_t sent;

	if (passed >= 0) {
		memcpy(control.octets + CMSG_LEN(0), &passed, sizeof(passed));
		msg.msg_control = &control;
		msg.msg_controllen = sizeof(control);
	}
	do
		sent = sendmsg(fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
	while (sent < 0 && errno == EINTR);
	return sent < 0 ? -errno : 0;
}

/* A descriptor that a message brings, and no more than one. */
static int descriptor_of(struct msghdr *msg)
{
	struct cmsghdr *header = CMSG_FIRSTHDR(msg);
	int fd = -1;

	if (header && header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_RIGHTS &&
		header->cmsg_len == CMSG_LEN(sizeof(fd)))
		memcpy(&fd, CMSG_DATA(header), sizeof(fd));
	return fd;
}

int fz_message_receive(int fd, void *octets, size_t room, int *passed)
{
	union {
		struct cmsghdr header;
		uint8_t octets[CMSG_SPACE(sizeof(int))];
	} control = {.octets = {0}};
	struct iovec iov = {.iov_base = octets, .iov_len = room};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control)};
	ssize_t got;

	*passed = -1;
	do
		got = recvmsg(fd, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC | MSG_TRUNC);
	while (got < 0 && errno == EINTR);
	if (got < 0)
		return -errno;
	*passed = descriptor_of(&msg);
	return (int)got;
}
