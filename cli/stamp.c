/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include "stamp.h"

#define NO_REPORT UINT32_MAX      /* no number that is ever sent */
#define YEAR_NS 31557600000000000 /* no two clocks are so far apart; formats are, by 66 or 70 of them */

static int prepare(void *arg, uint32_t seq, uint8_t *buf)
{
	struct fz_stamp *stamp = arg;

	if (stamp->access.wanted && stamp->access.seq == NO_REPORT)
		stamp->access.seq = seq;
	fizeau_st_sender_report(stamp->sender, seq == stamp->access.seq);
	return fizeau_st_sender_prepare(stamp->sender, seq, buf);
}

/*= rfc8972#section-4.6 SX-4.6-02 */
static int finish(void *arg, uint32_t seq, uint8_t *buf, struct fizeau_stamp departure)
{
	struct fz_stamp *stamp = arg;
	struct fizeau_mono until = {fz_clock_mono().ns + stamp->options->access_timeout_ns};
	int rc = 0;

	if (stamp->access.wanted && seq == stamp->access.seq) {
		stamp->access.wanted = false;
		stamp->result.access_sent++;
		rc = fz_loop_timer(stamp->test->config.loop, &stamp->access.timer, until);
	}
	return rc < 0 ? rc : fizeau_st_sender_finish(stamp->sender, buf, departure);
}

/* No echo in time. */
/*= rfc8972#section-4.6 SX-4.6-02 SX-4.6-03 */
static void on_no_echo(void *arg)
{
	struct fz_stamp *stamp = arg;

	if (!stamp->test->more)
		return;
	if (stamp->result.access_sent > stamp->options->access_retries) {
		fz_test_no_more(stamp->test);
		return;
	}
	stamp->access.wanted = true;
	stamp->access.seq = NO_REPORT;
	if (fz_test_all_sent(stamp->test))
		fz_test_add(stamp->test);
	else
		fz_test_prepare_anew(stamp->test);
}

static void see_access(struct fz_stamp *stamp)
{
	const struct fizeau_st_reflection *last = &stamp->last;
	uint32_t bit = FIZEAU_ST_TLV_BIT(FIZEAU_ST_ACCESS_REPORT);
	bool echoed = (last->answered & bit) != 0 && last->access.id == stamp->options->access_id &&
		last->access.return_code == stamp->options->access_code;

	/* Who does not know the TLV will not know it the next time. */
	if (!echoed && (last->unknown & bit) == 0)
		return;
	stamp->result.access_echoed = stamp->result.access_echoed || echoed;
	fz_loop_timer_stop(stamp->test->config.loop, &stamp->access.timer);
	fz_test_no_more(stamp->test);
}

static int read_reflection(void *arg, const uint8_t *octets, size_t len, struct fizeau_reflection *reflection)
{
	struct fz_stamp *stamp = arg;
	int rc = fizeau_st_sender_reflection(stamp->sender, octets, len, &stamp->last);

	*reflection = stamp->last.base;
	/* No stamp of the format that it names. */
	if (rc == FIZEAU_ERR_ESTIMATE && fizeau_error_estimate_valid(reflection->reflector_error))
		return FIZEAU_ERR_MALFORMED;
	return rc;
}

static bool is_near(uint64_t a, uint64_t b)
{
	int64_t apart_ns = fizeau_ntp_diff_ns(a, b);

	return apart_ns > -YEAR_NS && apart_ns < YEAR_NS;
}

/* Whether T2 makes sense in the other format than the one that Z names, and only in that: there are reflectors that copy
   Z from the sender's packet. */
static bool is_in_other_format(const struct fz_stamp *stamp, const struct fizeau_round_trip *trip)
{
	uint64_t other;

	if (is_near(trip->t2, trip->t1))
		return false;
	if (fizeau_error_estimate_ptp(trip->reflector_error))
		return is_near(fizeau_ptp_from_ntp(trip->t2, stamp->tai_utc_s), trip->t1);
	return fizeau_ntp_from_ptp(trip->t2, stamp->tai_utc_s, &other) && is_near(other, trip->t1);
}

/*= rfc8972#section-3 SX-3-08 */
static int judge_ssid(struct fz_stamp *stamp)
{
	if (!stamp->options->need_ssid || stamp->last.ssid == stamp->result.ssid)
		return 0;
	fz_test_stop_sending(stamp->test, FZ_ENDED_SSID);
	return FIZEAU_ERR_SSID;
}

