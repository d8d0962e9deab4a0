/* SPDX-License-Identifier: MIT */
/* Cursors over octets with a sticky error: parse or write straight through, check once at the end. The only
   place that knows byte order. */
#ifndef FZ_BASE_BUF_H
#define FZ_BASE_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <fizeau/error.h>

struct fz_reader {
	const uint8_t *at, *end;
	bool failed; /* something was read past the end; all values since are 0 */
};

struct fz_writer {
	uint8_t *start, *at, *end;
	bool failed; /* something did not fit; nothing was written since */
};

struct fz_reader fz_reader_of(const uint8_t *octets, size_t len);
uint8_t fz_read_u8(struct fz_reader *r);
uint16_t fz_read_u16(struct fz_reader *r);
uint32_t fz_read_u32(struct fz_reader *r);
uint64_t fz_read_u64(struct fz_reader *r);
void fz_read_octets(struct fz_reader *r, uint8_t *to, size_t len); /* zeros on failure */
void fz_read_skip(struct fz_reader *r, size_t len);
size_t fz_reader_left(const struct fz_reader *r);

struct fz_writer fz_writer_of(uint8_t *octets, size_t len);
void fz_write_u8(struct fz_writer *w, uint8_t value);
void fz_write_u16(struct fz_writer *w, uint16_t value);
void fz_write_u32(struct fz_writer *w, uint32_t value);
void fz_write_u64(struct fz_writer *w, uint64_t value);
void fz_write_octets(struct fz_writer *w, const uint8_t *from, size_t len);
void fz_write_zeros(struct fz_writer *w, size_t len);
size_t fz_writer_len(const struct fz_writer *w);

#endif
