/* SPDX-License-Identifier: MIT */
#include <fizeau/st_reflector.h>

#include <stdlib.h>
#include <string.h>
#include "lib/proto/st_answer.h"
#include "lib/proto/st_cover.h"
#include "lib/wire/st_packet.h"
#include "lib/wire/st_tlv.h"

#define SENT 8			   /* reflections that are remembered one by one */
#define LOOP_S ((uint64_t)4 << 32) /* how long one travels at most; seconds have this place in both formats */

static const struct fizeau_stamp_format ntp_format = {.ptp = false};

/* A reflection that left: what came back of it would carry these. */
struct sent {
	uint32_t seq;
	uint64_t stamp; /* as on the wire; 0: none yet */
};

struct fizeau_st_reflector {
	struct fizeau_st_reflector_config config; /* without keys */
	bool authenticated;
	uint32_t reflected;	 /* and so the number of the next reflection, unless stateless */
	struct sent sent[SENT]; /* by their numbers */
	uint64_t last_stamp;	 /* Timestamp and Error Estimate of the last reflection, as on the wire */
	uint16_t last_error;
	bool any_left;
	uint32_t left_seq; /* of the last that was finished, and when it left */
	struct fizeau_stamp left;
	size_t key_count;	 /* candidates; 1 once it is settled which it is */
	struct fz_hmac256_key keys[];
};

static bool usable(const struct fizeau_st_reflector_config *config)
{
	return config->key_count <= FIZEAU_ST_KEYS_MAX && (config->key_count > 0 || !config->open_hmac_tlv);
}

struct fizeau_st_reflector *fizeau_st_reflector_new(const struct fizeau_st_reflector_config *config)
{
	struct fizeau_st_reflector *r;

	if (!usable(config))
		return NULL;
	r = calloc(1, sizeof(*r) + config->key_count * sizeof(r->keys[0]));
	if (r == NULL)
		return NULL;
	r->config = *config;
	r->config.keys = NULL;
	r->authenticated = config->key_count > 0 && !config->open_hmac_tlv;
	for (; r->key_count < config->key_count; r->key_count++) {
		if (fz_hmac256_key_init(&r->keys[r->key_count], &config->keys[r->key_count]) < 0) {
			fizeau_st_reflector_free(r);
			return NULL;
		}
	}
	return r;
}

void fizeau_st_reflector_free(struct fizeau_st_reflector *r)
{
	if (r == NULL)
		return;
	fizeau_wipe(r->keys, r->key_count * sizeof(r->keys[0]));
	free(r);
}

/* Octets of a reflection of less than a base packet; 0: none. */
/*= rfc8762#section-4.6 ST-4.6-01 */
static size_t short_octets(const struct fizeau_st_reflector *r, size_t len)
{
	if (r->authenticated)
		return 0;
	if (r->config.answer_short && len >= FIZEAU_ST_LIGHT_SENDER)
		return FIZEAU_ST_BASE_OPEN;
	return len >= FIZEAU_ST_LIGHT_REFLECTOR ? len : 0;
}

/* The first key that verifies a packet is the session's. */
/*= rfc8762#section-4.4 ST-4.4-02 ST-4.4-03 */
static int verify(struct fizeau_st_reflector *r, const uint8_t *in)
{
	int error = FIZEAU_ERR_HMAC;
	size_t i;

	for (i = 0; i < r->key_count && error == FIZEAU_ERR_HMAC; i++)
		error = fz_st_base_check(&r->keys[i], in);
	if (error < 0 || r->key_count == 1)
		return error;
	r->keys[0] = r->keys[i - 1];
	fizeau_wipe(&r->keys[1], (r->key_count - 1) * sizeof(r->keys[0]));
	r->key_count = 1;
	return 0;
}

/* Whether a stamp is of the seconds before another; zero is in no packet that somebody stamped. */
static bool shortly_before(uint64_t stamp, uint64_t other)
{
	return stamp != 0 && other - stamp < LOOP_S;
}

/* Whether these are Sequence Number, Timestamp and Error Estimate of a reflection of ours. */
static bool ours(const struct fizeau_st_reflector *r, uint32_t seq, uint64_t stamp, uint16_t error)
{
	const struct sent *sent = &r->sent[seq % SENT];

	if (sent->stamp != 0 && sent->seq == seq)
		return sent->stamp == stamp;
	/* It would be an earlier one. */
	return (r->config.stateless || (int32_t)(seq - r->reflected) < 0) && error == r->last_error &&
		shortly_before(stamp, r->last_stamp);
}

/* A packet that carries a reflection of ours is no sender's: as what it answers to, if it is another reflector's, or as
   it was, if it is an echo's. Its sender would answer all that it is sent, and so would we. Garbage in MBZ is let pass:
   an echo has all of its stamps in order. */
static bool loops(const struct fizeau_st_reflector *r, const struct fz_st_packet *packet)
{
	return ours(r, packet->sender_seq, packet->sender_stamp, packet->sender_error) ||
		(shortly_before(packet->receive_stamp, packet->stamp) &&
			ours(r, packet->seq, packet->stamp, packet->error));
}

