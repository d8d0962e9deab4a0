/* SPDX-License-Identifier: MIT */
#include "addr.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>

void fz_addr_from_sockaddr(struct fz_addr *addr, const struct sockaddr *sa, socklen_t len)
{
	*addr = (struct fz_addr){0};
	if (sa->sa_family == AF_INET && len >= sizeof(addr->in)) {
		memcpy(&addr->in, sa, sizeof(addr->in));
		addr->len = sizeof(addr->in);
	} else if (sa->sa_family == AF_INET6 && len >= sizeof(addr->in6)) {
		struct sockaddr_in6 in6;

		memcpy(&in6, sa, sizeof(in6));
		if (IN6_IS_ADDR_V4MAPPED(&in6.sin6_addr)) {
			addr->in.sin_family = AF_INET;
			addr->in.sin_port = in6.sin6_port;
			memcpy(&addr->in.sin_addr, &in6.sin6_addr.s6_addr[12], 4);
			addr->len = sizeof(addr->in);
		} else {
			addr->in6 = in6;
			addr->in6.sin6_flowinfo = 0;
			addr->len = sizeof(addr->in6);
		}
	}
}

void fz_addr_from_message(struct fz_addr *addr, const struct fizeau_address *address, uint16_t port)
{
	*addr = (struct fz_addr){0};
	if (address->version == 4) {
		addr->in.sin_family = AF_INET;
		addr->in.sin_port = htons(port);
		memcpy(&addr->in.sin_addr, address->octets, 4);
		addr->len = sizeof(addr->in);
	} else if (address->version == 6) {
		struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};

		memcpy(&in6.sin6_addr, address->octets, 16);
		fz_addr_from_sockaddr(addr, (const struct sockaddr *)&in6, sizeof(in6));
	}
}

void fz_addr_to_message(const struct fz_addr *addr, struct fizeau_address *address)
{
	*address = (struct fizeau_address){.version = (uint8_t)fz_addr_version(addr)};
	if (address->version == 4)
		memcpy(address->octets, &addr->in.sin_addr, 4);
	else if (address->version == 6)
		memcpy(address->octets, &addr->in6.sin6_addr, 16);
}

void fz_addr_set_port(struct fz_addr *addr, uint16_t port)
{
	if (fz_addr_version(addr) == 4)
		addr->in.sin_port = htons(port);
	else if (fz_addr_version(addr) == 6)
		addr->in6.sin6_port = htons(port);
}

bool fz_addr_in_net(const struct fz_addr *addr, const struct fz_addr *net, uint8_t prefix)
{
	struct fizeau_address whole, host;
	size_t octets = prefix / 8;
	unsigned rest = prefix % 8;

	fz_addr_to_message(net, &whole);
	fz_addr_to_message(addr, &host);
	if (whole.version != host.version || memcmp(whole.octets, host.octets, octets) != 0)
		return false;
	return rest == 0 || (whole.octets[octets] ^ host.octets[octets]) >> (8 - rest) == 0;
}

bool fz_address_is_unicast(const struct fizeau_address *address)
{
	static const uint8_t zero[sizeof(address->octets)];

	if (memcmp(address->octets, zero, sizeof(zero)) == 0)
		return false;
	return address->version == 4 ? address->octets[0] < 224 && address->octets[0] != 0 : address->octets[0] != 0xff;
}

void fz_addr_tail(const struct fz_addr *addr, uint8_t tail[static 4])
{
	memset(tail, 0, 4);
	if (fz_addr_version(addr) == 4)
		memcpy(tail, &addr->in.sin_addr, 4);
	else if (fz_addr_version(addr) == 6)
		memcpy(tail, &addr->in6.sin6_addr.s6_addr[12], 4);
}

/* Octets of the text without its terminator. */
static size_t host_text(const struct fz_addr *addr, char text[static FZ_ADDR_TEXT])
{
	char zone[IF_NAMESIZE];
	size_t len;

	text[0] = '\0';
	if (fz_addr_version(addr) == 4)
		inet_ntop(AF_INET, &addr->in.sin_addr, text, FZ_ADDR_TEXT);
	else if (fz_addr_version(addr) == 6)
		inet_ntop(AF_INET6, &addr->in6.sin6_addr, text, FZ_ADDR_TEXT);
	len = strlen(text);
	if (fz_addr_version(addr) != 6 || addr->in6.sin6_scope_id == 0)
		return len;
	if (if_indextoname(addr->in6.sin6_scope_id, zone) != NULL)
		snprintf(text + len, FZ_ADDR_TEXT - len, "%%%s", zone);
	else
		snprintf(text + len, FZ_ADDR_TEXT - len, "%%%u", (unsigned)addr->in6.sin6_scope_id);
	return strlen(text);
}

