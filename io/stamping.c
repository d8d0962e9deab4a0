/* SPDX-License-Identifier: MIT */
#include "stamping.h"

#include <linux/errqueue.h>
#include <linux/net_tstamp.h>
#include <string.h>

/* A card's clock is its own (often TAI, often free-running) unless something steers it to the system's. A
   stamp of the card is taken only if it lies this little before the kernel's of the same packet. */
#define CARD_LEAD_MAX_NS 1000000

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
