/* SPDX-License-Identifier: MIT */
#include <fizeau/st_sender.h>

#include <stdlib.h>
#include <string.h>
#include "lib/base/buf.h"
#include "lib/base/padding.h"
#include "lib/proto/st_ask.h"
#include "lib/proto/st_cover.h"
#include "lib/wire/st_packet.h"
#include "lib/wire/st_tlv.h"

/* Octets by which a reflection of TWAMP Light is longer that does not shorten the padding. */
#define LIGHT_GROWTH (FIZEAU_ST_LIGHT_REFLECTOR - FIZEAU_ST_LIGHT_SENDER)

struct fizeau_st_sender {
	struct fizeau_st_sender_config config; /* without key */
	bool keyed, authenticated;
	size_t octets;	   /* payload of each packet */
	size_t base;	   /* offset of the TLVs */
	size_t hmac_at;	   /* of the HMAC TLV; 0: there is none */
	size_t padding_at; /* of the octets of padding, which end the packet */
	bool without_report;
	uint64_t padding_seed;
	struct fz_hmac256_key key;
};

#define DSCP_MAX 63
#define ACCESS_ID_MAX 15

static bool usable(const struct fizeau_st_sender_config *config)
{
	bool keyed = config->key.octets > 0;

	if (config->light && (keyed || config->ssid != 0 || config->tlvs != 0))
		return false;
	if ((config->tlvs & ~FZ_ST_ASKABLE) != 0 || config->dscp > DSCP_MAX || config->access_id > ACCESS_ID_MAX)
		return false;
	return (keyed || !config->open_hmac_tlv) && config->padding_octets <= FIZEAU_TEST_PACKET_MAX;
}

/* Where what is in a packet. TLVs, the HMAC TLV if it has to be, Extra Padding. */
/*= rfc8972#section-4.8 SX-4.8-01 SX-4.8-02 SX-4.8-06 */
static void lay_out(struct fizeau_st_sender *sender)
{
	const struct fizeau_st_sender_config *config = &sender->config;
	size_t at;

	sender->base = config->light ? FIZEAU_ST_LIGHT_SENDER : fz_st_base(sender->authenticated);
	at = sender->base + fz_st_ask_octets(config);
	if (sender->keyed && (config->tlvs != 0 || config->open_hmac_tlv)) {
		sender->hmac_at = at;
		at += FZ_ST_TLV_HEADER + FZ_ST_HMAC_OCTETS;
	}
	if (!config->light && config->padding_octets > 0)
		at += FZ_ST_TLV_HEADER;
	sender->padding_at = at;
	sender->octets = at + config->padding_octets;
}

struct fizeau_st_sender *fizeau_st_sender_new(const struct fizeau_st_sender_config *config)
{
	struct fz_reader seed = fz_reader_of(config->padding_seed, sizeof(config->padding_seed));
	struct fizeau_st_sender *sender;

	if (!usable(config))
		return NULL;
	sender = calloc(1, sizeof(*sender));
	if (sender == NULL)
		return NULL;
	sender->config = *config;
	fizeau_wipe(&sender->config.key, sizeof(sender->config.key));
	sender->keyed = config->key.octets > 0;
	sender->authenticated = sender->keyed && !config->open_hmac_tlv;
	sender->padding_seed = fz_read_u64(&seed);
	lay_out(sender);
	if (sender->octets > FIZEAU_TEST_PACKET_MAX ||
		(sender->keyed && fz_hmac256_key_init(&sender->key, &config->key) < 0)) {
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

void fizeau_st_sender_report(struct fizeau_st_sender *sender, bool carried)
{
	sender->without_report = !carried && (sender->config.tlvs & FIZEAU_ST_TLV_BIT(FIZEAU_ST_ACCESS_REPORT)) != 0;
}

/* All packets of a session have the same length. */
static void put_no_report(const struct fizeau_st_sender *sender, uint8_t *tlvs)
{
	struct fizeau_st_sender_config before = {
		.tlvs = sender->config.tlvs & (FIZEAU_ST_TLV_BIT(FIZEAU_ST_ACCESS_REPORT) - 1)};
	uint8_t *report = tlvs + fz_st_ask_octets(&before);

	fz_st_tlv_put(report, FIZEAU_ST_EXTRA_PADDING, FZ_ST_ACCESS_REPORT_OCTETS);
	memset(report + FZ_ST_TLV_HEADER, 0, FZ_ST_ACCESS_REPORT_OCTETS);
}

/*= rfc8762#section-4.2.1 ST-4.2.1-01 */
/*= rfc8972#section-3 SX-3-03 */
int fizeau_st_sender_prepare(struct fizeau_st_sender *sender, uint32_t seq, uint8_t *buf)
{
	const struct fz_st_packet packet = {.seq = seq, .ssid = sender->config.ssid};

	fz_st_put(buf, sender->base, sender->authenticated, &packet);
	fz_st_ask_put(&sender->config, seq + 1, buf + sender->base);
	if (sender->without_report)
		put_no_report(sender, buf + sender->base);
	put_padding(sender, seq, buf);
	if (sender->hmac_at == 0)
		return 0;
	fz_st_tlv_put(buf + sender->hmac_at, FIZEAU_ST_HMAC, FZ_ST_HMAC_OCTETS);
	return fz_st_cover(&sender->key, buf, sender->base, sender->hmac_at);
}

int fizeau_st_sender_finish(struct fizeau_st_sender *sender, uint8_t *buf, struct fizeau_stamp stamp)
{
	(void)fz_st_put_stamp(buf, sender->authenticated, &sender->config.format, stamp);
	if (sender->authenticated)
		return fz_st_base_cover(&sender->key, buf);
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

/* A reflector that does not know SSIDs knows no TLVs. Without an SSID it is the length that tells: where that is not what
   was sent, padding may have moved. */
/*= rfc8972#section-4 SX-4-07 */
/*= rfc8972#section-4.8 SX-4.8-04 SX-4.8-05 */
static int read_tlvs(
	const struct fizeau_st_sender *sender, const uint8_t *octets, size_t len, struct fizeau_st_reflection *reflection)
{
	size_t hmac_at;
	int error;

	if (sender->config.light || sender->octets == sender->base || len <= sender->base ||
		(sender->config.ssid != 0 ? reflection->ssid == 0 : len != sender->octets))
		return 0;
	if (!fz_st_ask_flags(octets, sender->base, len, reflection))
		return 0;
	error = fz_st_cover_check(sender->keyed ? &sender->key : NULL, octets, sender->base, len, &hmac_at);
	if (error == FIZEAU_ERR_HMAC) {
		reflection->hmac_failed = true;
		return 0;
	}
	if (error == 0)
		fz_st_ask_get(&sender->config.format, octets, sender->base, len, reflection);
	return error;
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
		error = fz_st_base_check(&sender->key, octets);
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
	error = convert(sender, &packet, &reflection->base);
	return error < 0 ? error : read_tlvs(sender, octets, len, reflection);
}
