/* SPDX-License-Identifier: MIT */
/* Errors of the library: one space of negative int values, one text each. */
#ifndef FIZEAU_ERROR_H
#define FIZEAU_ERROR_H

#define FIZEAU_API __attribute__((visibility("default")))
#define FIZEAU_MUST_USE __attribute__((warn_unused_result))

/* Zero is success and a count is positive; -1 to -999 is a negated errno and never comes from the library
   itself, only from the programs around it; -1000 and below are ours. */
enum fizeau_error {
	FIZEAU_ERR_MALFORMED = -1000,  /* a field has a value that its RFC forbids */
	FIZEAU_ERR_LENGTH = -1001,     /* shorter or longer than the format allows */
	FIZEAU_ERR_HMAC = -1002,       /* an HMAC did not match: wrong key, or altered on the way */
	FIZEAU_ERR_UNEXPECTED = -1003, /* a command that has no place in this state, or is unknown */
	FIZEAU_ERR_MODE = -1004,       /* a mode that was not offered, or not exactly one security mode */
	FIZEAU_ERR_COUNT = -1005,      /* PBKDF2 Count no power of two, below 1024 or above the maximum */
	FIZEAU_ERR_KEY = -1006,        /* no key for the KeyID, or the Token does not hold the Challenge */
	FIZEAU_ERR_REFUSED = -1007,    /* the peer answered with a non-zero Accept */
	FIZEAU_ERR_UNWILLING = -1008,  /* the peer sent Modes 0, or Mode 0 */
	FIZEAU_ERR_TIMEOUT = -1009,    /* the peer took longer than its time */
	FIZEAU_ERR_STATE = -1010,      /* the caller asked for what the state does not allow */
	FIZEAU_ERR_MEMORY = -1011,     /* no memory */
	FIZEAU_ERR_CRYPTO = -1012,     /* libcrypto failed: a broken or restricted installation */
	FIZEAU_ERR_ESTIMATE = -1013,   /* Error Estimate with Multiplier 0: the packet must be discarded */
	FIZEAU_ERR_RANGE = -1014,      /* an argument or a number is out of its range */
	FIZEAU_ERR_SESSIONS = -1015,   /* Number of Sessions in Stop-Sessions does not fit */
	FIZEAU_ERR_LIMIT = -1016,      /* more than this end is willing to hold */
	FIZEAU_ERR_CLOSED = -1017,     /* the connection is closed */
	FIZEAU_ERR_UNSENT = -1018,     /* a reflection of a number that was never sent, or not yet */
	FIZEAU_ERR_LATE = -1019,       /* sent more than Timeout from its arrival or from its schedule: discard */
	FIZEAU_ERR_LOOP = -1020,       /* our own reflection come back: whoever sent it reflects too */
	FIZEAU_ERR_SSID = -1021,       /* a reflection of another session: its SSID is not ours, and not 0 */
};

/* The text of an error: ours, or strerror's for a negated errno. Never NULL; static. */
FIZEAU_API const char *fizeau_strerror(int error);

#endif
