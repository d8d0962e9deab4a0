/* SPDX-License-Identifier: MIT */
#include <fizeau/error.h>

#include <string.h>

static const struct {
	int error;
	const char *text;
} texts[] = {
	{FIZEAU_ERR_MALFORMED, "the peer sent a field with a forbidden value"},
	{FIZEAU_ERR_LENGTH, "shorter or longer than the format allows"},
	{FIZEAU_ERR_HMAC, "HMAC does not match: different keys, or altered on the way"},
	{FIZEAU_ERR_UNEXPECTED, "the peer sent a command that has no place here"},
	{FIZEAU_ERR_MODE, "no mode that both ends accept"},
	{FIZEAU_ERR_COUNT, "PBKDF2 Count is no power of two, below 1024 or above the maximum"},
	{FIZEAU_ERR_KEY, "unknown key, or a key that differs from the peer's"},
	{FIZEAU_ERR_REFUSED, "refused by the peer"},
	{FIZEAU_ERR_UNWILLING, "the peer is not willing to talk to this host"},
	{FIZEAU_ERR_TIMEOUT, "the peer took longer than its time"},
	{FIZEAU_ERR_STATE, "not possible in this state"},
	{FIZEAU_ERR_MEMORY, "out of memory"},
	{FIZEAU_ERR_CRYPTO, "libcrypto failed: its installation is broken or restricted"},
	{FIZEAU_ERR_ESTIMATE, "Error Estimate with Multiplier 0"},
	{FIZEAU_ERR_RANGE, "out of range"},
	{FIZEAU_ERR_SESSIONS, "Number of Sessions does not match the sessions that were started"},
	{FIZEAU_ERR_LIMIT, "more than this end is willing to hold"},
	{FIZEAU_ERR_CLOSED, "the connection is closed"},
	{FIZEAU_ERR_UNSENT, "a reflection of a packet that was not sent"},
	{FIZEAU_ERR_LATE, "sent more than Timeout from its arrival or from its schedule"},
	{FIZEAU_ERR_LOOP, "a reflection of our own that came back: its sender is a reflector too"},
	{FIZEAU_ERR_SSID, "a reflection with the SSID of another session"},
};

const char *fizeau_strerror(int error)
{
	const char *text = NULL;

	if (error >= 0)
		return "success";
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		if (texts[i].error == error)
			return texts[i].text;
	}
	if (error > -1000)
		text = strerrordesc_np(-error);
	return text != NULL ? text : "unknown error";
}
