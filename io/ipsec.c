/* SPDX-License-Identifier: MIT */
#include "ipsec.h"

#include <errno.h>
#include <linux/xfrm.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int set(int fd, int level, int option, int value)
{
	return setsockopt(fd, level, option, &value, sizeof(value)) == 0 ? 0 : -errno;
}

/* A number of 32 bits from *text on; steps over it. */
static bool number_of(const char **text, uint32_t *number)
{
	unsigned long long value;
	char *end;

	if (**text < '0' || **text > '9')
		return false;
	value = strtoull(*text, &end, (*text)[0] == '0' && ((*text)[1] == 'x' || (*text)[1] == 'X') ? 16 : 10);
	if (end == *text || value > UINT32_MAX)
		return false;
	*text = end;
	*number = (uint32_t)value;
	return true;
}

bool fz_mark_parse(const char *text, uint32_t *mark, uint32_t *mask)
{
	uint32_t value, bits = UINT32_MAX;

	if (!number_of(&text, &value))
		return false;
	if (mask != NULL && *text == '/') {
		text++;
		if (!number_of(&text, &bits))
			return false;
	}
	if (*text != '\0' || value == 0 || (value & ~bits) != 0)
		return false;
	*mark = value;
	if (mask != NULL)
		*mask = bits;
	return true;
}

/* A policy without templates that allows: nothing is to be done to packets of this direction. */
static int allow(int fd, int version, uint8_t direction)
{
	struct xfrm_userpolicy_info policy = {
		.sel.family = version == 6 ? AF_INET6 : AF_INET,
		.dir = direction,
		.action = XFRM_POLICY_ALLOW,
		.lft = {.soft_byte_limit = XFRM_INF, .hard_byte_limit = XFRM_INF, .soft_packet_limit = XFRM_INF,
			.hard_packet_limit = XFRM_INF},
	};
	int level = version == 6 ? IPPROTO_IPV6 : IPPROTO_IP;
	int option = version == 6 ? IPV6_XFRM_POLICY : IP_XFRM_POLICY;

	if (setsockopt(fd, level, option, &policy, sizeof(policy)) == 0)
		return 0;
	/* A kernel without IPsec has no policy that could lead anything into it. */
	return errno == ENOPROTOOPT || errno == EOPNOTSUPP || errno == ENOSYS ? 0 : -errno;
}

int fz_ipsec_bypass(int fd, int version, uint32_t mark)
{
	int error = set(fd, SOL_SOCKET, SO_MARK, (int)mark);

	if (error == 0)
		error = allow(fd, version, XFRM_POLICY_OUT);
	if (error == 0)
		error = allow(fd, version, XFRM_POLICY_IN);
	return error;
}

/* What try makes of a socket that is never used. */
static int try_socket(int (*try)(int fd, uint32_t mark), uint32_t mark)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), error;

	if (fd < 0)
		return -errno;
	error = try(fd, mark);
	close(fd);
	return error;
}

static int try_bypass(int fd, uint32_t mark)
{
	return fz_ipsec_bypass(fd, 4, mark);
}

static int try_receive_mark(int fd, uint32_t mark)
{
	(void)mark;
	return fz_ipsec_receive_mark(fd);
}

int fz_ipsec_bypass_possible(uint32_t mark)
{
	return try_socket(try_bypass, mark);
}

int fz_ipsec_receive_mark(int fd)
{
	return set(fd, SOL_SOCKET, SO_RCVMARK, 1);
}

int fz_ipsec_receive_mark_possible(void)
{
	return try_socket(try_receive_mark, 0);
}

/* The kernel keeps the interface of the handshake's last segment with the connection, and tells it where it would tell
   that of a multicast. */
static uint32_t interface_of(const uint8_t *octets, size_t len, int version)
{
	struct cmsghdr header;
	struct in_pktinfo info4;
	struct in6_pktinfo info6;

	while (len >= sizeof(header)) {
		const uint8_t *data = octets + CMSG_LEN(0);

		memcpy(&header, octets, sizeof(header));
		if (header.cmsg_len < CMSG_LEN(0) || header.cmsg_len > len)
			return 0;
		if (version == 4 && header.cmsg_level == IPPROTO_IP && header.cmsg_type == IP_PKTINFO &&
			header.cmsg_len >= CMSG_LEN(sizeof(info4))) {
			memcpy(&info4, data, sizeof(info4));
			return info4.ipi_ifindex > 0 ? (uint32_t)info4.ipi_ifindex : 0;
		}
		if (version == 6 && header.cmsg_level == IPPROTO_IPV6 && header.cmsg_type == IPV6_PKTINFO &&
			header.cmsg_len >= CMSG_LEN(sizeof(info6))) {
			memcpy(&info6, data, sizeof(info6));
			return info6.ipi6_ifindex;
		}
		if (CMSG_ALIGN(header.cmsg_len) >= len)
			return 0;
		octets += CMSG_ALIGN(header.cmsg_len);
		len -= CMSG_ALIGN(header.cmsg_len);
	}
	return 0;
}

int fz_ipsec_of_connection(int fd, int version, uint32_t *interface, uint32_t *mark)
{
	uint8_t options[256];
	socklen_t len = sizeof(options), mark_len = sizeof(*mark);
	int error;

	*interface = *mark = 0;
	error = version == 6 ? set(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1) : set(fd, IPPROTO_IP, IP_PKTINFO, 1);
	if (error != 0)
		return error;
	if (getsockopt(fd, version == 6 ? IPPROTO_IPV6 : IPPROTO_IP, version == 6 ? IPV6_2292PKTOPTIONS : IP_PKTOPTIONS,
		    options, &len) != 0)
		return -errno;
	*interface = interface_of(options, len, version);
	return getsockopt(fd, SOL_SOCKET, SO_MARK, mark, &mark_len) == 0 ? 0 : -errno;
}

int fz_ipsec_pin(int fd, const char name[static FZ_INTERFACE_NAME])
{
	return setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, name, (socklen_t)strlen(name) + 1) == 0 ? 0 : -errno;
}

uint32_t fz_interface_index(const char *name)
{
	return if_nametoindex(name);
}