/*= rfc8972#section-4 SX-4-08 */
static void count_tlvs(struct fz_stamp *stamp)
{
	const struct fizeau_st_reflection *last = &stamp->last;

	for (unsigned type = FIZEAU_ST_LOCATION; type <= FIZEAU_ST_FOLLOW_UP; type++) {
		struct fz_tlv_counts *counts = &stamp->result.counts[type];
		uint32_t bit = FIZEAU_ST_TLV_BIT(type);

		if ((stamp->result.tlvs & bit) == 0)
			continue;
		if (((last->answered | last->unknown | last->malformed | last->integrity) & bit) == 0 && !last->hmac_failed)
			/* Not every packet has a report. */
			counts->missing += type != FIZEAU_ST_ACCESS_REPORT;
		else if (last->hmac_failed || (last->integrity & bit) != 0)
			counts->integrity++;
		else if ((last->malformed & bit) != 0)
			counts->malformed++;
		else if ((last->unknown & bit) != 0)
			counts->unknown++;
		else
			counts->answered++;
	}
}

static bool is_answered(const struct fz_stamp *stamp, enum fizeau_st_tlv type)
{
	return (stamp->last.answered & FIZEAU_ST_TLV_BIT(type)) != 0;
}

static bool same_location(const struct fizeau_st_location *a, const struct fizeau_st_location *b)
{
	return a->destination_port == b->destination_port && a->source_port == b->source_port &&
		a->destination.version == b->destination.version && a->source.version == b->source.version &&
		memcmp(a->destination.octets, b->destination.octets, sizeof(a->destination.octets)) == 0 &&
		memcmp(a->source.octets, b->source.octets, sizeof(a->source.octets)) == 0 &&
		a->source_mac_octets == b->source_mac_octets &&
		memcmp(a->source_mac, b->source_mac, sizeof(a->source_mac)) == 0;
}

static void note_location(struct fz_stamp *stamp)
{
	struct fz_stamp_result *result = &stamp->result;

	if (result->counts[FIZEAU_ST_LOCATION].answered > 1 && !same_location(&result->location, &stamp->last.location))
		result->location_changes++;
	result->location = stamp->last.location;
}

static void note_class(struct fz_stamp *stamp)
{
	struct fz_stamp_result *result = &stamp->result;

	result->dscp[stamp->last.class_of_service.dscp2 & 63]++;
	result->ecn[stamp->last.class_of_service.ecn & 3]++;
	result->dscp_refused += stamp->last.class_of_service.rp != 0;
}

/* Room for one more; false without memory, and then it is not kept. */
static bool make_room(void **all, size_t count, size_t *room, size_t octets)
{
	size_t more = *room == 0 ? 256 : *room * 2;
	void *grown;

	if (count < *room)
		return true;
	grown = realloc(*all, more * octets);
	if (grown == NULL)
		return false;
	*all = grown;
	*room = more;
	return true;
}

static void note_departure(struct fz_stamp *stamp)
{
	struct fz_stamp_result *result = &stamp->result;
	void *all = stamp->departed;

	/* Before the first reflection nothing left, and a stateless reflector does not know. */
	if (stamp->last.follow_up.ntp == 0 ||
		!make_room(&all, stamp->departed_count, &stamp->departed_room, sizeof(*stamp->departed)))
		return;
	stamp->departed = all;
	stamp->departed[stamp->departed_count++] =
		(struct fz_departed){stamp->last.follow_up.seq, stamp->last.follow_up.ntp};
	result->follow_ups++;
	result->follow_up_method = stamp->last.follow_up.method;
}

static void note_direct(struct fz_stamp *stamp)
{
	void *all = stamp->direct;

	if (!make_room(&all, stamp->direct_count, &stamp->direct_room, sizeof(*stamp->direct)))
		return;
	stamp->direct = all;
	stamp->direct[stamp->direct_count++] = (struct fz_direct){stamp->last.direct.sender_tx,
		stamp->last.direct.reflector_rx, stamp->last.direct.reflector_tx};
}

/* How many reflections are looked at for what is kept of each: as many as have records. */
static bool may_keep(const struct fz_stamp *stamp, size_t kept)
{
	return kept < (size_t)stamp->test->config.count * 4 + 1000;
}

static void note_tlvs(struct fz_stamp *stamp)
{
	count_tlvs(stamp);
	if (is_answered(stamp, FIZEAU_ST_LOCATION))
		note_location(stamp);
	if (is_answered(stamp, FIZEAU_ST_TIMESTAMP_INFORMATION))
		stamp->result.information = stamp->last.information;
	if (is_answered(stamp, FIZEAU_ST_CLASS_OF_SERVICE))
		note_class(stamp);
	if (is_answered(stamp, FIZEAU_ST_DIRECT_MEASUREMENT) && may_keep(stamp, stamp->direct_count))
		note_direct(stamp);
	if (is_answered(stamp, FIZEAU_ST_FOLLOW_UP) && may_keep(stamp, stamp->departed_count))
		note_departure(stamp);
	if (stamp->test->more)
		see_access(stamp);
}

