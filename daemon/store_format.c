/* SPDX-License-Identifier: MIT */
#include "store_format.h"

#include <stdlib.h>
#include <string.h>
#include "lib/base/buf.h"

#define HEAD_FIXED 88u
#define SLOT_OCTETS 9u
#define TAIL_FIXED 24u
#define RANGE_OCTETS 8u

const uint8_t fz_store_magic[FZ_STORE_MAGIC_OCTETS] = {'F', 'z', 'S', 't', 'o', 'r', 'e', '1'};

/* FNV-1a, eight octets at a time: a byte at a time it would cost more than reading the file. */
static uint64_t check_over(uint64_t check, const uint8_t *octets, size_t len)
{
	const uint64_t prime = 0x100000001b3u;
	struct fz_reader r = fz_reader_of(octets, len);

	while (fz_reader_left(&r) >= 8) {
		check = (check ^ fz_read_u64(&r)) * prime;
		check ^= check >> 32;
	}
	while (fz_reader_left(&r) > 0)
		check = (check ^ fz_read_u8(&r)) * prime;
	return check;
}

static uint64_t check_block(uint64_t before, uint32_t what, uint32_t octets, const uint8_t *payload)
{
	uint8_t head[16];
	struct fz_writer w = fz_writer_of(head, sizeof(head));

	fz_write_u64(&w, before);
	fz_write_u32(&w, what);
	fz_write_u32(&w, octets);
	return check_over(check_over(0xcbf29ce484222325u, head, sizeof(head)), payload, octets);
}

void fz_store_block_put(enum fz_store_block what, const uint8_t *payload, size_t octets, uint64_t *check,
	uint8_t block[static FZ_STORE_BLOCK_OCTETS])
{
	struct fz_writer w = fz_writer_of(block, FZ_STORE_BLOCK_OCTETS);

	*check = check_block(*check, (uint32_t)what, (uint32_t)octets, payload);
	fz_write_u32(&w, (uint32_t)what);
	fz_write_u32(&w, (uint32_t)octets);
	fz_write_u64(&w, *check);
}

void fz_store_block_get(struct fz_store_block_head *head, const uint8_t block[static FZ_STORE_BLOCK_OCTETS])
{
	struct fz_reader r = fz_reader_of(block, FZ_STORE_BLOCK_OCTETS);

	head->what = fz_read_u32(&r);
	head->octets = fz_read_u32(&r);
	head->check = fz_read_u64(&r);
}

bool fz_store_block_possible(const struct fz_store_block_head *head)
{
	switch (head->what) {
	case FZ_STORE_HEAD:
		return head->octets > HEAD_FIXED &&
			head->octets <= HEAD_FIXED + FZ_STORE_OWNER_MAX + FZ_STORE_CLASS_MAX +
				(size_t)SLOT_OCTETS * FIZEAU_SLOTS_MAX;
	case FZ_STORE_RECS:
		return head->octets > 0 && head->octets <= FZ_STORE_RECORDS_MAX &&
			head->octets % FIZEAU_RECORD_OCTETS == 0;
	case FZ_STORE_TAIL:
		return head->octets >= TAIL_FIXED &&
			head->octets <= TAIL_FIXED + (size_t)RANGE_OCTETS * FIZEAU_SKIP_RANGES_MAX;
	default:
		return false;
	}
}

bool fz_store_block_check(const struct fz_store_block_head *head, const uint8_t *payload, uint64_t *check)
{
	*check = check_block(*check, head->what, head->octets, payload);
	return *check == head->check;
}

size_t fz_store_head_octets(const struct fz_store_session *session)
{
	return HEAD_FIXED + strlen(session->owner) + strlen(session->class_name) +
		(size_t)SLOT_OCTETS * session->request.slot_count;
}

static void put_address(struct fz_writer *w, const struct fizeau_address *address)
{
	fz_write_octets(w, address->octets, sizeof(address->octets));
}

/*
 *   0 IPVN 1 | 1 bit 0 Conf-Sender, bit 1 Conf-Receiver 1 | 2 octets of the owner 2 | 4 Type-P Descriptor 4
 *   8 slots 4 | 12 Number of Packets 4 | 16 Sender Port 2 | 18 Receiver Port 2 | 20 Padding Length 4
 *   24 Start Time 8 | 32 Timeout 8 | 40 Sender Address 16 | 56 Receiver Address 16 | 72 SID 16
 *   88 owner | class, what is left | slots: 0 exponential, 1 fixed 1, parameter 8
 */
void fz_store_head_put(const struct fz_store_session *session, uint8_t *payload)
{
	const struct fizeau_ow_request *request = &session->request;
	size_t owner = strlen(session->owner), class_name = strlen(session->class_name);
	struct fz_writer w = fz_writer_of(payload, fz_store_head_octets(session));

	fz_write_u8(&w, request->ip_version);
	fz_write_u8(&w, (uint8_t)(request->conf_sender | request->conf_receiver << 1));
	fz_write_u16(&w, (uint16_t)owner);
	fz_write_u32(&w, request->type_p);
	fz_write_u32(&w, request->slot_count);
	fz_write_u32(&w, request->packets);
	fz_write_u16(&w, request->sender_port);
	fz_write_u16(&w, request->receiver_port);
	fz_write_u32(&w, request->padding_octets);
	fz_write_u64(&w, request->start_time);
	fz_write_u64(&w, request->timeout);
	put_address(&w, &request->sender);
	put_address(&w, &request->receiver);
	fz_write_octets(&w, request->sid, sizeof(request->sid));
	fz_write_octets(&w, (const uint8_t *)session->owner, owner);
	fz_write_octets(&w, (const uint8_t *)session->class_name, class_name);
	for (uint32_t i = 0; i < request->slot_count; i++) {
		fz_write_u8(&w, request->slots[i].exponential ? 0 : 1);
		fz_write_u64(&w, request->slots[i].parameter);
	}
}

