/* SPDX-License-Identifier: MIT */
/* fizeau stamp: a STAMP session with a reflector, or with several (targets.c) one with each. There is nothing to set up but
   a socket: what the reflector is like shows in its reflections. */
#include <errno.h>
#include <string.h>
#include <sys/random.h>
#include "stamp.h"
#include "stamp_ike.h"
#include "targets.h"
#include "twoway.h"

#define LEAD_NS 1000000 /* to the first packet */

size_t fz_stamp_octets_max(const struct fz_measure_options *options)
{
	/* More than all TLVs there are, and than what TWAMP Light's reflections are longer than its packets. */
	return FIZEAU_ST_BASE_AUTHENTICATED + 256 + fz_stamp_padding(options);
}

/* The passphrase is the HMAC key. */
/*= rfc8762#section-4.4 ST-4.4-02 */
static bool use_passphrase(struct fz_measurement *measurement, struct fizeau_st_key *key)
{
	const struct fz_measure_options *options = measurement->options;
	uint8_t key_id[FIZEAU_KEYID_OCTETS];
	const uint8_t *passphrase = fz_key_id_from_text(options->key_id, key_id)
		? fz_passphrases_find(measurement->passphrases, key_id, &key->octets)
		: NULL;

	if (passphrase == NULL || key->octets > sizeof(key->key)) {
		fz_measurement_fail(measurement, FZ_FAULT_KEYING,
			"the passphrase of KeyID %s has more than %zu octets: STAMP's HMAC key may not", options->key_id,
			sizeof(key->key));
		key->octets = 0;
		return false;
	}
	memcpy(key->key, passphrase, key->octets);
	measurement->setup.key = (struct fz_result_key){.source = FZ_KEY_PASSPHRASE, .key_id = options->key_id};
	return true;
}

/* Where a session's key comes from: an IKE SA goes before a passphrase. */
static bool find_key(struct fz_measurement *measurement, uint16_t ssid, struct fizeau_st_key *key)
{
	const struct fz_measure_options *options = measurement->options;
	bool packets = (options->stamp.tlvs & FIZEAU_ST_TLV_BIT(FIZEAU_ST_HMAC)) == 0;

	if (options->ike != FZ_IKE_OFF && !fz_stamp_ike(measurement, ssid, key))
		return false;
	if (key->octets == 0 && options->key_id != NULL && !use_passphrase(measurement, key))
		return false;
	measurement->setup.mode = key->octets > 0 && packets ? FIZEAU_MODE_AUTHENTICATED : FIZEAU_MODE_OPEN;
	return true;
}

static bool prepare(struct fz_twoway *twoway, const struct fizeau_st_key *key, uint16_t ssid)
{
	struct fz_measurement *measurement = &twoway->measurement;
	uint8_t seed[FIZEAU_SID_OCTETS];
	struct fz_test_packets maker;
	int rc;

	if (getrandom(seed, sizeof(seed), 0) != (ssize_t)sizeof(seed)) {
		fz_measurement_fail(measurement, FZ_FAULT_LOCAL, "no random numbers");
		return false;
	}
	rc = fz_stamp_new(measurement->options, key, ssid, &twoway->test, &twoway->stamp, &maker);
	if (rc >= 0)
		rc = fz_test_accept(&twoway->test, &maker, seed, &measurement->setup.control.peer);
	if (rc == FIZEAU_ERR_LENGTH)
		fz_measurement_fail(measurement, FZ_FAULT_LOCAL, "the packets would be longer than a datagram: less --padding");
	else if (rc < 0)
		fz_measurement_fail(measurement, FZ_FAULT_LOCAL, "the test packets cannot be made: %s", fizeau_strerror(rc));
	return rc >= 0;
}

