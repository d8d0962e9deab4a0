/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include "json_parts.h"
#include "out_features.h"

static bool tells(const struct fz_result_session *session, uint32_t feature)
{
	return session->seen != NULL && (session->features.modes & feature) != 0;
}

json_t *fz_json_features(uint32_t modes)
{
	json_t *list = json_array();

	for (uint32_t bit = 1; bit <= FIZEAU_MODE_FEATURES; bit <<= 1) {
		const char *name = (modes & bit) != 0 ? fizeau_feature_name(bit) : NULL;

		if (name != NULL)
			json_array_append_new(list, json_string(name));
	}
	return list;
}

json_t *fz_json_reflect_octets(const struct fz_result_session *session)
{
	const struct fizeau_test_features *features = &session->features;
	json_t *object;

	if (!tells(session, FIZEAU_MODE_REFLECT_OCTETS))
		return json_null();
	object = json_object();
	json_object_set_new(object, "length", fz_json_number(features->reflect_length));
	json_object_set_new(object, "server_octets", fz_json_valid_number(features->server_octets != 0, features->server_octets));
	json_object_set_new(object, "came_back", fz_json_number(session->seen->came_back));
	json_object_set_new(object, "altered", fz_json_number(session->seen->altered));
	return object;
}

static json_t *type_p(const uint64_t packets[static 256])
{
	json_t *list = json_array();

	for (unsigned int tos = 0; tos < 256; tos++) {
		json_t *one;

		if (packets[tos] == 0)
			continue;
		one = json_object();
		json_object_set_new(one, "dscp", fz_json_number(tos >> 2));
		json_object_set_new(one, "ecn", fz_json_number(tos & 3));
		json_object_set_new(one, "packets", fz_json_number(packets[tos]));
		json_array_append_new(list, one);
	}
	return list;
}

json_t *fz_json_dscp_ecn(const struct fz_result_session *session)
{
	json_t *object;

	if (!tells(session, FIZEAU_MODE_DSCP_ECN))
		return json_null();
	object = json_object();
	json_object_set_new(object, "forward", type_p(session->seen->forward));
	json_object_set_new(object, "backward", type_p(session->seen->backward));
	return object;
}

json_t *fz_json_ptp(const struct fz_result_session *session)
{
	json_t *object;

	if (!tells(session, FIZEAU_MODE_PTP))
		return json_null();
	object = json_object();
	json_object_set_new(object, "reflections", fz_json_number(session->seen->ptp));
	json_object_set_new(object, "tai_utc_s", json_integer(session->features.tai_utc_s));
	return object;
}

static void put_type_p(const char *direction, const uint64_t packets[static 256], FILE *out)
{
	static const char *const ecn[] = {"not-ect", "ect1", "ect0", "ce"};
	const char *separator = " ";

	fprintf(out, "%s", direction);
	for (unsigned int tos = 0; tos < 256; tos++) {
		if (packets[tos] == 0)
			continue;
		fprintf(out, "%sdscp %u %s in %" PRIu64, separator, tos >> 2, ecn[tos & 3], packets[tos]);
		separator = ", ";
	}
	if (*separator == ' ')
		fputs(" none came", out);
}

void fz_put_features(const struct fz_result_session *session, FILE *out)
{
	const struct fz_features_seen *seen = session->seen;

	if (tells(session, FIZEAU_MODE_DSCP_ECN)) {
		put_type_p("type: forward", seen->forward, out);
		put_type_p("; backward", seen->backward, out);
		fputc('\n', out);
	}
	if (tells(session, FIZEAU_MODE_REFLECT_OCTETS)) {
		fprintf(out, "padding: %u octets came back unchanged in %" PRIu64 " reflections",
			session->features.reflect_length, seen->came_back);
		if (seen->altered > 0)
			fprintf(out, ", altered in %" PRIu64, seen->altered);
		if (session->features.server_octets != 0)
			fprintf(out, "; the server's octets: 0x%04x", session->features.server_octets);
		fputc('\n', out);
	}
	if (tells(session, FIZEAU_MODE_PTP))
		fprintf(out, "format: PTP in %" PRIu64 " reflections, TAI less UTC %d s\n", seen->ptp,
			(int)session->features.tai_utc_s);
}
