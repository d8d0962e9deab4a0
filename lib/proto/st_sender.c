/* SPDX-License-Identifier: MIT */
#include <fizeau/st_sender.h>

#include <stdlib.h>
#include <string.h>
#include "lib/base/buf.h"
#include "lib/base/padding.h"
#include "lib/crypto/hmac256.h"
#include "lib/wire/st_packet.h"
#include "lib/wire/st_tlv.h"

/* Octets by which a reflection of TWAMP Light is longer that does not shorten the padding. */
#define LIGHT_GROWTH (FIZEAU_ST_LIGHT_REFLECTOR - FIZEAU_ST_LIGHT_SENDER)

struct fizeau_st_sender {
	struct fizeau_st_sender_config config; /* without key */
	bool authenticated;
	size_t octets;	   /* payload of each packet */
	size_t padding_at; /* offset of the octets of padding, which end the packet */
	uint64_t padding_seed;
	struct fz_hmac256_key key;
};

static bool usable(const struct fizeau_st_sender_config *config)
{
	bool keyed = config->key.octets > 0;

	if (config->light && (keyed || config->ssid != 0 || config->tlvs != 0))
		return false;
	return keyed || !config->open_hmac_tlv;
}

struct fizeau_st_sender *fizeau_st_sender_new(const struct fizeau_st_sender_config *config)
{
	struct fz_reader seed = fz_reader_of(config->padding_seed, sizeof(config->padding_seed));
	bool authenticated = config->key.octets > 0 && !config->open_hmac_tlv;
	size_t at = config->light ? FIZEAU_ST_LIGHT_SENDER : fz_st_base(authenticated);
	struct fizeau_st_sender *sender;

	if (!config->light && config->padding_octets > 0)
		at += FZ_ST_TLV_HEADER;
	if (!usable(config) || config->padding_octets > FIZEAU_TEST_PACKET_MAX - at)
		return NULL;
	sender = calloc(1, sizeof(*sender));
	if (sender == NULL)
		return NULL;
	sender->config = *config;
	fizeau_wipe(&sender->config.key, sizeof(sender->config.key));
	sender->authenticated = authenticated;
	sender->padding_at = at;
	sender->octets = at + config->padding_octets;
	sender->padding_seed = fz_read_u64(&seed);
	if (config->key.octets > 0 && fz_hmac256_key_init(&sender->key, &config->key) < 0) {
		fizeau_st_sender_free(sender);
		return NULL;
	}
	return sender;
}

void fizeau_st_sender_free(struct fizeau_st_sender *sender)
{
	if (sender == NULL)
		return;
	fizeau_wipe(&sender->key, sizeof(sender->key));
	free(sender);
}

size_t fizeau_st_sender_octets(const struct fizeau_st_sender *sender)
{
	return sender->octets;
}

/*= rfc8972#section-4.1 SX-4.1-01 SX-4.1-02 */
static void put_padding(const struct fizeau_st_sender *sender, uint32_t seq, uint8_t *buf)
{
	size_t len = sender->config.padding_octets;

	if (len == 0)
		return;
	if (!sender->config.light)
		fz_st_tlv_put(buf + sender->padding_at - FZ_ST_TLV_HEADER, FIZEAU_ST_EXTRA_PADDING, len);
	if (sender->config.zero_padding)
		memset(buf + sender->padding_at, 0, len);
	else
		fz_padding_put(sender->padding_seed, seq, buf + sender->padding_at, len);
}

/*= rfc8762#section-4.2.1 ST-4.2.1-01 */
/*= rfc8972#section-3 SX-3-03 */
int fizeau_st_sender_prepare(struct fizeau_st_sender *sender, uint32_t seq, uint8_t *buf)
{
	size_t base = sender->config.light ? FIZEAU_ST_LIGHT_SENDER : fz_st_base(sender->authenticated);

	fz_st_put(buf, base, sender->authenticated, &(struct fz_st_packet){.seq = seq, .ssid = sender->config.ssid});
	put_padding(sender, seq, buf);
	return 0;
}

int fizeau_st_sender_finish(struct fizeau_st_sender *sender, uint8_t *buf, struct fizeau_stamp stamp)
{
	(void)fz_st_put_stamp(buf, sender->authenticated, &sender->config.format, stamp);
	if (sender->authenticated)
		return fz_hmac256_of(&sender->key, buf, FZ_ST_COVERED, NULL, 0, buf + FZ_ST_COVERED);
	return 0;
}

/* Reflections of TWAMP Light may be shorter than a base packet, and longer than what was sent. */
static bool length_fits(const struct fizeau_st_sender *sender, size_t len)
{
	if (sender->authenticated)
		return len >= FIZEAU_ST_BASE_AUTHENTICATED && len <= sender->octets;
	return len >= FIZEAU_ST_LIGHT_REFLECTOR &&
		(len <= FIZEAU_ST_BASE_OPEN || len <= sender->octets + LIGHT_GROWTH);
}

/*= rfc8762#section-4.2.1 ST-4.2.1-05 */
static int convert(
	const struct fizeau_st_sender *sender, const struct fz_st_packet *packet, struct fizeau_reflection *base)
{
	const struct fizeau_stamp_format *format = &sender->config.format;

	*base = (struct fizeau_reflection){
		.seq = packet->seq,
		.sender_seq = packet->sender_seq,
		.sender_error = packet->sender_error,
		.reflector_error = packet->error,
		.sender_ttl = packet->ttl,
	};
	if (!fizeau_error_estimate_valid(packet->error) ||
		fz_st_ntp(format, packet->sender_error, packet->sender_stamp, &base->sender_ntp) < 0 ||
		fz_st_ntp(format, packet->error, packet->receive_stamp, &base->receive_ntp) < 0)
		return FIZEAU_ERR_ESTIMATE;
	return fz_st_ntp(format, packet->error, packet->stamp, &base->reflect_ntp);
}

/*= rfc8762#section-4.4 ST-4.4-03 */
/*= rfc8972#section-3 SX-3-08 */
int fizeau_st_sender_reflection(struct fizeau_st_sender *sender, const uint8_t *octets, size_t len,
	struct fizeau_st_reflection *reflection)
{
	struct fz_st_packet packet;
	int error = 0;

	if (!length_fits(sender, len))
		return FIZEAU_ERR_LENGTH;
	if (sender->authenticated)
		error = fz_hmac256_check(&sender->key, octets, FZ_ST_COVERED, NULL, 0, octets + FZ_ST_COVERED);
	if (error < 0)
		return error;
	fz_st_get(octets, len, sender->authenticated, &packet);
	*reflection = (struct fizeau_st_reflection){0};
	/* What stands there in a session without SSID is the reflector's affair. */
	if (sender->config.ssid != 0) {
		reflection->ssid = packet.ssid;
		if (packet.ssid != 0 && packet.ssid != sender->config.ssid)
			return FIZEAU_ERR_SSID;
	}
	return convert(sender, &packet, &reflection->base);
}
