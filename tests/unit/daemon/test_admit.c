/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "daemon/admit.h"

static struct fz_conf *conf_of(const char *const *lines)
{
	struct fz_conf *conf = fz_conf_new();
	char error[FZ_CONF_ERROR_MAX];

	assert_non_null(conf);
	for (; *lines; lines++) {
		if (!fz_conf_line(conf, *lines, error))
			fail_msg("%s: %s", *lines, error);
	}
	if (!fz_conf_finish(conf, error))
		fail_msg("%s", error);
	return conf;
}

static struct fz_addr host(const char *text)
{
	struct fz_addr addr;

	assert_true(fz_addr_parse(text, &addr));
	return addr;
}

static const struct fz_identity nobody = {.source = FZ_KEY_NONE};

static struct fz_identity key_id(const char *text)
{
	struct fz_identity identity = {.source = FZ_KEY_PASSPHRASE};

	strncpy(identity.key_id, text, sizeof(identity.key_id) - 1);
	return identity;
}

static struct fz_identity ike_id(const char *text)
{
	struct fz_identity identity = {.source = FZ_KEY_IKEV2};

	strncpy(identity.peer_id, text, sizeof(identity.peer_id) - 1);
	return identity;
}

static const char *class_of(const struct fz_conf *conf, const char *address, const struct fz_identity *identity)
{
	struct fz_addr peer = host(address);
	const struct fz_class *c = fz_admit_class(conf, &peer, identity);

	return c ? c->name : "";
}

/*= rfc4656#section-6.5 OW-6.5-02 */
static void first_match_wins(void **state)
{
	static const char *const lines[] = {"class ops ike-id \"CN=*, O=Good\"", "class staff keyid staff-*",
		"class inside net 192.0.2.128/25 open", "class inside net 2001:db8:8000::/33", "class guests open",
		"class keyed net 198.51.100.0/24", NULL};
	struct fz_conf *conf = conf_of(lines);
	struct fz_identity good = ike_id("CN=gw, O=Good"), bad = ike_id("CN=gw, O=Bad"), unknown = ike_id("");
	struct fz_identity staff = key_id("staff-1"), alice = key_id("alice");

	(void)state;
	assert_string_equal(class_of(conf, "192.0.2.200", &good), "ops");
	assert_string_equal(class_of(conf, "192.0.2.200", &staff), "staff");
	assert_string_equal(class_of(conf, "192.0.2.200", &nobody), "inside");
	assert_string_equal(class_of(conf, "192.0.2.127", &nobody), "guests");
	/* Both matches of a line have to hold. */
	assert_string_equal(class_of(conf, "192.0.2.200", &alice), "");
	assert_string_equal(class_of(conf, "2001:db8:8000::1", &alice), "inside");
	assert_string_equal(class_of(conf, "2001:db8:7fff::1", &alice), "");
	assert_string_equal(class_of(conf, "198.51.100.9", &bad), "keyed");
	assert_string_equal(class_of(conf, "203.0.113.9", &bad), "");
	/* The name of a passphrase is not an IKE identity, nor the other way round. */
	struct fz_identity posing = key_id("CN=gw, O=Good"), turned = ike_id("staff-1");
	assert_string_equal(class_of(conf, "203.0.113.9", &posing), "");
	assert_string_equal(class_of(conf, "203.0.113.9", &turned), "");
	assert_string_equal(class_of(conf, "203.0.113.9", &unknown), "");
	fz_conf_release(conf);
}

static void unknown_identity_matches_no_glob(void **state)
{
	static const char *const lines[] = {"class any-ike ike-id *", NULL};
	struct fz_conf *conf = conf_of(lines);
	struct fz_identity unknown = ike_id(""), known = ike_id("x");

	(void)state;
	assert_string_equal(class_of(conf, "192.0.2.1", &unknown), "");
	assert_string_equal(class_of(conf, "192.0.2.1", &known), "any-ike");
	fz_conf_release(conf);
}

static void early(void **state)
{
	static const char *const lines[] = {"class black net 192.0.2.66", "class ops net 198.51.100.0/24 ike-id *",
		"class rest any", NULL};
	struct fz_conf *conf = conf_of(lines);
	struct fz_addr black = host("192.0.2.66"), perhaps = host("198.51.100.1"), rest = host("203.0.113.1");
	bool later;

	(void)state;
	assert_string_equal(fz_admit_class_early(conf, &black, &later)->name, "black");
	assert_false(later);
	assert_null(fz_admit_class_early(conf, &perhaps, &later));
	assert_true(later);
	assert_string_equal(fz_admit_class_early(conf, &rest, &later)->name, "rest");
	assert_false(later);
	fz_conf_release(conf);
}

