/* SPDX-License-Identifier: MIT */
#include "lib/base/buf.h"

#include <string.h>

struct fz_reader fz_reader_of(const uint8_t *octets, size_t len)
{
	return (struct fz_reader){.at = octets, .end = octets + len};
}

size_t fz_reader_left(const struct fz_reader *r)
{
	return r->failed ? 0 : (size_t)(r->end - r->at);
}

static bool reader_has(struct fz_reader *r, size_t len)
{
	if (fz_reader_left(r) < len)
		r->failed = true;
	return !r->failed;
}

static uint64_t read_integer(struct fz_reader *r, size_t octets)
{
	uint64_t value = 0;

	if (!reader_has(r, octets))
		return 0;
	for (size_t i = 0; i < octets; i++)
		value = value << 8 | r->at[i];
	r->at += octets;
	return value;
}

uint8_t fz_read_u8(struct fz_reader *r)
{
	return (uint8_t)read_integer(r, 1);
}

/*= rfc4656#section-2 OW-2-04 */
/*= rfc5357#section-2 TW-2-01 */
uint16_t fz_read_u16(struct fz_reader *r)
{
	return (uint16_t)read_integer(r, 2);
}

uint32_t fz_read_u32(struct fz_reader *r)
{
	return (uint32_t)read_integer(r, 4);
}

uint64_t fz_read_u64(struct fz_reader *r)
{
	return read_integer(r, 8);
}

void fz_read_octets(struct fz_reader *r, uint8_t *to, size_t len)
{
	if (len == 0)
		return;
	if (!reader_has(r, len)) {
		memset(to, 0, len);
		return;
	}
	memcpy(to, r->at, len);
	r->at += len;
}

void fz_read_skip(struct fz_reader *r, size_t len)
{
	if (reader_has(r, len))
		r->at += len;
}

struct fz_writer fz_writer_of(uint8_t *octets, size_t len)
{
	return (struct fz_writer){.start = octets, .at = octets, .end = octets + len};
}

size_t fz_writer_len(const struct fz_writer *w)
{
	return (size_t)(w->at - w->start);
}

static bool writer_has(struct fz_writer *w, size_t len)
{
	if (w->failed || (size_t)(w->end - w->at) < len)
		w->failed = true;
	return !w->failed;
}

static void write_integer(struct fz_writer *w, uint64_t value, size_t octets)
{
	if (!writer_has(w, octets))
		return;
	for (size_t i = 0; i < octets; i++)
		w->at[i] = (uint8_t)(value >> 8 * (octets - 1 - i));
	w->at += octets;
}

void fz_write_u8(struct fz_writer *w, uint8_t value)
{
	write_integer(w, value, 1);
}

void fz_write_u16(struct fz_writer *w, uint16_t value)
{
	write_integer(w, value, 2);
}

void fz_write_u32(struct fz_writer *w, uint32_t value)
{
	write_integer(w, value, 4);
}

void fz_write_u64(struct fz_writer *w, uint64_t value)
{
	write_integer(w, value, 8);
}

void fz_write_octets(struct fz_writer *w, const uint8_t *from, size_t len)
{
	if (len == 0 || !writer_has(w, len))
		return;
	memcpy(w->at, from, len);
	w->at += len;
}

void fz_write_zeros(struct fz_writer *w, size_t len)
{
	if (len == 0 || !writer_has(w, len))
		return;
	memset(w->at, 0, len);
	w->at += len;
}
