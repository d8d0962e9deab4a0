/* SPDX-License-Identifier: MIT */
#include "ipsec.h"

#include <errno.h>
#include <string.h>

#define ASK_NS 1000000000ll
#define ACCEPT_MARK "/proc/sys/net/ipv4/tcp_fwmark_accept" /* for IPv6 too */

/*= rfc7717#section-5.4 IK-5.4-01 */
bool fz_ipsec_required(const struct fz_class *c, uint32_t mode)
{
	return c && c->limits[FZ_LIMIT_REQUIRE_IPSEC] && (mode & FIZEAU_MODE_OPEN);
}

static bool marked(const struct fz_ipsec_signs *signs, uint32_t mark)
{
	for (uint32_t i = 0; i < signs->mark_count; i++) {
		if ((mark & signs->marks[i].mask) == signs->marks[i].mark)
			return true;
	}
	return false;
}

bool fz_ipsec_connection(const struct fz_conf *conf, int fd, const struct fz_addr *peer)
{
	const struct fz_ipsec_signs *signs = &conf->ipsec;
	uint32_t interface, mark;

	if (fz_ipsec_of_connection(fd, fz_addr_version(peer), &interface, &mark))
		return false;
	for (uint32_t i = 0; interface && i < signs->interface_count; i++) {
		if (fz_interface_index(signs->interfaces[i]) == interface)
			return !fz_ipsec_pin(fd, signs->interfaces[i]);
	}
	return marked(signs, mark);
}

bool fz_ipsec_datagram(struct fz_ipsec_view *view, const struct fz_ipsec_signs *signs, const struct fz_datagram *in,
	struct fizeau_mono now)
{
	if (signs->interface_count && (!view->asked_ns || now.ns - view->asked_ns >= ASK_NS)) {
		for (uint32_t i = 0; i < signs->interface_count; i++)
			view->indexes[i] = fz_interface_index(signs->interfaces[i]);
		view->asked_ns = now.ns;
	}
	for (uint32_t i = 0; in->interface && i < signs->interface_count; i++) {
		if (view->indexes[i] == in->interface)
			return true;
	}
	return marked(signs, in->mark);
}

static const char *class_with(const struct fz_conf *conf, enum fz_limit item)
{
	for (uint32_t i = 0; i < conf->class_count; i++) {
		if (conf->classes[i].limits[item])
			return conf->classes[i].name;
	}
	return NULL;
}

bool fz_ipsec_needs_right(const struct fz_conf *conf)
{
	return class_with(conf, FZ_LIMIT_BYPASS_IPSEC) != NULL;
}

/* A mark on the handshake is lost unless the kernel is told to keep it. */
static void check_accept_mark(struct fz_log *log)
{
	FILE *file = fopen(ACCEPT_MARK, "re");

	if (file && fgetc(file) == '0')
		fz_log(log, FZ_LOG_WARNING,
			"ipsec mark: control connections carry no mark unless sysctl net.ipv4.tcp_fwmark_accept is 1, and "
			"open ones of classes with require-ipsec are refused");
	if (file)
		fclose(file);
}

bool fz_ipsec_check(const struct fz_conf *conf, struct fz_log *log, char error[static FZ_CONF_ERROR_MAX])
{
	const char *bypassing = class_with(conf, FZ_LIMIT_BYPASS_IPSEC);
	const char *requiring = class_with(conf, FZ_LIMIT_REQUIRE_IPSEC);
	int why = bypassing ? fz_ipsec_bypass_possible(conf->ipsec.bypass_mark) : 0;

	if (why) {
		snprintf(error, FZ_CONF_ERROR_MAX, "limit %s bypass-ipsec: %s%s", bypassing, fizeau_strerror(why),
			why == -EPERM ? " (it takes root or CAP_NET_ADMIN at the start: restart the daemon with it)" : "");
		return false;
	}
	why = requiring && conf->ipsec.mark_count ? fz_ipsec_receive_mark_possible() : 0;
	if (why) {
		snprintf(error, FZ_CONF_ERROR_MAX, "limit %s require-ipsec with ipsec mark: the kernel does not tell marks "
			"(SO_RCVMARK, Linux 5.19): %s", requiring, fizeau_strerror(why));
		return false;
	}
	if (requiring && conf->ipsec.mark_count)
		check_accept_mark(log);
	return true;
}