/*= rfc4656#section-6.5 OW-6.5-01 */
static void limits(void **state)
{
	static const char *const lines[] = {"limit anyone connections 3", "limit anyone peer-connections 2",
		"limit anyone sessions 2", "limit anyone modes open,mixed", NULL};
	struct fz_conf *conf = conf_of(lines);
	const struct fz_class *c = &conf->classes[0];
	struct fz_admit *admit = fz_admit_new(7);
	struct fz_addr a = host("192.0.2.1"), b = host("192.0.2.2"), d = host("2001:db8::1");
	struct fz_place places[4], sessions[3];
	enum fz_counter counter;
	uint32_t connections, in_use;

	(void)state;
	assert_int_equal(fz_admit_connection(admit, NULL, &a, FIZEAU_MODE_OPEN, &places[0], &counter), 1);
	assert_int_equal(counter, FZ_COUNT_REFUSED_DENY);
	assert_int_equal(fz_admit_connection(admit, c, &a, FIZEAU_MODE_ENCRYPTED, &places[0], &counter), 3);
	assert_int_equal(counter, FZ_COUNT_REFUSED_MODES);
	assert_int_equal(fz_admit_connection(admit, c, &a, FIZEAU_MODE_OPEN, &places[0], &counter), 0);
	assert_int_equal(fz_admit_connection(admit, c, &a, FIZEAU_MODE_MIXED, &places[1], &counter), 0);
	/* Two of one address, three in all. */
	assert_int_equal(fz_admit_connection(admit, c, &a, FIZEAU_MODE_OPEN, &places[2], &counter), 5);
	assert_int_equal(counter, FZ_COUNT_REFUSED_CONNECTIONS);
	fz_admit_leave(admit, &places[2]); /* a refused one holds no place */
	assert_int_equal(fz_admit_connection(admit, c, &b, FIZEAU_MODE_OPEN, &places[2], &counter), 0);
	assert_int_equal(fz_admit_connection(admit, c, &d, FIZEAU_MODE_OPEN, &places[3], &counter), 5);
	fz_admit_leave(admit, &places[0]);
	fz_admit_leave(admit, &places[0]); /* twice is once */
	assert_int_equal(fz_admit_connection(admit, c, &d, FIZEAU_MODE_OPEN, &places[3], &counter), 0);
	assert_int_equal(fz_admit_session(admit, c, &a, &sessions[0], &counter), 0);
	assert_int_equal(fz_admit_session(admit, c, &b, &sessions[1], &counter), 0);
	assert_int_equal(fz_admit_session(admit, c, &d, &sessions[2], &counter), 5);
	assert_int_equal(counter, FZ_COUNT_REQUEST_SESSIONS);
	fz_admit_in_use(admit, "anyone", &connections, &in_use);
	assert_int_equal(connections, 3);
	assert_int_equal(in_use, 2);
	for (size_t i = 1; i < 4; i++)
		fz_admit_leave(admit, &places[i]);
	fz_admit_leave(admit, &sessions[0]);
	fz_admit_leave(admit, &sessions[1]);
	fz_admit_in_use(admit, "anyone", &connections, &in_use);
	assert_int_equal(connections, 0);
	assert_int_equal(in_use, 0);
	fz_admit_free(admit);
	fz_conf_release(conf);
}

static void denied(void **state)
{
	static const char *const lines[] = {"limit anyone deny", NULL};
	struct fz_conf *conf = conf_of(lines);
	struct fz_admit *admit = fz_admit_new(7);
	struct fz_addr a = host("192.0.2.1");
	struct fz_place place;
	enum fz_counter counter;

	(void)state;
	assert_int_equal(fz_admit_connection(admit, &conf->classes[0], &a, FIZEAU_MODE_OPEN, &place, &counter), 1);
	assert_int_equal(counter, FZ_COUNT_REFUSED_DENY);
	fz_admit_free(admit);
	fz_conf_release(conf);
}

static void texts(void **state)
{
	struct fz_identity ike = ike_id("CN=gw.example"), staff = key_id("staff-1");
	char text[FZ_IDENTITY_TEXT];

	(void)state;
	memcpy(ike.spi_i, "\x0f\x3c\0\0\0\0\0\x01", 8);
	memcpy(ike.spi_r, "\x99\xab\0\0\0\0\0\x02", 8);
	ike.prf = FIZEAU_PRF_HMAC_SHA2_256;
	ike.reading = FIZEAU_IKE_PBKDF2;
	fz_identity_text(&ike, text);
	assert_string_equal(text, "IKEv2 SA 0f3c000000000001/99ab000000000002 with CN=gw.example, "
				  "prf hmac-sha2-256, reading pbkdf2");
	fz_identity_text(&staff, text);
	assert_string_equal(text, "KeyID staff-1");
	fz_identity_text(&nobody, text);
	assert_string_equal(text, "no key");
}

/* Of a stored session: the same peer by another IKE_SA is the same, everybody else is somebody else. */
static void owners(void **state)
{
	struct fz_identity alice = key_id("alice"), named = ike_id("alice"), nameless = ike_id(""), other = ike_id("");
	char text[FZ_IDENTITY_OWNER + 1], again[FZ_IDENTITY_OWNER + 1];

	(void)state;
	fz_identity_owner(&nobody, text);
	assert_string_equal(text, "");
	fz_identity_owner(&alice, text);
	assert_string_equal(text, "keyid alice");
	fz_identity_owner(&named, text);
	named.spi_i[0] = 1;
	fz_identity_owner(&named, again);
	assert_string_equal(text, "ike-id alice");
	assert_string_equal(text, again);
	fz_identity_owner(&nameless, text);
	other.spi_r[7] = 1;
	fz_identity_owner(&other, again);
	assert_string_equal(text, "ike-sa 0000000000000000/0000000000000000");
	assert_string_equal(again, "ike-sa 0000000000000000/0000000000000001");
	/* As long as there is room for: it may go on. */
	memset(named.peer_id, 'x', sizeof(named.peer_id) - 1);
	fz_identity_owner(&named, text);
	assert_string_equal(text, "ike-sa 0100000000000000/0000000000000000");
	named.peer_id[254] = '\0';
	fz_identity_owner(&named, text);
	assert_int_equal(strlen(text), 7 + 254);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(owners),
		cmocka_unit_test(first_match_wins), cmocka_unit_test(unknown_identity_matches_no_glob),
		cmocka_unit_test(early), cmocka_unit_test(limits), cmocka_unit_test(denied), cmocka_unit_test(texts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
