/* SPDX-License-Identifier: MIT */
#include "fetch.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define OCTETS_A_TURN 65536 /* of the file, before others have their turn */

struct fz_fetch {
	struct fz_engine *engine;
	struct fz_addr peer;
	int fd;
	uint32_t begin, end;
	bool finished;    /* the session is */
	bool answered;    /* Fetch-Ack is out */
	uint32_t records, received_next; /* counted; one above the highest number received */
	struct fizeau_session_end said; /* by its sender; end of a session that ended well */
	size_t out_len, out_at;         /* records that count and are still to be given */
	uint8_t out[FZ_STORE_RECORDS_MAX];
	struct fz_store_reader reader;
};

static void deny(const struct fz_request_from *from, const char *why)
{
	from->engine->counters.of[FZ_COUNT_FETCH_DENIED]++;
	fz_log_peer(from->engine->log, FZ_LOG_NOTICE, from->peer, fz_clock_mono(), "fetch denied: %s (Accept 1)", why);
}

/* Cut off, two identities could look the same. */
_Static_assert(FZ_IDENTITY_OWNER <= FZ_STORE_OWNER_MAX, "an owner fits its file");
_Static_assert(sizeof(((struct fz_identity *)0)->peer_id) + 8 <= FZ_IDENTITY_OWNER, "an identity fits its owner");

static bool may_have(const struct fz_request_from *from, const struct fz_store_session *session)
{
	char owner[FZ_STORE_OWNER_MAX + 1];

	fz_identity_owner(from->identity, owner);
	return !*session->owner || !strcmp(owner, session->owner);
}

/* Why it is not to be had; NULL: it is. */
static const char *why_not(const struct fz_request_from *from, const struct fz_fetch *fetch)
{
	if (!may_have(from, &fetch->reader.session))
		return "the session is another identity's";
	/*= rfc4656#section-3.9 OW-3.9-02 OW-3.9-03 */
	/*= rfc4656#section-3.8 OW-3.8-07 */
	if (fetch->begin != 0 || fetch->end != UINT32_MAX)
		return NULL;
	if (!fetch->finished)
		return "the session is running";
	return fetch->reader.end.how == FZ_STORE_NORMAL ? NULL : "the session did not end normally";
}

static bool open_session(const struct fz_request_from *from, struct fz_fetch *fetch, const uint8_t *sid)
{
	const char *why = "no such session";
	bool running = false;
	int error = -ENOENT;

	if (from->engine->store)
		fetch->fd = fz_store_find(from->engine->store, sid, &running);
	if (fetch->fd < -1 && fetch->fd != -ENOENT)
		why = fizeau_strerror(fetch->fd);
	if (fetch->fd >= 0) {
		error = fz_store_reader_open(&fetch->reader, fetch->fd);
		if (!error && memcmp(fetch->reader.session.request.sid, sid, FIZEAU_SID_OCTETS))
			error = FZ_STORE_ALTERED;
		why = "its file is not what was written";
	}
	fetch->finished = !running;
	if (!error)
		why = why_not(from, fetch);
	if (why)
		deny(from, why);
	return !why;
}

struct fz_fetch *fz_fetch_new(const struct fz_request_from *from, const uint8_t sid[static FIZEAU_SID_OCTETS],
	uint32_t begin, uint32_t end)
{
	struct fz_fetch *fetch = calloc(1, sizeof(*fetch));

	if (!fetch) {
		deny(from, "no memory");
		return NULL;
	}
	fetch->engine = from->engine;
	fetch->peer = *from->peer;
	fetch->fd = -1;
	fetch->begin = begin;
	fetch->end = end;
	if (open_session(from, fetch, sid)) {
		fetch->said = (struct fizeau_session_end){
			.next_seqno = fetch->reader.end.next_seqno,
			.ranges = fetch->reader.end.ranges,
			.range_count = fetch->reader.end.range_count,
		};
		memcpy(fetch->said.sid, sid, FIZEAU_SID_OCTETS);
		return fetch;
	}
	fz_fetch_free(fetch);
	return NULL;
}

void fz_fetch_free(struct fz_fetch *fetch)
{
	if (!fetch)
		return;
	fz_store_reader_close(&fetch->reader);
	if (fetch->fd >= 0)
		close(fetch->fd);
	free(fetch);
}

/* Of a running session all that came so far counts; of one that ended, what its end leaves; of one that ended badly what
   came, and what is lost below that. */
