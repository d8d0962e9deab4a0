/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "store_file.h"

#define TAIL_END_OCTETS 4u /* of TAIL's payload: its length again */

/* All of it, or the file is as long as before: a reader never sees half a block of a writer that lives. */
static int append(struct fz_store_writer *writer, const uint8_t *octets, size_t len)
{
	size_t done = 0;

	if (writer->error)
		return writer->error;
	while (done < len) {
		ssize_t wrote = pwrite(writer->fd, octets + done, len - done, (off_t)(writer->octets + done));
		if (wrote < 0 && errno == EINTR)
			continue;
		if (wrote <= 0) {
			writer->error = wrote < 0 ? -errno : -EIO;
			if (ftruncate(writer->fd, (off_t)writer->octets))
				return writer->error;
			return writer->error;
		}
		done += (size_t)wrote;
	}
	writer->octets += len;
	return 0;
}

/* A block whose payload lies behind the room for its first octets. */
static int append_block(struct fz_store_writer *writer, enum fz_store_block what, uint8_t *block, size_t octets)
{
	fz_store_block_put(what, block + FZ_STORE_BLOCK_OCTETS, octets, &writer->check, block);
	return append(writer, block, FZ_STORE_BLOCK_OCTETS + octets);
}

int fz_store_writer_begin(struct fz_store_writer *writer, int fd, const struct fz_store_session *session)
{
	size_t octets = fz_store_head_octets(session);
	uint8_t *block = malloc(FZ_STORE_BLOCK_OCTETS + octets);
	int error;

	*writer = (struct fz_store_writer){.fd = fd};
	if (!block)
		return writer->error = -ENOMEM;
	fz_store_head_put(session, block + FZ_STORE_BLOCK_OCTETS);
	error = append(writer, fz_store_magic, sizeof(fz_store_magic));
	if (!error)
		error = append_block(writer, FZ_STORE_HEAD, block, octets);
	free(block);
	return error;
}

int fz_store_writer_flush(struct fz_store_writer *writer)
{
	size_t octets = (size_t)writer->pending * FIZEAU_RECORD_OCTETS;

	if (!writer->pending || writer->error)
		return writer->error;
	writer->pending = 0;
	return append_block(writer, FZ_STORE_RECS, writer->block, octets);
}

int fz_store_writer_add(struct fz_store_writer *writer, const struct fizeau_record *record)
{
	if (writer->error)
		return writer->error;
	fizeau_record_put(record,
		writer->block + FZ_STORE_BLOCK_OCTETS + (size_t)writer->pending * FIZEAU_RECORD_OCTETS);
	return ++writer->pending == FZ_STORE_BATCH ? fz_store_writer_flush(writer) : 0;
}

int fz_store_writer_end(struct fz_store_writer *writer, const struct fz_store_end *end)
{
	size_t octets = fz_store_tail_octets(end);
	uint8_t *block;
	int error = fz_store_writer_flush(writer);

	if (error)
		return error;
	block = malloc(FZ_STORE_BLOCK_OCTETS + octets);
	if (!block)
		return writer->error = -ENOMEM;
	fz_store_tail_put(end, block + FZ_STORE_BLOCK_OCTETS);
	error = append_block(writer, FZ_STORE_TAIL, block, octets);
	free(block);
	return error;
}

/* 0; 1 if the file ends before; -errno. */
static int read_at(const struct fz_store_reader *reader, uint64_t at, uint8_t *octets, size_t len)
{
	size_t done = 0;

	if (at > reader->size || len > reader->size - at)
		return 1;
	while (done < len) {
		ssize_t got = pread(reader->fd, octets + done, len - done, (off_t)(at + done));
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return got < 0 ? -errno : 1;
		done += (size_t)got;
	}
	return 0;
}

/* The head of the block at `at`: 0; 1 if the block is not all there; or an error. */
static int block_at(const struct fz_store_reader *reader, uint64_t at, struct fz_store_block_head *head)
{
	uint8_t octets[FZ_STORE_BLOCK_OCTETS];
	int error = read_at(reader, at, octets, sizeof(octets));

	if (error)
		return error;
	fz_store_block_get(head, octets);
	if (!fz_store_block_possible(head))
		return FZ_STORE_ALTERED;
	return head->octets > reader->size - at - FZ_STORE_BLOCK_OCTETS;
}

static int read_head(struct fz_store_reader *reader)
{
	uint8_t magic[FZ_STORE_MAGIC_OCTETS], *payload;
	struct fz_store_block_head head;
	int error = read_at(reader, 0, magic, sizeof(magic));

	if (!error && memcmp(magic, fz_store_magic, sizeof(magic)))
		return FZ_STORE_ALTERED;
	if (!error)
		error = block_at(reader, sizeof(magic), &head);
	if (!error && head.what != FZ_STORE_HEAD)
		error = FZ_STORE_ALTERED;
	if (error)
		return error < 0 ? error : FZ_STORE_ALTERED;
	payload = malloc(head.octets);
	if (!payload)
		return -ENOMEM;
	error = read_at(reader, sizeof(magic) + FZ_STORE_BLOCK_OCTETS, payload, head.octets);
	if (!error && (!fz_store_block_check(&head, payload, &reader->check) ||
			!fz_store_head_get(&reader->session, &reader->slots, payload, head.octets)))
		error = FZ_STORE_ALTERED;
	free(payload);
	reader->records_at = sizeof(magic) + FZ_STORE_BLOCK_OCTETS + (uint64_t)head.octets;
	reader->check_at_records = reader->check;
	return error > 0 ? FZ_STORE_ALTERED : error;
}