static void get_text(struct fz_reader *r, char *text, size_t octets)
{
	fz_read_octets(r, (uint8_t *)text, octets);
	text[octets] = '\0';
}

static void get_address(struct fz_reader *r, struct fizeau_address *address, uint8_t version)
{
	address->version = version;
	fz_read_octets(r, address->octets, sizeof(address->octets));
}

bool fz_store_head_get(struct fz_store_session *session, struct fizeau_slot **slots, const uint8_t *payload,
	size_t octets)
{
	struct fizeau_ow_request *request = &session->request;
	struct fz_reader r = fz_reader_of(payload, octets);
	size_t owner, left;
	uint8_t conf;

	memset(session, 0, sizeof(*session));
	*slots = NULL;
	request->ip_version = fz_read_u8(&r);
	conf = fz_read_u8(&r);
	request->conf_sender = conf & 1;
	request->conf_receiver = conf >> 1 & 1;
	owner = fz_read_u16(&r);
	request->type_p = fz_read_u32(&r);
	request->slot_count = fz_read_u32(&r);
	request->packets = fz_read_u32(&r);
	request->sender_port = fz_read_u16(&r);
	request->receiver_port = fz_read_u16(&r);
	request->padding_octets = fz_read_u32(&r);
	request->start_time = fz_read_u64(&r);
	request->timeout = fz_read_u64(&r);
	get_address(&r, &request->sender, request->ip_version);
	get_address(&r, &request->receiver, request->ip_version);
	fz_read_octets(&r, request->sid, sizeof(request->sid));
	if (r.failed || (request->ip_version != 4 && request->ip_version != 6) || conf > 3 ||
		owner > FZ_STORE_OWNER_MAX || request->slot_count < 1 || request->slot_count > FIZEAU_SLOTS_MAX ||
		fz_reader_left(&r) < owner + (size_t)SLOT_OCTETS * request->slot_count)
		return false;
	get_text(&r, session->owner, owner);
	left = fz_reader_left(&r) - (size_t)SLOT_OCTETS * request->slot_count;
	if (left > FZ_STORE_CLASS_MAX)
		return false;
	get_text(&r, session->class_name, left);
	*slots = calloc(request->slot_count, sizeof(**slots));
	if (!*slots)
		return false;
	for (uint32_t i = 0; i < request->slot_count; i++) {
		(*slots)[i].exponential = fz_read_u8(&r) == 0;
		(*slots)[i].parameter = fz_read_u64(&r);
	}
	request->slots = *slots;
	return !r.failed;
}

size_t fz_store_tail_octets(const struct fz_store_end *end)
{
	return TAIL_FIXED + (size_t)RANGE_OCTETS * end->range_count;
}

/*
 *   0 how 4 | 4 received_next 4 | 8 stop 8 | 16 Next Seqno 4 | 20.. skip ranges of 4 + 4 | octets of this payload 4
 *
 * The last one, so that a reader finds the TAIL from the end of the file.
 */
void fz_store_tail_put(const struct fz_store_end *end, uint8_t *payload)
{
	size_t octets = fz_store_tail_octets(end);
	struct fz_writer w = fz_writer_of(payload, octets);

	fz_write_u32(&w, (uint32_t)end->how);
	fz_write_u32(&w, end->received_next);
	fz_write_u64(&w, end->stop_ntp);
	fz_write_u32(&w, end->next_seqno);
	for (uint32_t i = 0; i < end->range_count; i++) {
		fz_write_u32(&w, end->ranges[i].first);
		fz_write_u32(&w, end->ranges[i].last);
	}
	fz_write_u32(&w, (uint32_t)octets);
}

bool fz_store_tail_get(struct fz_store_end *end, struct fizeau_skip_range **ranges, const uint8_t *payload,
	size_t octets)
{
	struct fz_reader r = fz_reader_of(payload, octets);
	uint32_t how = fz_read_u32(&r);

	memset(end, 0, sizeof(*end));
	*ranges = NULL;
	end->received_next = fz_read_u32(&r);
	end->stop_ntp = fz_read_u64(&r);
	end->next_seqno = fz_read_u32(&r);
	if (r.failed || octets < TAIL_FIXED || (octets - TAIL_FIXED) % RANGE_OCTETS || how < FZ_STORE_NORMAL ||
		how > FZ_STORE_ABORTED)
		return false;
	end->how = (enum fz_store_how)how;
	end->range_count = (uint32_t)((octets - TAIL_FIXED) / RANGE_OCTETS);
	*ranges = end->range_count ? calloc(end->range_count, sizeof(**ranges)) : NULL;
	if (end->range_count && !*ranges)
		return false;
	end->ranges = *ranges;
	for (uint32_t i = 0; i < end->range_count; i++) {
		(*ranges)[i].first = fz_read_u32(&r);
		(*ranges)[i].last = fz_read_u32(&r);
	}
	const struct fizeau_session_end said = {.next_seqno = end->next_seqno, .ranges = end->ranges,
		.range_count = end->range_count};
	return fz_read_u32(&r) == octets && !r.failed && !fizeau_session_end_check(&said);
}
