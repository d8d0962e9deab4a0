/* SPDX-License-Identifier: MIT */
#include "lib/crypto/expdev.h"

#include <assert.h>
#include "lib/base/buf.h"

__extension__ typedef unsigned __int128 u128;

/* Q[k] of RFC 4656 section 5.2, the sum of ln2^i / i! for i = 1 .. k; Q[1] is ln2. */
/*= rfc4656#section-5.2 OW-5-03 */
static const uint32_t q[] = {0, 0xB17217F8, 0xEEF193F7, 0xFD271862, 0xFF9D6DD0, 0xFFF4CFD0, 0xFFFEE819,
	0xFFFFE7FF, 0xFFFFFE2B, 0xFFFFFFE0, 0xFFFFFFFE, 0xFFFFFFFF};

#define LN2 q[1]
#define U_BITS 32

/*= rfc4656#section-5.2 OW-5-05 */
uint64_t fz_num64_mul(uint64_t x, uint64_t y)
{
	return (uint64_t)((u128)x * y >> 32);
}

/*= rfc4656#section-5.1 OW-5-01 OW-5-02 OW-5-04 OW-5-07 */
uint64_t fz_expdev_of(uint32_t (*next)(void *source), void *source)
{
	uint32_t u = next(source), v = UINT32_MAX;
	uint64_t j = 0;
	unsigned k = 2;

	/* S1: j is the number of ones before the first zero, which is dropped. */
	while (j < U_BITS && u >> 31) {
		u <<= 1;
		j++;
	}
	if (j == U_BITS)
		return fz_num64_mul(j << 32, LN2);
	u <<= 1;
	/* S2 */
	if (u < LN2)
		return fz_num64_mul(j << 32, LN2) + u;
	/* S3: u is even after the shift, thus below q[11], and k stays in the table. */
	while (u >= q[k])
		k++;
	for (unsigned i = 0; i < k; i++) {
		uint32_t w = next(source);

		if (w < v)
			v = w;
	}
	/* S4 */
	return fz_num64_mul((j << 32) + v, LN2);
}

int fz_expdev_init(struct fz_expdev *e, const uint8_t sid[static 16])
{
	*e = (struct fz_expdev){0};
	return fz_aes_init(&e->aes, FZ_AES_ECB_ENCRYPT, sid, NULL);
}

/*= rfc4656#section-5.3 OW-5-06 */
uint32_t fz_expdev_uniform(struct fz_expdev *e)
{
	size_t word = e->counter % 4;
	struct fz_reader r;

	if (word == 0) {
		struct fz_writer w = fz_writer_of(e->block, sizeof(e->block));
		int error;

		fz_write_u64(&w, 0);
		fz_write_u64(&w, e->counter);
		error = fz_aes_run(&e->aes, e->block, sizeof(e->block));
		/* A context that was set up does not fail on a whole block. */
		assert(error == 0);
	}
	e->counter++;
	r = fz_reader_of(e->block + 4 * word, 4);
	return fz_read_u32(&r);
}

static uint32_t next_uniform(void *source)
{
	return fz_expdev_uniform(source);
}

uint64_t fz_expdev_next(struct fz_expdev *e)
{
	return fz_expdev_of(next_uniform, e);
}

void fz_expdev_wipe(struct fz_expdev *e)
{
	fz_aes_wipe(&e->aes);
	*e = (struct fz_expdev){0};
}
