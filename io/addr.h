/* SPDX-License-Identifier: MIT */
/* Addresses: socket addresses, the messages' addresses, and their texts. IPv4-mapped IPv6 is always unmapped
   (wire.md T-29), so that two equal peers compare equal. */
#ifndef FZ_IO_ADDR_H
#define FZ_IO_ADDR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <netinet/in.h>
#include <fizeau/event.h>

struct fz_addr {
	union {
		struct sockaddr sa;
		struct sockaddr_in in;
		struct sockaddr_in6 in6;
	};
	socklen_t len;
};

#define FZ_ADDR_TEXT 64 /* fits [v6%zone]:port with its terminator */

void fz_addr_from_sockaddr(struct fz_addr *addr, const struct sockaddr *sa, socklen_t len); /* unmaps */
void fz_addr_from_message(struct fz_addr *addr, const struct fizeau_address *address, uint16_t port);
void fz_addr_to_message(const struct fz_addr *addr, struct fizeau_address *address);
void fz_addr_set_port(struct fz_addr *addr, uint16_t port);
/* Inline, as every test packet passes here. */
/* 4 or 6; 0: it is none */
static inline int fz_addr_version(const struct fz_addr *addr)
{
	if (addr->len == 0)
		return 0;
	return addr->sa.sa_family == AF_INET ? 4 : 6;
}

static inline uint16_t fz_addr_port(const struct fz_addr *addr)
{
	switch (fz_addr_version(addr)) {
	case 4:
		return ntohs(addr->in.sin_port);
	case 6:
		return ntohs(addr->in6.sin6_port);
	default:
		return 0;
	}
}

/* Ports do not count. */
static inline bool fz_addr_same_host(const struct fz_addr *a, const struct fz_addr *b)
{
	int version = fz_addr_version(a);

	if (version != fz_addr_version(b))
		return false;
	if (version == 4)
		return a->in.sin_addr.s_addr == b->in.sin_addr.s_addr;
	if (version == 6)
		return memcmp(&a->in6.sin6_addr, &b->in6.sin6_addr, 16) == 0 &&
		       a->in6.sin6_scope_id == b->in6.sin6_scope_id;
	return true;
}

static inline bool fz_addr_equal(const struct fz_addr *a, const struct fz_addr *b)
{
	return fz_addr_same_host(a, b) && fz_addr_port(a) == fz_addr_port(b);
}

/* Whether it is of a network: the first prefix bits are the same. */
bool fz_addr_in_net(const struct fz_addr *addr, const struct fz_addr *net, uint8_t prefix);
/* Whether it is one host's: not 0.0.0.0/8, multicast, reserved or broadcast. */
bool fz_address_is_unicast(const struct fizeau_address *address);
/* Last four octets, for the SID. */
void fz_addr_tail(const struct fz_addr *addr, uint8_t tail[static 4]);
/* Whether it is an address of this host: packets to it never leave. */
bool fz_addr_is_own(const struct fz_addr *addr);
/* An IPv4 address of this host that is not a loopback one; false if it has none. */
FIZEAU_MUST_USE bool fz_addr_own_ipv4(struct fz_addr *addr);
/* "192.0.2.1", "2001:db8::1" */
void fz_addr_host_text(const struct fz_addr *addr, char text[static FZ_ADDR_TEXT]);
/* "192.0.2.1:862", "[2001:db8::1]:862" */
void fz_addr_text(const struct fz_addr *addr, char text[static FZ_ADDR_TEXT]);
/* Reads an IP literal without a port; false if it is none. */
FIZEAU_MUST_USE bool fz_addr_parse(const char *text, struct fz_addr *addr);
/* Splits "HOST", "HOST:PORT", "[V6]:PORT", "V6" into host and port (0: none given). False if malformed. */
FIZEAU_MUST_USE bool fz_addr_split(const char *text, char *host, size_t host_octets, uint16_t *port);
/* Resolves; family AF_UNSPEC, AF_INET or AF_INET6. Number of addresses written, or a negative EAI_* (gai_strerror). */
FIZEAU_MUST_USE int fz_addr_resolve(const char *host, uint16_t port, int family, struct fz_addr *addrs, size_t max);

#endif