static int counts(void *arg, const struct fizeau_round_trip *trip)
{
	struct fz_stamp *stamp = arg;
	int rc = judge_ssid(stamp);

	stamp->result.ssid_back = stamp->last.ssid;
	if (rc == 0 && is_in_other_format(stamp, trip))
		rc = FIZEAU_ERR_MALFORMED;
	if (rc < 0)
		return rc;
	stamp->result.any = true;
	stamp->result.ptp_there = fizeau_error_estimate_ptp(trip->reflector_error);
	note_tlvs(stamp);
	return 0;
}

static void free_stamp(void *arg)
{
	struct fz_stamp *stamp = arg;

	fz_loop_timer_stop(stamp->test->config.loop, &stamp->access.timer);
	fizeau_st_sender_free(stamp->sender);
	free(stamp->departed);
	free(stamp->direct);
	free(stamp);
}

static int make_sender(struct fz_stamp *stamp, const struct fz_measure_options *options, const struct fizeau_st_key *key,
	uint16_t ssid)
{
	const struct fz_stamp_options *wish = &options->stamp;
	uint32_t hmac = FIZEAU_ST_TLV_BIT(FIZEAU_ST_HMAC);
	struct fizeau_st_sender_config config = {
		.key = *key,
		/*= rfc8972#section-4.8 SX-4.8-06 */
		.open_hmac_tlv = (wish->tlvs & hmac) != 0,
		.light = wish->light,
		/*= rfc8972#section-3 SX-3-01 SX-3-03 */
		.ssid = ssid,
		/*= rfc8762#section-4.2.1 ST-4.2.1-03 ST-4.2.1-05 */
		.format = {.ptp = wish->ptp, .tai_utc_s = stamp->tai_utc_s},
		.padding_octets = fz_stamp_padding(options),
		/*= rfc8972#section-4.1 SX-4.1-01 */
		.zero_padding = options->zero_padding,
		.tlvs = wish->tlvs & ~hmac,
		.dscp = wish->class_given ? wish->class_dscp : options->dscp,
		.access_id = wish->access_id,
		.access_return_code = wish->access_code,
	};

	if (getrandom(config.padding_seed, sizeof(config.padding_seed), 0) == (ssize_t)sizeof(config.padding_seed))
		stamp->sender = fizeau_st_sender_new(&config);
	stamp->result.dscp1 = config.dscp;
	stamp->result.tlvs = config.tlvs;
	fizeau_wipe(&config, sizeof(config));
	return stamp->sender != NULL ? 0 : FIZEAU_ERR_LENGTH;
}

uint32_t fz_stamp_padding(const struct fz_measure_options *options)
{
	if (options->padding_given)
		return options->padding_octets;
	/* So that reflections of TWAMP Light are as long as its packets. */
	return options->stamp.light ? FIZEAU_ST_LIGHT_REFLECTOR - FIZEAU_ST_LIGHT_SENDER : 0;
}

int fz_stamp_new(const struct fz_measure_options *options, const struct fizeau_st_key *key, uint16_t ssid,
	struct fz_test *test, struct fz_stamp **out, struct fz_test_packets *maker)
{
	struct fz_stamp *stamp = calloc(1, sizeof(*stamp));
	int rc;

	*out = NULL;
	if (stamp == NULL)
		return FIZEAU_ERR_MEMORY;
	stamp->options = &options->stamp;
	stamp->test = test;
	stamp->tai_utc_s = test->config.clock->tai_utc_s;
	stamp->access.timer = (struct fz_timer){.fn = on_no_echo, .arg = stamp};
	stamp->access.seq = NO_REPORT;
	stamp->result.light = options->stamp.light;
	stamp->result.ssid = ssid;
	stamp->result.ptp_here = options->stamp.ptp;
	stamp->result.access_id = options->stamp.access_id;
	stamp->result.access_code = options->stamp.access_code;
	rc = make_sender(stamp, options, key, ssid);
	if (rc < 0) {
		free(stamp);
		return rc;
	}
	/* The first packet carries the report. */
	stamp->access.wanted = (stamp->result.tlvs & FIZEAU_ST_TLV_BIT(FIZEAU_ST_ACCESS_REPORT)) != 0;
	test->more = stamp->access.wanted;
	*maker = (struct fz_test_packets){
		.arg = stamp,
		.octets = fizeau_st_sender_octets(stamp->sender),
		.prepare = prepare,
		.finish = finish,
		.reflection = read_reflection,
		.counts = counts,
		.free = free_stamp,
	};
	*out = stamp;
	return 0;
}

static int compare_departed(const void *left, const void *right)
{
	const struct fz_departed *a = left, *b = right;

	return (a->seq > b->seq) - (a->seq < b->seq);
}

