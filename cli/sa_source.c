/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "io/clock.h"
#include "keys/ippm_client.h"
#include "sa_source.h"

#define LOOKUP_MS 3000
#define INITIATE_MS 15000
#define BUSY_PAUSE_NS 50000000
#define BUSY_LOOKUP_NS 5000000000    /* a server waits for its Set-Up-Response */
#define BUSY_INITIATE_NS 60000000000 /* another connection follows */

static void add(struct fz_sa_list *list, const struct fz_ike_sa *sa)
{
	if (list->count < FZ_SAS_MAX)
		list->sas[list->count++] = *sa;
}

static void on_answer(void *arg, int error, const char *reason, const struct fz_ike_sa *sas, size_t count)
{
	struct fz_sa_list *list = arg;

	list->done = true;
	list->error = error;
	snprintf(list->reason, sizeof(list->reason), "%s", reason != NULL ? reason : "");
	for (size_t i = 0; i < count; i++)
		add(list, &sas[i]);
}

/* Waits for on_answer; the request limits the time. */
static void await(const struct fz_sa_source *source, struct fz_ippm_request *request, struct fz_sa_list *list)
{
	if (request == NULL && !list->done) {
		list->error = -ENOMEM;
		snprintf(list->reason, sizeof(list->reason), "no memory");
		return;
	}
	while (!list->done) {
		int rc = fz_loop_once(source->loop, FIZEAU_NEVER);

		if (rc < 0 || (*source->interrupts != 0 && !list->done)) {
			fz_ippm_cancel(request);
			list->error = rc < 0 ? rc : -EINTR;
			snprintf(list->reason, sizeof(list->reason), "interrupted");
			return;
		}
	}
}

/* The service has too many clients, or sets too many SAs up: with many servers these are we ourselves. Pauses, and tells
   whether it is worth another try. */
static bool is_busy(const struct fz_sa_source *source, const struct fz_sa_list *list, struct fizeau_mono until)
{
	struct fizeau_mono pause = {fz_clock_mono().ns + BUSY_PAUSE_NS};

	if ((list->error != -EBUSY && list->error != -EAGAIN) || pause.ns >= until.ns)
		return false;
	while (*source->interrupts == 0 && fz_clock_mono().ns < pause.ns)
		if (fz_loop_once(source->loop, pause) < 0)
			return false;
	return *source->interrupts == 0;
}

static void none_known(struct fz_sa_list *list)
{
	if (list->count > 0 || list->error != 0)
		return;
	list->error = -ENOENT;
	snprintf(list->reason, sizeof(list->reason), "no such IKE SA");
}

/* False if there is no static file. A file that cannot be read any more leaves the old content in force. */
static bool from_file(const struct fz_sa_source *source, struct fz_sa_list *list)
{
	char error[256];

	*list = (struct fz_sa_list){0};
	if (source->table == NULL)
		return false;
	if (fz_ike_static_refresh(source->table, error, sizeof(error)) < 0)
		snprintf(list->reason, sizeof(list->reason), "%s", error);
	return true;
}

static bool lookup_in_file(const struct fz_sa_source *source, const struct fz_addr *server, struct fz_sa_list *list)
{
	const struct fz_ike_sa *sa;
	bool there;

	if (source->table_lock != NULL)
		pthread_mutex_lock(source->table_lock);
	there = from_file(source, list);
	sa = there ? fz_ike_static_by_remote(source->table, server) : NULL;
	if (sa != NULL)
		add(list, sa);
	if (source->table_lock != NULL)
		pthread_mutex_unlock(source->table_lock);
	return there;
}

/*= rfc7717#section-5.1 IK-5.1-05 */
void fz_sa_lookup(const struct fz_sa_source *source, const struct fz_addr *server, struct fz_sa_list *list)
{
	struct fizeau_mono until = {fz_clock_mono().ns + BUSY_LOOKUP_NS};
	char host[FZ_ADDR_TEXT];

	fz_addr_host_text(server, host);
	if (!lookup_in_file(source, server, list)) {
		do {
			*list = (struct fz_sa_list){0};
			await(source, fz_ippm_lookup_remote(source->loop, source->socket, host, LOOKUP_MS, on_answer, list),
				list);
		} while (is_busy(source, list, until));
	}
	none_known(list);
}

/*= rfc7717#section-5.1 IK-5.1-06 */
void fz_sa_initiate(const struct fz_sa_source *source, const struct fz_addr *server, bool another, struct fz_sa_list *list)
{
	struct fizeau_mono until = {fz_clock_mono().ns + BUSY_INITIATE_NS};
	char host[FZ_ADDR_TEXT];

	fz_addr_host_text(server, host);
	do {
		*list = (struct fz_sa_list){0};
		await(source, fz_ippm_initiate(source->loop, source->socket, host, another, INITIATE_MS, on_answer, list),
			list);
	} while (is_busy(source, list, until));
	none_known(list);
}

void fz_sa_all(const struct fz_sa_source *source, struct fz_sa_list *list)
{
	if (from_file(source, list)) {
		for (size_t i = fz_ike_static_count(source->table); i > 0; i--) {
			add(list, fz_ike_static_at(source->table, i - 1));
		}
		for (size_t i = 0; i < list->count; i++) {
			fizeau_wipe(list->sas[i].key, sizeof(list->sas[i].key));
			list->sas[i].key_octets = 0;
		}
		return;
	}
	await(source, fz_ippm_list(source->loop, source->socket, LOOKUP_MS, on_answer, list), list);
}

void fz_sa_list_wipe(struct fz_sa_list *list)
{
	fizeau_wipe(list, sizeof(*list));
}
