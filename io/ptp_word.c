/* SPDX-License-Identifier: MIT */
#include "io/clock_word.h"

#include "lib/base/buf.h"

#define MANAGEMENT 0x0d
#define VERSION 2
#define HEADER_OCTETS 34
#define PORT_IDENTITY_OCTETS 10
#define GET 0
#define RESPONSE 2
#define TLV_MANAGEMENT 1
#define CONTROL_MANAGEMENT 4
#define INTERVAL_NONE 0x7f
#define STATE_SLAVE 9
#define STAMPS_SOFTWARE 0
#define CLASS_LOCKED 6
#define ACCURACY_FIRST 0x20
#define ACCURACY_LAST 0x30

void fz_ptp_ask(enum fz_ptp_id id, uint16_t seq, uint8_t domain, uint8_t octets[static FZ_PTP_OCTETS])
{
	struct fz_writer w = fz_writer_of(octets, FZ_PTP_OCTETS);

	fz_write_u8(&w, MANAGEMENT);
	fz_write_u8(&w, VERSION);
	fz_write_u16(&w, FZ_PTP_OCTETS);
	fz_write_u8(&w, domain);
	fz_write_zeros(&w, 1 + 2 + 8 + 4); /* flags, correction */
	fz_write_zeros(&w, 8);             /* nobody's identity */
	fz_write_u16(&w, 1);
	fz_write_u16(&w, seq);
	fz_write_u8(&w, CONTROL_MANAGEMENT);
	fz_write_u8(&w, INTERVAL_NONE);
	/* To every clock and port: behind a Unix socket there is one clock. */
	for (int i = 0; i < PORT_IDENTITY_OCTETS; i++)
		fz_write_u8(&w, 0xff);
	fz_write_u16(&w, 0); /* hops: no further */
	fz_write_u8(&w, GET);
	fz_write_u8(&w, 0);
	fz_write_u16(&w, TLV_MANAGEMENT);
	fz_write_u16(&w, 2);
	fz_write_u16(&w, (uint16_t)id);
}

static bool head_is_right(struct fz_reader *r, size_t len, uint16_t seq, uint8_t domain)
{
	bool right = (fz_read_u8(r) & 0x0f) == MANAGEMENT;

	right &= (fz_read_u8(r) & 0x0f) == VERSION;
	right &= fz_read_u16(r) == len;
	right &= fz_read_u8(r) == domain;
	fz_read_skip(r, 25);
	right &= fz_read_u16(r) == seq;
	fz_read_skip(r, 2 + PORT_IDENTITY_OCTETS + 2);
	right &= (fz_read_u8(r) & 0x0f) == RESPONSE;
	fz_read_skip(r, 1);
	/* An error comes as another TLV. */
	right &= fz_read_u16(r) == TLV_MANAGEMENT;
	return right;
}

/* TimeInterval: nanoseconds with 16 bits of fraction; rounded up in magnitude. */
static int64_t magnitude_ns(uint64_t interval)
{
	uint64_t size = interval >> 63 ? 0 - interval : interval;

	return (int64_t)((size >> 16) + ((size & 0xffff) != 0));
}

static bool read_current(struct fz_ptp_view *view, struct fz_reader *r)
{
	view->steps_removed = fz_read_u16(r);
	view->offset_ns = magnitude_ns(fz_read_u64(r));
	view->path_delay_ns = magnitude_ns(fz_read_u64(r));
	return view->current = !r->failed;
}

static bool read_parent(struct fz_ptp_view *view, struct fz_reader *r)
{
	fz_read_skip(r, PORT_IDENTITY_OCTETS + 2 + 2 + 4); /* parent, its statistics, and a pad */
	fz_read_skip(r, 1);                                /* priority 1 */
	view->class_of_grandmaster = fz_read_u8(r);
	view->accuracy_of_grandmaster = fz_read_u8(r);
	fz_read_skip(r, 2 + 1 + 8);
	return view->parent = !r->failed;
}

/* Of several ports the slave counts. */
static bool read_port(struct fz_ptp_view *view, struct fz_reader *r)
{
	uint8_t state, stamps;

	fz_read_skip(r, PORT_IDENTITY_OCTETS);
	state = fz_read_u8(r);
	stamps = fz_read_u8(r);
	if (r->failed)
		return false;
	view->port = true;
	if (state == STATE_SLAVE) {
		view->slave = true;
		view->hardware = stamps != STAMPS_SOFTWARE;
	}
	return true;
}

bool fz_ptp_answer(struct fz_ptp_view *view, const uint8_t *octets, size_t len, uint16_t seq, uint8_t domain)
{
	struct fz_reader r = fz_reader_of(octets, len);
	uint16_t tlv, id;

	if (!head_is_right(&r, len, seq, domain))
		return false;
	tlv = fz_read_u16(&r);
	if (r.failed || tlv < 2 || tlv > fz_reader_left(&r))
		return false;
	id = fz_read_u16(&r);
	/* Its own length alone says how far the data goes. */
	r = fz_reader_of(r.at, (size_t)tlv - 2);
	if (id == FZ_PTP_CURRENT_DATA_SET)
		return read_current(view, &r);
	if (id == FZ_PTP_PARENT_DATA_SET)
		return read_parent(view, &r);
	return id == FZ_PTP_PORT_PROPERTIES_NP && read_port(view, &r);
}

/* clockAccuracy, IEEE 1588-2008 table 6; -1: it does not say. */
static int64_t accuracy_ns(uint8_t accuracy)
{
	static const int64_t ns[] = {25, 100, 250, 1000, 2500, 10000, 25000, 100000, 250000, 1000000, 2500000, 10000000,
		25000000, 100000000, 250000000, 1000000000, 10000000000};

	_Static_assert(sizeof(ns) / sizeof(ns[0]) == ACCURACY_LAST - ACCURACY_FIRST + 1, "one for each");
	return accuracy < ACCURACY_FIRST || accuracy > ACCURACY_LAST ? -1 : ns[accuracy - ACCURACY_FIRST];
}

bool fz_ptp_word(const struct fz_ptp_view *view, bool asserted, struct fz_clock_word *word)
{
	int64_t accuracy = accuracy_ns(view->accuracy_of_grandmaster), error;

	if (!view->current || !view->parent || !view->port)
		return false;
	*word = (struct fz_clock_word){.error_ns = FZ_CLOCK_ERROR_MAX_NS};
	if (view->offset_ns >= FZ_CLOCK_ERROR_MAX_NS || view->path_delay_ns >= FZ_CLOCK_ERROR_MAX_NS)
		return true;
	error = view->offset_ns + view->path_delay_ns + (accuracy > 0 ? accuracy : 0);
	if (error >= FZ_CLOCK_ERROR_MAX_NS)
		return true;
	if (view->steps_removed == 0)
		word->synchronized = view->class_of_grandmaster == CLASS_LOCKED && accuracy >= 0;
	else
		word->synchronized = view->slave && (asserted || (!view->hardware && accuracy >= 0));
	if (word->synchronized)
		word->error_ns = error;
	return true;
}
