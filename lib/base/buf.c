/* SPDX-License-Identifier: MIT */
#include "lib/base/buf.h"

void fz_read_octets(struct fz_reader *r, uint8_t *to, size_t len)
{
	if (len == 0)
		return;
	if (fz_reader_left(r) < len) {
		r->failed = true;
		memset(to, 0, len);
		return;
	}
	memcpy(to, r->at, len);
	r->at += len;
}

void fz_write_octets(struct fz_writer *w, const uint8_t *from, size_t len)
{
	if (len == 0 || !fz_writer_has(w, len))
		return;
	memcpy(w->at, from, len);
	w->at += len;
}
