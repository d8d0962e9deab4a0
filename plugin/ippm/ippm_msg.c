/* SPDX-License-Identifier: MIT */
#include "ippm_msg.h"

#include <string.h>

void ippm_msg_wipe(void *octets, size_t len)
{
	if (len)
		explicit_bzero(octets, len);
}

void ippm_msg_reader_init(struct ippm_msg_reader *r, char *buf, size_t size, struct ippm_msg_pair *pairs,
	size_t max_pairs)
{
	*r = (struct ippm_msg_reader){.buf = buf, .size = size, .pairs = pairs, .max_pairs = max_pairs};
}

static bool is_control(unsigned char c)
{
	return c < 0x20 || c == 0x7f;
}

static bool key_ok(const char *key)
{
	size_t len = strlen(key);

	return len > 0 && len <= IPPM_MSG_KEY_MAX && strspn(key, "abcdefghijklmnopqrstuvwxyz0123456789_") == len;
}

/* The line from r->line to the end is whole and ended by a zero: takes it apart in place. */
static enum ippm_msg_status take_line(struct ippm_msg_reader *r)
{
	char *key = r->buf + r->line, *equals = strchr(key, '=');

	if (!*key)
		return IPPM_MSG_COMPLETE;
	if (!equals)
		return IPPM_MSG_NO_EQUALS;
	*equals = '\0';
	if (!key_ok(key))
		return IPPM_MSG_BAD_KEY;
	if (r->count == r->max_pairs)
		return IPPM_MSG_TOO_MANY;
	r->pairs[r->count++] = (struct ippm_msg_pair){key, equals + 1};
	r->line = r->len;
	return IPPM_MSG_MORE;
}

static enum ippm_msg_status take_octet(struct ippm_msg_reader *r, char c)
{
	if (c != '\n' && is_control((unsigned char)c))
		return IPPM_MSG_CONTROL;
	if (c != '\n' && r->len - r->line == IPPM_MSG_LINE_MAX)
		return IPPM_MSG_LINE_LONG;
	if (r->len == r->size)
		return IPPM_MSG_TOO_LONG;
	r->buf[r->len++] = c == '\n' ? '\0' : c;
	return c == '\n' ? take_line(r) : IPPM_MSG_MORE;
}

enum ippm_msg_status ippm_msg_feed(struct ippm_msg_reader *r, const char *octets, size_t len, size_t *used)
{
	*used = 0;
	if (r->status == IPPM_MSG_COMPLETE)
		ippm_msg_reader_wipe(r);
	while (r->status == IPPM_MSG_MORE && *used < len)
		r->status = take_octet(r, octets[(*used)++]);
	return r->status;
}

const char *ippm_msg_status_text(enum ippm_msg_status status)
{
	switch (status) {
	case IPPM_MSG_MORE:
		return "the message is not complete";
	case IPPM_MSG_COMPLETE:
		return "the message is complete";
	case IPPM_MSG_LINE_LONG:
		return "a line is too long";
	case IPPM_MSG_TOO_LONG:
		return "the message is too long";
	case IPPM_MSG_TOO_MANY:
		return "the message has too many lines";
	case IPPM_MSG_CONTROL:
		return "a line has a control character";
	case IPPM_MSG_NO_EQUALS:
		return "a line has no '='";
	case IPPM_MSG_BAD_KEY:
		return "a line has no valid key before its '='";
	}
	return "unknown";
}

bool ippm_msg_partial(const struct ippm_msg_reader *r)
{
	return r->status == IPPM_MSG_MORE && r->len > 0;
}

void ippm_msg_reader_wipe(struct ippm_msg_reader *r)
{
	ippm_msg_wipe(r->buf, r->len);
	r->len = r->line = r->count = 0;
	r->status = IPPM_MSG_MORE;
}

const char *ippm_msg_get_in(const struct ippm_msg_reader *r, size_t from, size_t to, const char *key)
{
	for (size_t i = from; i < to && i < r->count; i++)
		if (!strcmp(r->pairs[i].key, key))
			return r->pairs[i].value;
	return NULL;
}

