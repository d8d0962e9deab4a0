/* SPDX-License-Identifier: MIT */
#include "stamping.h"

#include <errno.h>
#include <linux/errqueue.h>
#include <linux/net_tstamp.h>
#include <netinet/in.h>
#include <string.h>

/* A card's clock is its own (often TAI, often free-running) unless something steers it to the system's. A
   stamp of the card is taken only if it lies this little before the kernel's of the same packet. */
#define CARD_LEAD_MAX_NS 1000000
#ifndef SCM_TS_OPT_ID
#define SCM_TS_OPT_ID 81 /* Linux 6.13 */
#endif
#define ONLY_PROBE (0x10 | MSG_CONFIRM) /* MSG_PROBE, which glibc does not name: without octets nothing is sent */

enum fizeau_stamp_source fz_stamping_enable(int fd)
{
	int flags = SOF_TIMESTAMPING_RX_SOFTWARE | SOF_TIMESTAMPING_SOFTWARE;
	int both = flags | SOF_TIMESTAMPING_RX_HARDWARE | SOF_TIMESTAMPING_RAW_HARDWARE;
	int on = 1;

	if (setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPING, &both, sizeof(both)) == 0 ||
		setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPING, &flags, sizeof(flags)) == 0 ||
		setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof(on)) == 0)
		return FIZEAU_STAMP_KERNEL;
	return FIZEAU_STAMP_USER;
}

static bool is_set(const struct timespec *ts)
{
	return ts->tv_sec != 0 || ts->tv_nsec != 0;
}

static struct fizeau_stamp card_stamp(const struct scm_timestamping *stamps, const struct fz_clock *clock)
{
	const struct timespec *kernel = &stamps->ts[0], *card = &stamps->ts[2];
	int64_t sec = (int64_t)kernel->tv_sec - card->tv_sec;
	struct fizeau_stamp stamp;
	int64_t lead_ns;

	if (sec < 0 || sec > 1)
		return fz_clock_stamp(clock, *kernel, FIZEAU_STAMP_KERNEL);
	lead_ns = sec * 1000000000 + kernel->tv_nsec - card->tv_nsec;
	if (lead_ns < 0 || lead_ns > CARD_LEAD_MAX_NS)
		return fz_clock_stamp(clock, *kernel, FIZEAU_STAMP_KERNEL);
	stamp = fz_clock_stamp(clock, *card, FIZEAU_STAMP_HARDWARE);
	/*= rfc2330#section-10.2 FW-10.2-01 */
	/* How much of the lead is the way through the kernel, and how much the two clocks' difference, cannot
	   be told apart: all of it counts as error. */
	stamp.error = fizeau_error_estimate((uint64_t)(clock->error_ns + lead_ns), clock->synchronized);
	return stamp;
}

bool fz_stamping_read(const struct cmsghdr *cmsg, const struct fz_clock *clock, struct fizeau_stamp *stamp)
{
	struct scm_timestamping stamps = {0};

	if (cmsg->cmsg_level != SOL_SOCKET)
		return false;
	if (cmsg->cmsg_type == SCM_TIMESTAMPING && cmsg->cmsg_len >= CMSG_LEN(sizeof(stamps)))
		memcpy(&stamps, CMSG_DATA(cmsg), sizeof(stamps));
	else if (cmsg->cmsg_type == SCM_TIMESTAMPNS && cmsg->cmsg_len >= CMSG_LEN(sizeof(stamps.ts[0])))
		memcpy(&stamps.ts[0], CMSG_DATA(cmsg), sizeof(stamps.ts[0]));
	if (!is_set(&stamps.ts[0]))
		return false;
	if (is_set(&stamps.ts[2]))
		*stamp = card_stamp(&stamps, clock);
	else
		*stamp = fz_clock_stamp(clock, stamps.ts[0], FIZEAU_STAMP_KERNEL);
	return true;
}

/* Whether the kernel knows the control messages: it reads them before anything else, and a probe sends nothing. */
static bool knows(int fd, const struct fz_addr *local, enum fz_sent_names names)
{
	_Alignas(struct cmsghdr) uint8_t control[FZ_STAMPING_WANT_OCTETS];
	struct fz_addr to = *local;
	struct msghdr msg = {.msg_name = &to.sa, .msg_namelen = to.len, .msg_control = control};

	fz_addr_set_port(&to, 9);
	msg.msg_controllen = fz_stamping_want(control, names, 0);
	return sendmsg(fd, &msg, ONLY_PROBE | MSG_DONTWAIT | MSG_NOSIGNAL) >= 0 || errno != EINVAL;
}

static bool set_flags(int fd, unsigned add, unsigned remove)
{
	unsigned flags = 0;
	socklen_t len = sizeof(flags);

	if (getsockopt(fd, SOL_SOCKET, SO_TIMESTAMPING, &flags, &len) != 0)
		return false;
	flags = (flags | add) & ~remove;
	return setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPING, &flags, sizeof(flags)) == 0;
}

enum fz_sent_names fz_stamping_enable_sent(int fd, const struct fz_addr *local)
{
	/* OPT_TX_SWHW: the kernel's stamp too where the card gives one, since it tells whether the card's can be believed. */
	unsigned flags = SOF_TIMESTAMPING_SOFTWARE | SOF_TIMESTAMPING_RAW_HARDWARE | SOF_TIMESTAMPING_OPT_ID |
		SOF_TIMESTAMPING_OPT_TSONLY | SOF_TIMESTAMPING_OPT_TX_SWHW;

