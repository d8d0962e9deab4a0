/* SPDX-License-Identifier: MIT */
/* Transmit stamps from the error queue. Where the kernel does not take our ids it counts the messages that a stamp was
   wanted of, so what it has counted is kept in step, and counted anew when a message failed. */
#include <errno.h>
#include <stdlib.h>

#include "udp_state.h"

#define READS_MAX 16 /* of an error queue that holds other news, before others have their turn */

int fz_udp_enable_sent(struct fz_udp *udp)
{
	udp->sent_names = fz_stamping_enable_sent(udp->fd, &udp->local);
	if (udp->sent_names != FZ_SENT_COUNTED)
		return 0;
	udp->sent_keys = calloc(SENT_KEYS, sizeof(*udp->sent_keys));
	return udp->sent_keys != NULL ? 0 : -ENOMEM;
}

bool fz_udp_tells_sent(const struct fz_udp *udp)
{
	return udp->sent_names != FZ_SENT_NONE;
}

void fz_udp_count_sent(struct fz_udp *udp, uint32_t id)
{
	if (udp->sent_names == FZ_SENT_COUNTED)
		udp->sent_keys[udp->sent_next++ % SENT_KEYS] = id;
}

void fz_udp_count_failed(struct fz_udp *udp)
{
	if (udp->sent_names != FZ_SENT_COUNTED)
		return;
	fz_stamping_recount(udp->fd);
	udp->sent_next = 0;
}

/* Whether it is a message that we know of, and its id. */
static bool id_of(const struct fz_udp *udp, uint32_t key, uint32_t *id)
{
	uint32_t behind = udp->sent_next - key;

	if (udp->sent_names == FZ_SENT_COUNTED && (behind == 0 || behind > SENT_KEYS))
		return false;
	*id = udp->sent_names == FZ_SENT_COUNTED ? udp->sent_keys[key % SENT_KEYS] : key;
	return true;
}

static void count_icmp(struct fz_udp *udp, int error)
{
	if (error == 0)
		return;
	udp->counters.icmp++;
	udp->counters.icmp_error = error;
}

int fz_udp_read_sent(struct fz_udp *udp, const struct fz_clock *clock, const struct fz_sent_stamp **stamps)
{
	struct fz_udp_batch *batch = udp->batch;
	int found = 0, count = 1;

	*stamps = batch->sent_stamps;
	for (int reads = 0; found == 0 && count > 0 && reads < READS_MAX; reads++) {
		for (int i = 0; i < SENT_MAX; i++)
			batch->sent_msgs[i].msg_hdr = (struct msghdr){
				.msg_control = &batch->sent_control[i],
				.msg_controllen = sizeof(batch->sent_control[i]),
			};
		do
			count = recvmmsg(udp->fd, batch->sent_msgs, SENT_MAX, MSG_ERRQUEUE | MSG_DONTWAIT, NULL);
		while (count < 0 && errno == EINTR);
		if (count < 0)
			return errno == EAGAIN ? 0 : -errno;
		for (int i = 0; i < count; i++) {
			struct fz_sent_stamp *sent = &batch->sent_stamps[found];
			uint32_t key;

			if (!fz_stamping_read_sent(&batch->sent_msgs[i].msg_hdr, clock, &key, &sent->stamp))
				count_icmp(udp, fz_stamping_read_icmp(&batch->sent_msgs[i].msg_hdr));
			else if (id_of(udp, key, &sent->id))
				found++;
		}
	}
	return found;
}