const char *ippm_msg_get(const struct ippm_msg_reader *r, const char *key)
{
	return ippm_msg_get_in(r, 0, r->count, key);
}

size_t ippm_msg_next_sa(const struct ippm_msg_reader *r, size_t from)
{
	while (from < r->count && strcmp(r->pairs[from].key, "spi_i") != 0)
		from++;
	return from < r->count ? from : r->count;
}

bool ippm_msg_has_twin(const struct ippm_msg_reader *r)
{
	for (size_t i = 0; i < r->count; i++)
		if (ippm_msg_get_in(r, i + 1, r->count, r->pairs[i].key))
			return true;
	return false;
}

struct ippm_msg_writer ippm_msg_writer_of(char *buf, size_t size)
{
	return (struct ippm_msg_writer){.buf = buf, .size = size};
}

bool ippm_msg_value_ok(const char *text)
{
	size_t len = 0;

	for (; text[len]; len++)
		if (is_control((unsigned char)text[len]) || len == IPPM_MSG_LINE_MAX - IPPM_MSG_KEY_MAX - 1)
			return false;
	return true;
}

static void put_octets(struct ippm_msg_writer *w, const char *octets, size_t len)
{
	if (w->failed || len > w->size - w->len) {
		w->failed = true;
		return;
	}
	memcpy(w->buf + w->len, octets, len);
	w->len += len;
}

void ippm_msg_put(struct ippm_msg_writer *w, const char *key, const char *value)
{
	if (!key_ok(key) || !ippm_msg_value_ok(value)) {
		w->failed = true;
		return;
	}
	put_octets(w, key, strlen(key));
	put_octets(w, "=", 1);
	put_octets(w, value, strlen(value));
	put_octets(w, "\n", 1);
}

void ippm_msg_put_u64(struct ippm_msg_writer *w, const char *key, uint64_t value)
{
	char digits[21];
	size_t at = sizeof(digits) - 1;

	digits[at] = '\0';
	do {
		digits[--at] = (char)('0' + value % 10);
		value /= 10;
	} while (value);
	ippm_msg_put(w, key, digits + at);
}

void ippm_msg_put_hex(struct ippm_msg_writer *w, const char *key, const uint8_t *octets, size_t len)
{
	static const char digit[] = "0123456789abcdef";
	char text[IPPM_MSG_LINE_MAX + 1];

	if (len > (sizeof(text) - 1) / 2) {
		w->failed = true;
		return;
	}
	for (size_t i = 0; i < len; i++) {
		text[2 * i] = digit[octets[i] >> 4];
		text[2 * i + 1] = digit[octets[i] & 15];
	}
	text[2 * len] = '\0';
	ippm_msg_put(w, key, text);
	ippm_msg_wipe(text, sizeof(text));
}

void ippm_msg_put_end(struct ippm_msg_writer *w)
{
	put_octets(w, "\n", 1);
}

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

bool ippm_msg_hex(const char *text, uint8_t *octets, size_t max, size_t *len)
{
	size_t n = strlen(text);

	*len = 0;
	if (n == 0 || n % 2 || n / 2 > max)
		return false;
	for (size_t i = 0; i < n / 2; i++) {
		int high = hex_value(text[2 * i]), low = hex_value(text[2 * i + 1]);

		if (high < 0 || low < 0)
			return false;
		octets[i] = (uint8_t)(high << 4 | low);
	}
	*len = n / 2;
	return true;
}

bool ippm_msg_u64(const char *text, uint64_t max, uint64_t *value)
{
	uint64_t n = 0;

	if (!*text)
		return false;
	for (; *text; text++) {
		uint64_t digit = (uint64_t)(*text - '0');

		if (*text < '0' || *text > '9' || n > max / 10 || digit > max - n * 10)
			return false;
		n = n * 10 + digit;
	}
	*value = n;
	return true;
}