/* The TLVs of a reflection, which are so far as they came. */
/*= rfc8972#section-4.8 SX-4.8-04 SX-4.8-06 */
static int answer_tlvs(struct fizeau_st_reflector *r, const struct fizeau_st_received *received, const uint8_t *in,
	uint8_t *out, size_t base, struct fizeau_st_reply *reply)
{
	const struct fz_st_answer from = {.config = &r->config, .received = received, .packets = r->reflected};
	size_t hmac_at;
	int error = fz_st_cover_check(r->key_count > 0 ? &r->keys[0] : NULL, in, base, reply->octets, &hmac_at);

	if (error == FIZEAU_ERR_HMAC) {
		reply->integrity_failed = true;
		fz_st_answer_failed(out, base, reply->octets);
		return 0;
	}
	if (error < 0)
		return error;
	fz_st_answer(&from, out, base, reply->octets, reply);
	/* Also behind one that is malformed: what was answered before it, and its flag, are to be believed. */
	if (hmac_at != 0)
		out[hmac_at] = 0;
	reply->hmac_at = (uint16_t)hmac_at;
	return 0;
}

/* The sender's fields go back as they came, also if they make no sense: that is for the sender to judge. */
/*= rfc8762#section-4 ST-4-01 ST-4-02 */
/*= rfc8762#section-4.3.1 ST-4.3.1-02 ST-4.3.1-03 ST-4.3.1-04 ST-4.3.1-05 */
/*= rfc8972#section-3 SX-3-07 */
static struct fz_st_packet reflection_of(struct fizeau_st_reflector *r, const struct fz_st_packet *packet,
	const struct fizeau_st_received *received, const struct fizeau_stamp_format *format)
{
	uint32_t own = r->reflected++;

	return (struct fz_st_packet){
		.seq = r->config.stateless ? packet->seq : own,
		.ssid = packet->ssid,
		.receive_stamp = fz_st_stamp(format, received->stamp.ntp),
		.sender_seq = packet->seq,
		.sender_stamp = packet->stamp,
		.sender_error = packet->error,
		.ttl = received->ttl,
	};
}

/*= rfc8762#section-4 ST-4-03 */
/*= rfc8762#section-4.3 ST-4.3-01 */
/*= rfc8762#section-4.6 ST-4.6-02 ST-4.6-04 */
int fizeau_st_reflector_reflect(struct fizeau_st_reflector *r, const uint8_t *in, size_t len,
	const struct fizeau_st_received *received, uint8_t *out, size_t cap, struct fizeau_st_reply *reply)
{
	size_t base = fz_st_base(r->authenticated), octets = len < base ? short_octets(r, len) : len;
	bool light = len < base;
	struct fz_st_packet packet, reflection;
	int error = 0;

	if (octets == 0 || octets > FIZEAU_TEST_PACKET_MAX || octets > cap)
		return FIZEAU_ERR_LENGTH;
	if (r->authenticated)
		error = verify(r, in);
	if (error < 0)
		return error;
	fz_st_get(in, len, r->authenticated, &packet);
	if (loops(r, &packet))
		return FIZEAU_ERR_LOOP;
	reflection = reflection_of(r, &packet, received, light ? &ntp_format : &r->config.format);
	*reply = (struct fizeau_st_reply){
		.octets = (uint16_t)octets, .dscp = received->tos >> 2, .seq = reflection.seq, .light = light};
	fz_st_put(out, light ? octets : base, r->authenticated, &reflection);
	if (len <= base)
		return 0;
	memcpy(out + base, in + base, len - base);
	return r->config.tlvs ? answer_tlvs(r, received, in, out, base, reply) : 0;
}

static void follow_up(const struct fizeau_st_reflector *r, uint8_t *out, const struct fizeau_st_reply *reply)
{
	struct fz_st_departure before = {0};

	if (r->any_left && !r->config.stateless)
		before = (struct fz_st_departure){
			.seq = r->left_seq,
			.stamp = fz_st_stamp(&r->config.format, r->left.ntp),
			.method = (uint8_t)fz_st_method(r->left.source),
		};
	fz_st_answer_follow_up(out, reply->follow_up_at, reply->octets, &before);
}

int fizeau_st_reflector_finish(
	struct fizeau_st_reflector *r, uint8_t *out, const struct fizeau_st_reply *reply, struct fizeau_stamp stamp)
{
	const struct fizeau_stamp_format *format = reply->light ? &ntp_format : &r->config.format;
	int error = 0;

	if (reply->follow_up_at != 0)
		follow_up(r, out, reply);
	if (reply->hmac_at != 0)
		error = fz_st_cover(&r->keys[0], out, fz_st_base(r->authenticated), reply->hmac_at);
	r->last_stamp = fz_st_put_stamp(out, r->authenticated, format, stamp);
	r->last_error = fizeau_error_estimate_in(stamp.error, format);
	if (error == 0 && r->authenticated)
		error = fz_st_base_cover(&r->keys[0], out);
	r->sent[reply->seq % SENT] = (struct sent){reply->seq, r->last_stamp};
	r->any_left = true;
	r->left_seq = reply->seq;
	r->left = stamp;
	return error;
}

void fizeau_st_reflector_departed(struct fizeau_st_reflector *r, uint32_t seq, struct fizeau_stamp departed)
{
	if (r->any_left && r->left_seq == seq)
		r->left = departed;
}

uint16_t fizeau_st_ssid(const uint8_t *packet, size_t len, bool authenticated)
{
	struct fz_st_packet got;

	fz_st_get(packet, len, authenticated, &got);
	return got.ssid;
}
