/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>
#include "twamp_features.h"
#include "values.h"

#define REFLECT_LENGTH 8 /* where neither it nor the padding is given */

static uint32_t feature_of(const char *name, size_t len)
{
	for (uint32_t bit = 1; bit <= FIZEAU_MODE_FEATURES; bit <<= 1) {
		const char *known = fizeau_feature_name(bit);

		if (known != NULL && strlen(known) == len && memcmp(known, name, len) == 0)
			return bit;
	}
	return 0;
}

/* What stands behind a name: "=8" behind that of reflect octets, and nothing behind the others. */
static bool parse_length(const char *text, size_t len, uint32_t feature, struct fz_feature_wish *wish)
{
	char digits[8];
	uint64_t number;

	if (len == 0)
		return true;
	if (feature != FIZEAU_MODE_REFLECT_OCTETS || len > sizeof(digits))
		return false;
	memcpy(digits, text + 1, len - 1);
	digits[len - 1] = '\0';
	if (!fz_value_number(digits, 1, FZ_REFLECT_LENGTH_MAX, &number))
		return false;
	wish->reflect_length = (uint16_t)number;
	return true;
}

bool fz_features_parse(const char *text, struct fz_feature_wish *wish)
{
	struct fz_feature_wish parsed = {0};

	while (true) {
		size_t len = strcspn(text, ","), name = strcspn(text, ",=");
		uint32_t feature = feature_of(text, name);

		if (feature == 0 || (parsed.modes & feature) != 0 || !parse_length(text + name, len - name, feature, &parsed))
			return false;
		parsed.modes |= feature;
		text += len;
		if (*text == '\0')
			break;
		text++;
	}
	*wish = parsed;
	return true;
}

void fz_features_text(uint32_t modes, char text[static FZ_FEATURES_TEXT])
{
	size_t at = 0;

	snprintf(text, FZ_FEATURES_TEXT, "none");
	for (uint32_t bit = 1; bit <= FIZEAU_MODE_FEATURES && at < FZ_FEATURES_TEXT; bit <<= 1) {
		const char *name = (modes & bit) != 0 ? fizeau_feature_name(bit) : NULL;

		if (name != NULL)
			at += (size_t)snprintf(text + at, FZ_FEATURES_TEXT - at, "%s%s", at > 0 ? ", " : "", name);
	}
}

uint16_t fz_features_reflect_length(const struct fz_feature_wish *wish, enum fizeau_test_mode mode, bool padding_given,
	uint32_t padding_octets)
{
	uint32_t least = fizeau_test_padding_least(mode, wish->modes, 0), length = REFLECT_LENGTH;

	if ((wish->modes & FIZEAU_MODE_REFLECT_OCTETS) == 0)
		return 0;
	if (wish->reflect_length > 0)
		return wish->reflect_length;
	if (padding_given)
		length = padding_octets > least ? padding_octets - least : 0;
	return (uint16_t)(length < FZ_REFLECT_LENGTH_MAX ? length : FZ_REFLECT_LENGTH_MAX);
}

/*= rfc5357#section-4.1.2 TW-4.1.2-02 */
/*= rfc6038#section-4.2 RO-4.2-05 RO-4.2-06 RO-4.2-07 RO-4.2-08 RO-4.2-09 */
/*= rfc6038#section-5.1.3 RO-5.1.3-01 RO-5.1.3-02 */
/*= rfc7750#section-2.2.2 DE-2.2.2-01 */
uint32_t fz_features_padding(const struct fz_feature_wish *wish, enum fizeau_test_mode mode)
{
	if (mode != FIZEAU_TEST_OPEN && (wish->modes & FIZEAU_MODE_REFLECT_OCTETS) == 0)
		return 0;
	return fizeau_test_padding_least(mode, wish->modes, fz_features_reflect_length(wish, mode, false, 0));
}

void fz_features_see(struct fz_features_seen *seen, const struct fizeau_reflection *reflection, uint8_t traffic_class)
{
	seen->forward[reflection->sender_tos]++;
	seen->backward[traffic_class]++;
	if (reflection->padding_came_back)
		seen->came_back++;
	else
		seen->altered++;
	if (fizeau_error_estimate_ptp(reflection->reflector_error))
		seen->ptp++;
}