/* A moment that can be when that reflection left. */
static bool is_departure_of(const struct fizeau_round_trip *trip, uint64_t ntp, int64_t timeout_ns)
{
	int64_t after_ns = fizeau_ntp_diff_ns(ntp, trip->t3);

	return fizeau_ntp_diff_ns(ntp, trip->t2) >= 0 && after_ns >= -timeout_ns && after_ns <= timeout_ns;
}

void fz_stamp_settle(struct fz_stamp *stamp)
{
	struct fz_test *test = stamp->test;

	if (stamp->departed_count == 0)
		return;
	qsort(stamp->departed, stamp->departed_count, sizeof(*stamp->departed), compare_departed);
	for (size_t i = 0; i < test->record_count; i++) {
		struct fizeau_round_trip *trip = &test->records[i];
		struct fz_departed wanted = {.seq = trip->reflector_seq};
		const struct fz_departed *found = bsearch(&wanted, stamp->departed, stamp->departed_count,
			sizeof(*stamp->departed), compare_departed);

		if (found == NULL || !is_departure_of(trip, found->ntp, test->config.timeout_ns))
			continue;
		trip->t3 = found->ntp;
		stamp->result.followed++;
	}
}

static int compare_tx(const void *left, const void *right)
{
	const struct fz_direct *a = left, *b = right;

	return (a->reflector_tx > b->reflector_tx) - (a->reflector_tx < b->reflector_tx);
}

static uint32_t higher(uint32_t a, uint32_t b)
{
	return a > b ? a : b;
}

/* Counters begin anywhere and are taken relative to the first that came, half of their range ahead of it. */
/*= rfc8972#section-4.5 SX-4.5-01 */
static struct fz_direct_result count_direct(struct fz_direct *all, size_t count)
{
	struct fz_direct low = {UINT32_MAX, UINT32_MAX, UINT32_MAX}, high = {0, 0, 0}, base;
	struct fz_direct_result result = {.valid = false};
	uint32_t distinct = 0;

	if (count < 2)
		return result;
	base = all[0];
	for (size_t i = 0; i < count; i++) {
		all[i].sender_tx += UINT32_MAX / 2 - base.sender_tx;
		all[i].reflector_rx += UINT32_MAX / 2 - base.reflector_rx;
		all[i].reflector_tx += UINT32_MAX / 2 - base.reflector_tx;
		low.sender_tx = all[i].sender_tx < low.sender_tx ? all[i].sender_tx : low.sender_tx;
		low.reflector_rx = all[i].reflector_rx < low.reflector_rx ? all[i].reflector_rx : low.reflector_rx;
		low.reflector_tx = all[i].reflector_tx < low.reflector_tx ? all[i].reflector_tx : low.reflector_tx;
		high.sender_tx = higher(high.sender_tx, all[i].sender_tx);
		high.reflector_rx = higher(high.reflector_rx, all[i].reflector_rx);
		high.reflector_tx = higher(high.reflector_tx, all[i].reflector_tx);
	}
	qsort(all, count, sizeof(*all), compare_tx);
	for (size_t i = 0; i < count; i++)
		distinct += i == 0 || all[i].reflector_tx != all[i - 1].reflector_tx;
	result = (struct fz_direct_result){
		.sent = high.sender_tx - low.sender_tx,
		.reflector_received = high.reflector_rx - low.reflector_rx,
		.reflector_sent = high.reflector_tx - low.reflector_tx,
		.received = distinct - 1,
	};
	result.valid = distinct > 1 && result.reflector_received <= result.sent &&
		result.reflector_sent <= result.reflector_received && result.received <= result.reflector_sent;
	result.lost_forward = result.sent - result.reflector_received;
	result.lost_backward = result.reflector_sent - result.received;
	return result;
}

int fz_stamp_split_loss(struct fz_stamp *stamp, struct fizeau_round_trip_summary *summary)
{
	struct fz_stamp_result *result = &stamp->result;
	const struct fz_test *test = stamp->test;
	/* Only who keeps state can tell of an earlier reflection. */
	int rc = fizeau_round_trip_numbering(test->records, test->record_count, test->sent, result->follow_ups > 0, summary,
		&result->numbering);

	if (rc < 0)
		return rc;
	result->direct = count_direct(stamp->direct, stamp->direct_count);
	if (summary->lost_forward_valid) {
		result->loss_source = FZ_LOSS_NUMBERS;
	} else if (result->direct.valid) {
		result->loss_source = FZ_LOSS_COUNTERS;
		summary->lost_forward_valid = true;
		summary->lost_forward = result->direct.lost_forward;
		summary->lost_backward = result->direct.lost_backward;
	}
	return 0;
}