bool fz_stamp_set_up(struct fz_twoway *twoway, const struct fz_phase *phase, uint16_t ssid)
{
	struct fz_measurement *measurement = &twoway->measurement;
	struct fizeau_st_key key = {.octets = 0};
	/* Only the time is wanted, and the command's clock is another thread's. */
	struct fz_clock clock = {0};
	struct fizeau_mono now;
	uint64_t now_ntp;
	bool good = fz_measurement_find(measurement) && find_key(measurement, ssid, &key) &&
		fz_twoway_open(twoway, fz_stamp_octets_max(measurement->options)) && prepare(twoway, &key, ssid);

	fizeau_wipe(&key, sizeof(key));
	if (!good)
		return false;
	now = fz_clock_mono();
	now_ntp = fz_clock_wall(&clock).ntp;
	twoway->begin = fz_phase_next(phase, (struct fizeau_mono){now.ns + LEAD_NS});
	twoway->unix_less_mono_ns = fizeau_ntp_to_unix_ns(now_ntp, now_ntp) - now.ns;
	twoway->session.facts.padding_octets = fz_stamp_padding(measurement->options);
	fz_explain(measurement->options->verbose, "session with %s, SSID %u, %u packets of %zu octets",
		measurement->setup.host, ssid, twoway->test.config.count, twoway->test.maker.octets);
	return true;
}

/* What a person can do about reflections of which none counted. */
static const char *remedy_for(const struct fz_twoway *twoway)
{
	const struct fz_discards *discards = &twoway->test.discards;
	const struct fz_stamp_options *options = &twoway->measurement.options->stamp;

	if (discards->stamp_format > 0)
		return options->ptp ? "its stamps are NTP's, though its packets say PTPv2: measure without --ptp"
				    : "its stamps are PTPv2's, though its packets say NTP: measure with --ptp";
	if (discards->ssid > 0 && options->need_ssid)
		return "it does not return the session identifier: measure without --need-ssid, or with --ssid 0";
	if (discards->ssid > 0)
		return "it puts something else in the place of the session identifier: measure with --ssid 0";
	if (discards->hmac > 0)
		return "both ends must have the same key";
	if (discards->length > 0)
		return options->light ? "they are too short: those of TWAMP Light have 41 octets at least"
				      : "they are too short: it may be of TWAMP Light (--light), or have no key";
	if (discards->error_estimate > 0)
		return "a Multiplier of 0 in the Error Estimate says that its stamps are void";
	if (discards->foreign_source > 0)
		return "they came from another address or port than the packets went to";
	if (discards->unknown_number > 0)
		return "they answer packets that were not sent";
	return NULL;
}

/*= rfc8762#section-4.4 ST-4.4-03 */
void fz_stamp_judge(struct fz_twoway *twoway)
{
	const struct fz_measurement *measurement = &twoway->measurement;
	const char *remedy = remedy_for(twoway);
	struct fz_udp_counters counters;
	char peer[FZ_ADDR_TEXT];

	fz_udp_counters(twoway->test.udp, &counters);
	fz_addr_text(&measurement->setup.control.peer, peer);
	if (twoway->session.summary.received > 0 || twoway->session.summary.late > 0)
		return;
	if (remedy != NULL)
		fz_measurement_fail(measurement, FZ_FAULT_DISCARDED, "no reflection of %s could be used: %s", peer, remedy);
	else if (counters.icmp > 0 && counters.icmp_error == ECONNREFUSED)
		fz_measurement_fail(measurement, FZ_FAULT_UNREACHABLE, "nothing listens at UDP port %u of %s (ICMP port "
			"unreachable): start a reflector there, or give its port: HOST:PORT",
			fz_addr_port(&measurement->setup.control.peer), measurement->setup.host);
	else if (counters.icmp > 0)
		fz_measurement_fail(measurement, FZ_FAULT_UNREACHABLE, "packets do not reach %s (ICMP: %s)", peer,
			fizeau_strerror(-counters.icmp_error));
	else
		fz_measurement_fail(measurement, FZ_FAULT_LOST, "no packet came back from %s: UDP may be filtered on the way, "
			"or its reflector has no session for this host%s", peer,
			measurement->setup.key.source != FZ_KEY_NONE ? " or another key" : "");
}

static int measure(struct fz_command *command)
{
	const struct fz_stamp_options *options = &command->options.stamp;

	if (options->ssid_given && options->ssid != 0 && options->ssid + command->targets.count - 1 > UINT16_MAX) {
		fz_complain("--ssid %u: each target has one of its own, and %zu do not fit below 65536", options->ssid,
			command->targets.count);
		return FZ_EXIT_USAGE;
	}
	return fz_targets_measure(command);
}

/*= rfc8762#section-4.1 ST-4.1-01 ST-4.1-02 */
int fz_cmd_stamp(int argc, char **argv)
{
	return fz_command_run(FZ_STAMP, argc, argv, measure);
}