/*= rfc4656#section-3.9 OW-3.9-04 OW-3.9-12 */
static bool wanted(const struct fz_fetch *fetch, const struct fizeau_record *record)
{
	const struct fz_store_end *end = &fetch->reader.end;

	if (record->seq < fetch->begin || record->seq > fetch->end)
		return false;
	if (!fetch->finished || end->how == FZ_STORE_RUNNING)
		return true;
	/*= rfc4656#section-3.8 OW-3.8-13 OW-3.8-14 */
	if (end->how != FZ_STORE_NORMAL)
		return !fizeau_record_lost(record) || record->seq < end->received_next;
	/*= rfc4656#section-3.8 OW-3.8-16 */
	return fizeau_record_counts(record, &fetch->said, end->received_next, end->stop_ntp,
		fetch->reader.session.request.timeout);
}

/* The next block of the file, less what does not count, into out. Octets of the file; 0: there are no more; an error. */
static int next_block(struct fz_fetch *fetch)
{
	struct fizeau_record record;
	int octets = fz_store_reader_next(&fetch->reader);

	fetch->out_at = fetch->out_len = 0;
	for (int at = 0; at < octets; at += (int)FIZEAU_RECORD_OCTETS) {
		fizeau_record_get(&record, fetch->reader.records + at);
		if (!fizeau_record_lost(&record) && record.seq >= fetch->received_next)
			fetch->received_next = record.seq + 1;
		if (!wanted(fetch, &record))
			continue;
		memcpy(fetch->out + fetch->out_len, fetch->reader.records + at, FIZEAU_RECORD_OCTETS);
		fetch->out_len += FIZEAU_RECORD_OCTETS;
	}
	if (octets < 0)
		fz_log_peer(fetch->engine->log, FZ_LOG_WARNING, &fetch->peer, fz_clock_mono(),
			"a stored session cannot be read: %s",
			octets == FZ_STORE_ALTERED ? "it is not what was written" : fizeau_strerror(octets));
	return octets;
}

/*= rfc4656#section-3.9 OW-3.9-09 OW-3.9-10 OW-3.9-11 OW-3.9-15 */
static int answer(struct fz_fetch *fetch, struct fizeau_server *server, uint8_t accept)
{
	const struct fz_store_end *end = &fetch->reader.end;
	struct fizeau_fetch_answer answer = {
		.finished = fetch->finished,
		.records = fetch->records,
		.request = fetch->reader.session.request,
	};

	memcpy(answer.end.sid, fetch->said.sid, FIZEAU_SID_OCTETS);
	if (fetch->finished && end->how == FZ_STORE_NORMAL)
		answer.end = fetch->said;
	else if (fetch->finished)
		answer.end.next_seqno = fetch->received_next;
	fetch->answered = true;
	fetch->engine->counters.of[accept ? FZ_COUNT_FETCH_DENIED : FZ_COUNT_FETCHED]++;
	fz_store_reader_rewind(&fetch->reader);
	return fizeau_server_answer_fetch(server, accept, &answer, fz_clock_mono());
}

static int count_some(struct fz_fetch *fetch, struct fizeau_server *server, bool *done)
{
	int octets = 1;

	for (int all = 0; all < OCTETS_A_TURN && octets > 0; all += octets) {
		octets = next_block(fetch);
		fetch->records += (uint32_t)(fetch->out_len / FIZEAU_RECORD_OCTETS);
	}
	fetch->out_len = 0;
	if (octets > 0)
		return 0;
	*done = octets < 0 || !fetch->records;
	return answer(fetch, server, octets < 0 ? FIZEAU_ACCEPT_FAILURE : FIZEAU_ACCEPT_OK);
}

/*= rfc4656#section-3.9 OW-3.9-13 OW-3.9-19 OW-3.9-20 */
static int send_some(struct fz_fetch *fetch, struct fizeau_server *server, bool *done)
{
	for (int all = 0; all < OCTETS_A_TURN && fizeau_server_records_wanted(server);) {
		if (fetch->out_at == fetch->out_len) {
			int octets = next_block(fetch);
			/* They were counted, and now there are less: somebody changed the file. */
			if (octets <= 0)
				return octets ? octets : FZ_STORE_ALTERED;
			all += octets;
		}
		int64_t took = fizeau_server_send_records(server, fetch->out + fetch->out_at,
			fetch->out_len - fetch->out_at, fz_clock_mono());
		if (took < 0)
			return (int)took;
		fetch->out_at += (size_t)took;
		if (fetch->out_at < fetch->out_len)
			break;
	}
	*done = !fizeau_server_records_wanted(server);
	return 0;
}

int fz_fetch_turn(struct fz_fetch *fetch, struct fizeau_server *server, bool *done)
{
	return fetch->answered ? send_some(fetch, server, done) : count_some(fetch, server, done);
}