bool fz_addr_is_own(const struct fz_addr *addr)
{
	struct ifaddrs *all;
	bool found = addr->sa.sa_family == AF_INET && ntohl(addr->in.sin_addr.s_addr) >> 24 == 127;

	if (found || getifaddrs(&all) != 0)
		return found;
	for (const struct ifaddrs *one = all; one != NULL && !found; one = one->ifa_next) {
		struct fz_addr own;

		if (one->ifa_addr == NULL || one->ifa_addr->sa_family != addr->sa.sa_family)
			continue;
		fz_addr_from_sockaddr(&own, one->ifa_addr,
			addr->sa.sa_family == AF_INET ? sizeof(own.in) : sizeof(own.in6));
		found = fz_addr_same_host(&own, addr);
	}
	freeifaddrs(all);
	return found;
}

bool fz_addr_own_ipv4(struct fz_addr *addr)
{
	struct ifaddrs *all;
	bool found = false;

	if (getifaddrs(&all) != 0)
		return false;
	for (const struct ifaddrs *one = all; one != NULL && !found; one = one->ifa_next) {
		if (one->ifa_addr == NULL || one->ifa_addr->sa_family != AF_INET)
			continue;
		fz_addr_from_sockaddr(addr, one->ifa_addr, sizeof(addr->in));
		found = ntohl(addr->in.sin_addr.s_addr) >> 24 != 127;
	}
	freeifaddrs(all);
	return found;
}

void fz_addr_host_text(const struct fz_addr *addr, char text[static FZ_ADDR_TEXT])
{
	host_text(addr, text);
}

void fz_addr_text(const struct fz_addr *addr, char text[static FZ_ADDR_TEXT])
{
	size_t len = host_text(addr, text);

	if (fz_addr_version(addr) == 6) {
		if (len > FZ_ADDR_TEXT - 9)
			len = FZ_ADDR_TEXT - 9; /* no zone is this long; the port matters more */
		memmove(text + 1, text, len);
		text[0] = '[';
		text[len + 1] = ']';
		len += 2;
	}
	snprintf(text + len, FZ_ADDR_TEXT - len, ":%u", (unsigned)fz_addr_port(addr));
}

bool fz_addr_parse(const char *text, struct fz_addr *addr)
{
	struct addrinfo hints = {
		.ai_family = AF_INET6, .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST};
	struct addrinfo *found;
	struct in_addr in;

	*addr = (struct fz_addr){0};
	if (inet_pton(AF_INET, text, &in) == 1) {
		addr->in.sin_family = AF_INET;
		addr->in.sin_addr = in;
		addr->len = sizeof(addr->in);
		return true;
	}
	/* getaddrinfo reads zones, which inet_pton does not. */
	if (strchr(text, ':') == NULL || getaddrinfo(text, NULL, &hints, &found) != 0)
		return false;
	fz_addr_from_sockaddr(addr, found->ai_addr, found->ai_addrlen);
	freeaddrinfo(found);
	return addr->len != 0;
}

static bool parse_port(const char *text, uint16_t *port)
{
	uint32_t value = 0;
	size_t i;

	for (i = 0; text[i] >= '0' && text[i] <= '9' && i < 5; i++)
		value = value * 10 + (uint32_t)(text[i] - '0');
	if (i == 0 || text[i] != '\0' || value == 0 || value > 65535)
		return false;
	*port = (uint16_t)value;
	return true;
}

bool fz_addr_split(const char *text, char *host, size_t host_octets, uint16_t *port)
{
	const char *start = text, *end, *rest;

	*port = 0;
	if (text[0] == '[') {
		start = text + 1;
		end = strchr(start, ']');
		if (end == NULL || memchr(start, ':', (size_t)(end - start)) == NULL)
			return false;
		rest = end + 1;
	} else {
		end = strchr(text, ':');
		/* Two colons or more without brackets: an IPv6 literal, and all of it. */
		if (end == NULL || strchr(end + 1, ':') != NULL)
			end = text + strlen(text);
		rest = end;
	}
	if (*rest != '\0' && (*rest != ':' || !parse_port(rest + 1, port)))
		return false;
	if (end == start || (size_t)(end - start) >= host_octets)
		return false;
	memcpy(host, start, (size_t)(end - start));
	host[end - start] = '\0';
	return true;
}

int fz_addr_resolve(const char *host, uint16_t port, int family, struct fz_addr *addrs, size_t max)
{
	struct addrinfo hints = {.ai_family = family, .ai_socktype = SOCK_STREAM};
	struct addrinfo *found;
	struct addrinfo *ai;
	size_t count = 0;
	int error = getaddrinfo(host, NULL, &hints, &found);

	if (error != 0)
		return error;
	for (ai = found; ai != NULL && count < max; ai = ai->ai_next) {
		struct fz_addr addr;
		bool known = false;
		size_t i;

		fz_addr_from_sockaddr(&addr, ai->ai_addr, ai->ai_addrlen);
		fz_addr_set_port(&addr, port);
		for (i = 0; i < count; i++)
			known = known || fz_addr_equal(&addrs[i], &addr);
		if (addr.len != 0 && !known)
			addrs[count++] = addr;
	}
	freeaddrinfo(found);
	return count == 0 ? EAI_NONAME : (int)count;
}
