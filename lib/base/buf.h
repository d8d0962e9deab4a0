/* SPDX-License-Identifier: MIT */
/* Cursors over octets with a sticky error: parse or write straight through, check once at the end. The only
   place that knows byte order. */
#ifndef FZ_BASE_BUF_H
#define FZ_BASE_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <fizeau/error.h>

struct fz_reader {
	const uint8_t *at, *end;
	bool failed; /* something was read past the end; all values since are 0 */
};

struct fz_writer {
	uint8_t *start, *at, *end;
	bool failed; /* something did not fit; nothing was written since */
};

/* Inline, as every field of every test packet passes here. */
static inline struct fz_reader fz_reader_of(const uint8_t *octets, size_t len)
{
	return (struct fz_reader){.at = octets, .end = octets + len};
}

static inline size_t fz_reader_left(const struct fz_reader *r)
{
	return r->failed ? 0 : (size_t)(r->end - r->at);
}

static inline uint64_t fz_read_integer(struct fz_reader *r, size_t octets)
{
	uint64_t value = 0;

	if (fz_reader_left(r) < octets) {
		r->failed = true;
		return 0;
	}
	for (size_t i = 0; i < octets; i++)
		value = value << 8 | r->at[i];
	r->at += octets;
	return value;
}

static inline uint8_t fz_read_u8(struct fz_reader *r)
{
	return (uint8_t)fz_read_integer(r, 1);
}

/*= rfc4656#section-2 OW-2-04 */
/*= rfc5357#section-2 TW-2-01 */
static inline uint16_t fz_read_u16(struct fz_reader *r)
{
	return (uint16_t)fz_read_integer(r, 2);
}

static inline uint32_t fz_read_u32(struct fz_reader *r)
{
	return (uint32_t)fz_read_integer(r, 4);
}

static inline uint64_t fz_read_u64(struct fz_reader *r)
{
	uint64_t high;

	if (fz_reader_left(r) < 8)
		r->failed = true;
	high = fz_read_u32(r);
	return high << 32 | fz_read_u32(r);
}

static inline void fz_read_skip(struct fz_reader *r, size_t len)
{
	if (fz_reader_left(r) < len)
		r->failed = true;
	else
		r->at += len;
}

void fz_read_octets(struct fz_reader *r, uint8_t *to, size_t len); /* zeros on failure */

static inline struct fz_writer fz_writer_of(uint8_t *octets, size_t len)
{
	return (struct fz_writer){.start = octets, .at = octets, .end = octets + len};
}

static inline size_t fz_writer_len(const struct fz_writer *w)
{
	return (size_t)(w->at - w->start);
}

static inline bool fz_writer_has(struct fz_writer *w, size_t len)
{
	if (w->failed || (size_t)(w->end - w->at) < len)
		w->failed = true;
	return !w->failed;
}

static inline void fz_write_integer(struct fz_writer *w, uint64_t value, size_t octets)
{
	if (!fz_writer_has(w, octets))
		return;
	for (size_t i = 0; i < octets; i++)
		w->at[i] = (uint8_t)(value >> 8 * (octets - 1 - i));
	w->at += octets;
}

static inline void fz_write_u8(struct fz_writer *w, uint8_t value)
{
	fz_write_integer(w, value, 1);
}

static inline void fz_write_u16(struct fz_writer *w, uint16_t value)
{
	fz_write_integer(w, value, 2);
}

static inline void fz_write_u32(struct fz_writer *w, uint32_t value)
{
	fz_write_integer(w, value, 4);
}

static inline void fz_write_u64(struct fz_writer *w, uint64_t value)
{
	if (!fz_writer_has(w, 8))
		return;
	fz_write_u32(w, (uint32_t)(value >> 32));
	fz_write_u32(w, (uint32_t)value);
}

static inline void fz_write_zeros(struct fz_writer *w, size_t len)
{
	if (len == 0 || !fz_writer_has(w, len))
		return;
	memset(w->at, 0, len);
	w->at += len;
}

void fz_write_octets(struct fz_writer *w, const uint8_t *from, size_t len);

#endif
