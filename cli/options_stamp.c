/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>
#include <fizeau/st.h>
#include "io/dscp.h"
#include "options_stamp.h"
#include "options_table.h"

#define LIST_OCTETS 256
#define ACCESS_TIMEOUT_MAX_NS 3600000000000
#define TLV_NAMES "location, timestamp-information, class-of-service[=DSCP], direct-measurement, follow-up, " \
	"access-report=ID:CODE and hmac"

static bool refuse(char error[static 512], const char *option, const char *value, const char *allowed)
{
	snprintf(error, 512, "%s %.256s: %s", option, value, allowed);
	return false;
}

/* "ID:CODE" */
static bool set_access(struct fz_stamp_options *options, const char *value)
{
	const char *colon = strchr(value, ':');
	uint64_t id, code;
	char text[8];

	if (colon == NULL || (size_t)(colon - value) >= sizeof(text))
		return false;
	snprintf(text, sizeof(text), "%.*s", (int)(colon - value), value);
	/*= rfc8972#section-4.6 SX-4.6-01 */
	if (!fz_value_number(text, FIZEAU_ST_ACCESS_3GPP, FIZEAU_ST_ACCESS_NON_3GPP, &id) ||
		!fz_value_number(colon + 1, 1, 255, &code))
		return false;
	options->access_id = (uint8_t)id;
	options->access_code = (uint8_t)code;
	return true;
}

/* One of the list: a name, perhaps with a value behind =, which is NULL without. */
static bool set_tlv(struct fz_stamp_options *options, const char *name, const char *value, char error[static 512])
{
	unsigned type = fizeau_st_tlv_from_name(name);

	if (type < FIZEAU_ST_LOCATION || type > FIZEAU_ST_HMAC)
		return refuse(error, "--tlv", name, "must be of " TLV_NAMES);
	if ((options->tlvs & FIZEAU_ST_TLV_BIT(type)) != 0)
		return refuse(error, "--tlv", name, "is there twice");
	options->tlvs |= FIZEAU_ST_TLV_BIT(type);
	if (type == FIZEAU_ST_ACCESS_REPORT)
		return (value != NULL && set_access(options, value)) || refuse(error, "--tlv", name,
			"takes =ID:CODE, of the access network (1 3GPP, 2 another) and its state (1 up, 2 down, up to 255)");
	options->class_given = options->class_given || (type == FIZEAU_ST_CLASS_OF_SERVICE && value != NULL);
	if (type == FIZEAU_ST_CLASS_OF_SERVICE && value != NULL)
		return fz_dscp_parse(value, &options->class_dscp) || refuse(error, "--tlv class-of-service", value,
			"must be a name (ef, af41, cs1, le) or 0 to 63");
	return value == NULL || refuse(error, "--tlv", name, "takes no value");
}

static bool set_tlvs(struct fz_stamp_options *options, const char *list, char error[static 512])
{
	char text[LIST_OCTETS], *at = text, *next;

	if (strlen(list) >= sizeof(text))
		return refuse(error, "--tlv", list, "is too long");
	snprintf(text, sizeof(text), "%s", list);
	options->tlvs = 0;
	for (; at != NULL; at = next) {
		char *value;

		next = strchr(at, ',');
		if (next != NULL)
			*next++ = '\0';
		value = strchr(at, '=');
		if (value != NULL)
			*value++ = '\0';
		if (!set_tlv(options, at, value, error))
			return false;
	}
	return true;
}

static bool set_ssid(struct fz_stamp_options *options, const char *value, char error[static 512])
{
	uint64_t number;

	if (!fz_value_number(value, 0, UINT16_MAX, &number))
		return refuse(error, "--ssid", value, "must be 1 to 65535, or 0 for none");
	options->ssid = (uint16_t)number;
	options->ssid_given = true;
	return true;
}

/*= rfc8972#section-4.6 SX-4.6-03 */
static bool set_access_retries(struct fz_stamp_options *options, const char *value, char error[static 512])
{
	uint64_t number;

	if (!fz_value_number(value, 0, 100, &number))
		return refuse(error, "--access-retries", value, "must be 0 to 100");
	options->access_retries = (uint32_t)number;
	return true;
}

bool fz_options_set_stamp(struct fz_stamp_options *options, int option, const char *value, char error[static 512])
{
	switch (option) {
	case FZ_OPTION_LIGHT:
		options->light = true;
		return true;
	case FZ_OPTION_PTP:
		options->ptp = true;
		return true;
	case FZ_OPTION_SSID:
		return set_ssid(options, value, error);
	case FZ_OPTION_NEED_SSID:
		options->need_ssid = true;
		return true;
	case FZ_OPTION_TLV:
		return set_tlvs(options, value, error);
	case FZ_OPTION_ACCESS_TIMEOUT:
		return (fz_value_time(value, &options->access_timeout_ns) && options->access_timeout_ns > 0 &&
			options->access_timeout_ns <= ACCESS_TIMEOUT_MAX_NS) ||
			refuse(error, "--access-timeout", value, "must be a time like 3s, at most 1h (units ns us ms s m h)");
	default:
		return set_access_retries(options, value, error);
	}
}

static const char *check_light(const struct fz_measure_options *options)
{
	const struct fz_stamp_options *stamp = &options->stamp;

	if (options->key_id != NULL || options->ike != FZ_IKE_OFF)
		return "--light takes no key: TWAMP Light has no HMAC of STAMP's";
	if (stamp->tlvs != 0)
		return "--light takes no --tlv: TWAMP Light knows no TLVs";
	if (stamp->ssid != 0 || stamp->need_ssid)
		return "--light takes no --ssid: TWAMP Light knows none";
	if (stamp->ptp)
		return "--light takes no --ptp: stamps of TWAMP Light are NTP's";
	return NULL;
}

const char *fz_options_check_stamp(const struct fz_measure_options *options)
{
	const struct fz_stamp_options *stamp = &options->stamp;

	if (stamp->light)
		return check_light(options);
	if (options->ike != FZ_IKE_OFF && stamp->ssid_given && stamp->ssid == 0)
		return "--ike needs a session identifier, which is part of the key: drop --ssid 0";
	if (stamp->need_ssid && stamp->ssid_given && stamp->ssid == 0)
		return "--need-ssid needs one: drop --ssid 0";
	if ((stamp->tlvs & FIZEAU_ST_TLV_BIT(FIZEAU_ST_HMAC)) != 0 && options->key_id == NULL && options->ike == FZ_IKE_OFF)
		return "--tlv hmac needs a key: --keyid ID with --keys FILE";
	return NULL;
}