	if (!set_flags(fd, flags, 0))
		return FZ_SENT_NONE;
	if (knows(fd, local, FZ_SENT_NAMED))
		return FZ_SENT_NAMED;
	return knows(fd, local, FZ_SENT_COUNTED) ? FZ_SENT_COUNTED : FZ_SENT_NONE;
}

void fz_stamping_recount(int fd)
{
	if (set_flags(fd, 0, SOF_TIMESTAMPING_OPT_ID))
		(void)set_flags(fd, SOF_TIMESTAMPING_OPT_ID, 0);
}

static size_t put(uint8_t *at, int type, uint32_t value)
{
	struct cmsghdr header = {.cmsg_len = CMSG_LEN(sizeof(value)), .cmsg_level = SOL_SOCKET, .cmsg_type = type};

	memset(at, 0, CMSG_SPACE(sizeof(value)));
	memcpy(at, &header, sizeof(header));
	memcpy(at + CMSG_LEN(0), &value, sizeof(value));
	return CMSG_SPACE(sizeof(value));
}

size_t fz_stamping_want(uint8_t *at, enum fz_sent_names names, uint32_t id)
{
	size_t octets = put(at, SO_TIMESTAMPING, SOF_TIMESTAMPING_TX_SOFTWARE | SOF_TIMESTAMPING_TX_HARDWARE);

	if (names == FZ_SENT_NAMED)
		octets += put(at + octets, SCM_TS_OPT_ID, id);
	return octets;
}

static bool is_extended_error(const struct cmsghdr *cmsg)
{
	return (cmsg->cmsg_level == IPPROTO_IP && cmsg->cmsg_type == IP_RECVERR) ||
		(cmsg->cmsg_level == IPPROTO_IPV6 && cmsg->cmsg_type == IPV6_RECVERR);
}

static void read_extended_error(const struct cmsghdr *cmsg, struct sock_extended_err *error)
{
	if (is_extended_error(cmsg) && cmsg->cmsg_len >= CMSG_LEN(sizeof(*error)))
		memcpy(error, CMSG_DATA(cmsg), sizeof(*error));
}

int fz_stamping_read_icmp(struct msghdr *msg)
{
	struct sock_extended_err error = {0};

	for (struct cmsghdr *cmsg = CMSG_FIRSTHDR(msg); cmsg != NULL; cmsg = CMSG_NXTHDR(msg, cmsg))
		read_extended_error(cmsg, &error);
	if (error.ee_origin != SO_EE_ORIGIN_ICMP && error.ee_origin != SO_EE_ORIGIN_ICMP6)
		return 0;
	return (int)error.ee_errno;
}

bool fz_stamping_read_sent(struct msghdr *msg, const struct fz_clock *clock, uint32_t *id, struct fizeau_stamp *stamp)
{
	struct scm_timestamping stamps = {0};
	struct sock_extended_err error = {0};
	struct cmsghdr *cmsg;
	bool card;

	for (cmsg = CMSG_FIRSTHDR(msg); cmsg != NULL; cmsg = CMSG_NXTHDR(msg, cmsg)) {
		if (cmsg->cmsg_level == SOL_SOCKET && cmsg->cmsg_type == SCM_TIMESTAMPING &&
			cmsg->cmsg_len >= CMSG_LEN(sizeof(stamps)))
			memcpy(&stamps, CMSG_DATA(cmsg), sizeof(stamps));
		else
			read_extended_error(cmsg, &error);
	}
	if (error.ee_origin != SO_EE_ORIGIN_TIMESTAMPING || error.ee_errno != ENOMSG || error.ee_info != SCM_TSTAMP_SND)
		return false;
	card = is_set(&stamps.ts[2]);
	if (!card && !is_set(&stamps.ts[0]))
		return false;
	*id = error.ee_data;
	*stamp = fz_clock_stamp(clock, stamps.ts[card ? 2 : 0], card ? FIZEAU_STAMP_HARDWARE : FIZEAU_STAMP_KERNEL);
	return true;
}

bool fz_stamping_card_left(const struct fizeau_stamp *kernel, struct fizeau_stamp *card)
{
	int64_t behind_ns = fizeau_ntp_diff_ns(card->ntp, kernel->ntp);
	int64_t error_ns = fizeau_error_estimate_ns(kernel->error);

	if (behind_ns < 0 || behind_ns > CARD_LEAD_MAX_NS || error_ns > INT64_MAX - behind_ns)
		return false;
	card->error = fizeau_error_estimate((uint64_t)(error_ns + behind_ns),
		fizeau_error_estimate_synchronized(kernel->error));
	return true;
}

void fz_stamp_count(struct fz_stamp_counts *counts, enum fizeau_stamp_source source)
{
	switch (source) {
	case FIZEAU_STAMP_HARDWARE:
		counts->hardware++;
		return;
	case FIZEAU_STAMP_KERNEL:
		counts->kernel++;
		return;
	case FIZEAU_STAMP_USER:
		counts->user++;
	}
}

enum fizeau_stamp_source fz_stamp_worst(const struct fz_stamp_counts *counts)
{
	if (counts->user > 0 || counts->kernel + counts->hardware == 0)
		return FIZEAU_STAMP_USER;
	return counts->kernel > 0 ? FIZEAU_STAMP_KERNEL : FIZEAU_STAMP_HARDWARE;
}
