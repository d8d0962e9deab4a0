/* SPDX-License-Identifier: MIT */
/* What has to come through IPsec, and whether it did: by the interface or the firewall mark that the configuration names
   (doc/adr/0008). */
#ifndef FZ_DAEMON_IPSEC_H
#define FZ_DAEMON_IPSEC_H

#include "conf.h"
#include "io/udp.h"
#include "log.h"

/* Indexes of the configuration's interfaces, in its order, asked for anew every second: they come and go with the IKE
   daemon. Zeroed to begin with. */
struct fz_ipsec_view {
	int64_t asked_ns;
	uint32_t indexes[FZ_CONF_IPSEC_MAX];
};

/* Whether this class has such a connection and its packets come through IPsec; mode is the one chosen. */
bool fz_ipsec_required(const struct fz_class *c, uint32_t mode);

/* Whether they did. A connection that came by an interface exists on that one only from then on. */
bool fz_ipsec_connection(const struct fz_conf *conf, int fd, const struct fz_addr *peer);
bool fz_ipsec_datagram(struct fz_ipsec_view *view, const struct fz_ipsec_signs *signs, const struct fz_datagram *in,
	struct fizeau_mono now);

/* Whether the kernel and our rights allow what the configuration asks for; error says which of it they do not. */
FIZEAU_MUST_USE bool fz_ipsec_check(const struct fz_conf *conf, struct fz_log *log, char error[static FZ_CONF_ERROR_MAX]);

/* True if a class of it needs CAP_NET_ADMIN for as long as the daemon runs. */
bool fz_ipsec_needs_right(const struct fz_conf *conf);

#endif
