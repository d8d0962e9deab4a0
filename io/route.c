/* SPDX-License-Identifier: MIT */
#include "route.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define ANSWER_OCTETS 4096
#define MESSAGE_OCTETS 128

struct message {
	_Alignas(struct nlmsghdr) uint8_t octets[MESSAGE_OCTETS];
	size_t len;
};

static void put(struct message *message, uint16_t type, const void *data, size_t octets)
{
	struct rtattr attribute = {.rta_type = type, .rta_len = (uint16_t)RTA_LENGTH(octets)};

	memcpy(message->octets + message->len, &attribute, sizeof(attribute));
	memcpy(message->octets + message->len + RTA_LENGTH(0), data, octets);
	message->len += RTA_SPACE(octets);
}

static void put_address(struct message *message, uint16_t type, const struct fz_addr *addr)
{
	if (fz_addr_version(addr) == 6)
		put(message, type, &addr->in6.sin6_addr, sizeof(addr->in6.sin6_addr));
	else
		put(message, type, &addr->in.sin_addr, sizeof(addr->in.sin_addr));
}

static void make_question(const struct fz_addr *to, const struct fz_addr *from, uint32_t mark, struct message *message)
{
	bool v6 = fz_addr_version(to) == 6;
	struct nlmsghdr header = {.nlmsg_type = RTM_GETROUTE, .nlmsg_flags = NLM_F_REQUEST};
	struct rtmsg what = {.rtm_family = v6 ? AF_INET6 : AF_INET, .rtm_dst_len = v6 ? 128 : 32};

	*message = (struct message){.len = NLMSG_SPACE(sizeof(what))};
	put_address(message, RTA_DST, to);
	if (from != NULL) {
		what.rtm_src_len = what.rtm_dst_len;
		put_address(message, RTA_SRC, from);
	}
	if (v6 && to->in6.sin6_scope_id != 0)
		put(message, RTA_OIF, &to->in6.sin6_scope_id, sizeof(to->in6.sin6_scope_id));
	if (mark != 0)
		put(message, RTA_MARK, &mark, sizeof(mark));
	header.nlmsg_len = (uint32_t)message->len;
	memcpy(message->octets, &header, sizeof(header));
	memcpy(message->octets + NLMSG_HDRLEN, &what, sizeof(what));
}

/* The index of the interface in an answer; -errno if it is another one. */
static int read_answer(const uint8_t *octets, size_t len)
{
	size_t at = NLMSG_SPACE(sizeof(struct rtmsg));
	struct nlmsghdr header;
	struct nlmsgerr error;
	struct rtattr attribute;
	int index;

	if (len < sizeof(header))
		return -EBADMSG;
	memcpy(&header, octets, sizeof(header));
	if (header.nlmsg_len > len)
		return -EBADMSG;
	if (header.nlmsg_type == NLMSG_ERROR && header.nlmsg_len >= NLMSG_LENGTH(sizeof(error))) {
		memcpy(&error, octets + NLMSG_HDRLEN, sizeof(error));
		return error.error < 0 ? error.error : -EBADMSG;
	}
	if (header.nlmsg_type != RTM_NEWROUTE)
		return -EBADMSG;
	while (at + sizeof(attribute) <= header.nlmsg_len) {
		memcpy(&attribute, octets + at, sizeof(attribute));
		if (attribute.rta_len < RTA_LENGTH(0) || at + attribute.rta_len > header.nlmsg_len)
			return -EBADMSG;
		if (attribute.rta_type == RTA_OIF && attribute.rta_len == RTA_LENGTH(sizeof(index))) {
			memcpy(&index, octets + at + RTA_LENGTH(0), sizeof(index));
			return index > 0 ? index : -EBADMSG;
		}
		at += RTA_ALIGN(attribute.rta_len);
	}
	return -ENETUNREACH;
}

static bool is_tunnel(int fd, const char *name)
{
	struct ifreq request = {0};

	memcpy(request.ifr_name, name, strlen(name));
	if (ioctl(fd, SIOCGIFHWADDR, &request) != 0)
		return false;
	switch (request.ifr_hwaddr.sa_family) {
	case ARPHRD_NONE:
	case ARPHRD_TUNNEL:
	case ARPHRD_TUNNEL6:
		return true;
	default:
		return false;
	}
}

static int find_index(const struct fz_addr *to, const struct fz_addr *from, uint32_t mark)
{
	uint8_t answer[ANSWER_OCTETS];
	struct message question;
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	ssize_t len;
	int index;

	if (fd < 0)
		return -errno;
	make_question(to, from, mark, &question);
	/* The kernel answers within the call that asks. */
	if (send(fd, question.octets, question.len, 0) < 0)
		index = -errno;
	else if ((len = recv(fd, answer, sizeof(answer), MSG_DONTWAIT)) < 0)
		index = -errno;
	else
		index = read_answer(answer, (size_t)len);
	close(fd);
	return index;
}

int fz_route_ask(const struct fz_addr *to, const struct fz_addr *from, uint32_t mark, struct fz_route *route)
{
	int fd, index;

	*route = (struct fz_route){.tunnel = false};
	if (fz_addr_version(to) == 0 || (from != NULL && fz_addr_version(from) != fz_addr_version(to)))
		return -EINVAL;
	index = find_index(to, from, mark);
	if (index < 0)
		return index;
	if (if_indextoname((unsigned)index, route->interface) == NULL)
		return -errno;
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	route->tunnel = is_tunnel(fd, route->interface);
	close(fd);
	return 0;
}

int fz_route_source(const struct fz_addr *to, uint32_t mark, struct fz_addr *source)
{
	struct fz_addr bound = {.len = sizeof(bound.in6)};
	int fd = socket(fz_addr_version(to) == 6 ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int error = 0;

	if (fd < 0)
		return -errno;
	/* Connecting asks for the route and sends nothing. */
	if ((mark != 0 && setsockopt(fd, SOL_SOCKET, SO_MARK, &mark, sizeof(mark)) != 0) ||
		connect(fd, &to->sa, to->len) != 0 || getsockname(fd, &bound.sa, &bound.len) != 0)
		error = -errno;
	close(fd);
	if (error != 0)
		return error;
	fz_addr_set_port(&bound, 0);
	*source = bound;
	return 0;
}