/* What looks like TAIL at the end of the file; whether it is its own shows when next comes to it. */
static int read_tail(struct fz_store_reader *reader)
{
	uint8_t last[TAIL_END_OCTETS], *payload;
	struct fz_store_block_head head;
	uint32_t octets = 0;
	uint64_t at;
	int error = read_at(reader, reader->size - sizeof(last), last, sizeof(last));

	for (size_t i = 0; i < sizeof(last); i++)
		octets = octets << 8 | last[i];
	if (error || octets > reader->size || reader->size - octets < reader->records_at + FZ_STORE_BLOCK_OCTETS)
		return error < 0 ? error : 0;
	at = reader->size - octets - FZ_STORE_BLOCK_OCTETS;
	error = block_at(reader, at, &head);
	if (error || head.what != FZ_STORE_TAIL || head.octets != octets)
		return error == FZ_STORE_ALTERED || error > 0 ? 0 : error;
	payload = malloc(octets);
	if (!payload)
		return -ENOMEM;
	error = read_at(reader, at + FZ_STORE_BLOCK_OCTETS, payload, octets);
	if (!error && !fz_store_tail_get(&reader->end, &reader->ranges, payload, octets))
		error = FZ_STORE_ALTERED;
	free(payload);
	return error > 0 ? FZ_STORE_ALTERED : error;
}

int fz_store_reader_open(struct fz_store_reader *reader, int fd)
{
	struct stat st;
	int error;

	memset(reader, 0, sizeof(*reader));
	reader->fd = fd;
	if (fstat(fd, &st))
		return -errno;
	if (!S_ISREG(st.st_mode))
		return FZ_STORE_ALTERED;
	reader->size = (uint64_t)st.st_size;
	error = read_head(reader);
	if (!error)
		error = read_tail(reader);
	fz_store_reader_rewind(reader);
	return error;
}

void fz_store_reader_close(struct fz_store_reader *reader)
{
	free(reader->slots);
	free(reader->ranges);
	reader->slots = NULL;
	reader->ranges = NULL;
}

void fz_store_reader_rewind(struct fz_store_reader *reader)
{
	reader->at = reader->records_at;
	reader->check = reader->check_at_records;
	reader->torn = false;
}

/* TAIL is the end of the file, and the one that read_tail found. */
static int end_at(struct fz_store_reader *reader, const struct fz_store_block_head *head)
{
	uint8_t *payload;
	int error;

	if (reader->end.how == FZ_STORE_RUNNING || reader->at + FZ_STORE_BLOCK_OCTETS + head->octets != reader->size)
		return FZ_STORE_ALTERED;
	payload = malloc(head->octets);
	if (!payload)
		return -ENOMEM;
	error = read_at(reader, reader->at + FZ_STORE_BLOCK_OCTETS, payload, head->octets);
	if (!error && !fz_store_block_check(head, payload, &reader->check))
		error = FZ_STORE_ALTERED;
	free(payload);
	if (error)
		return error > 0 ? FZ_STORE_ALTERED : error;
	reader->at = reader->size;
	return 0;
}

int fz_store_reader_next(struct fz_store_reader *reader)
{
	struct fz_store_block_head head;
	int error;

	if (reader->at == reader->size)
		return 0;
	error = block_at(reader, reader->at, &head);
	if (error > 0) {
		/* A file that was ended has no torn tail. */
		if (reader->end.how != FZ_STORE_RUNNING)
			return FZ_STORE_ALTERED;
		reader->torn = true;
		return 0;
	}
	if (error)
		return error;
	if (head.what == FZ_STORE_TAIL)
		return end_at(reader, &head);
	if (head.what != FZ_STORE_RECS)
		return FZ_STORE_ALTERED;
	error = read_at(reader, reader->at + FZ_STORE_BLOCK_OCTETS, reader->records, head.octets);
	if (error)
		return error > 0 ? FZ_STORE_ALTERED : error;
	if (!fz_store_block_check(&head, reader->records, &reader->check))
		return FZ_STORE_ALTERED;
	reader->at += FZ_STORE_BLOCK_OCTETS + (uint64_t)head.octets;
	return (int)head.octets;
}

/* One above the highest number that was received; goes through all of the file. */
static int walk(struct fz_store_reader *reader, uint32_t *received_next)
{
	struct fizeau_record record;
	int octets;

	while ((octets = fz_store_reader_next(reader)) > 0) {
		for (int at = 0; at < octets; at += (int)FIZEAU_RECORD_OCTETS) {
			fizeau_record_get(&record, reader->records + at);
			if (!fizeau_record_lost(&record) && record.seq >= *received_next)
				*received_next = record.seq + 1;
		}
	}
	return octets;
}

static int mend(struct fz_store_reader *reader, uint64_t stop_ntp)
{
	struct fz_store_writer *writer;
	struct fz_store_end end = {.how = FZ_STORE_ABORTED, .stop_ntp = stop_ntp};
	int error = walk(reader, &end.received_next);

	if (error)
		return error;
	if (ftruncate(reader->fd, (off_t)reader->at))
		return -errno;
	writer = calloc(1, sizeof(*writer));
	if (!writer)
		return -ENOMEM;
	writer->fd = reader->fd;
	writer->check = reader->check;
	writer->octets = reader->at;
	error = fz_store_writer_end(writer, &end);
	free(writer);
	return error;
}

int fz_store_file_mend(int fd, uint64_t stop_ntp)
{
	struct fz_store_reader *reader = malloc(sizeof(*reader));
	int error;

	if (!reader)
		return -ENOMEM;
	error = fz_store_reader_open(reader, fd);
	if (!error && reader->end.how == FZ_STORE_RUNNING)
		error = mend(reader, stop_ntp);
	fz_store_reader_close(reader);
	free(reader);
	return error;
}
