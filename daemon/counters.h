/* SPDX-License-Identifier: MIT */
/* Named counters: every kind of bad input has one. */
#ifndef FZ_DAEMON_COUNTERS_H
#define FZ_DAEMON_COUNTERS_H

#include <stdint.h>

enum fz_counter {
	/* control connections */
	FZ_COUNT_CONNECTIONS,           /* accepted from the listener */
	FZ_COUNT_SET_UP,                /* answered with Accept 0 */
	FZ_COUNT_REFUSED_DENY,          /* class says deny, or no class matches */
	FZ_COUNT_REFUSED_MODES,         /* class does not allow the mode */
	FZ_COUNT_REFUSED_NOT_IPSEC,     /* open mode, and not through IPsec, which its class requires */
	FZ_COUNT_REFUSED_CONNECTIONS,   /* connections or peer-connections */
	FZ_COUNT_REFUSED_KEY,           /* unknown KeyID, or the Token does not hold the Challenge */
	FZ_COUNT_REFUSED_NO_IKE_SA,
	FZ_COUNT_REFUSED_BUSY,          /* too many key requests at once */
	FZ_COUNT_REFUSED_KEY_SERVICE,   /* the key service failed */
	FZ_COUNT_HALF_OPEN_DROPPED,     /* the oldest went for a newer one */
	FZ_COUNT_ACCEPT_FAILED,         /* no descriptor, or no memory, for a connection */
	FZ_COUNT_CLOSED_MALFORMED,      /* from here on: why the library closed */
	FZ_COUNT_CLOSED_LENGTH,
	FZ_COUNT_CLOSED_HMAC,
	FZ_COUNT_CLOSED_UNEXPECTED,
	FZ_COUNT_CLOSED_MODE,
	FZ_COUNT_CLOSED_UNWILLING,
	FZ_COUNT_CLOSED_TIMEOUT,
	FZ_COUNT_CLOSED_SESSIONS,
	FZ_COUNT_CLOSED_TRUNCATED,      /* the peer went away within a message, or a test */
	FZ_COUNT_CLOSED_OTHER,
	/* requests */
	FZ_COUNT_SESSIONS,              /* answered with Accept 0 */
	FZ_COUNT_REQUEST_THIRD_PARTY,
	FZ_COUNT_REQUEST_SESSIONS,      /* sessions or peer-sessions */
	FZ_COUNT_REQUEST_PADDING,
	FZ_COUNT_REQUEST_UNSUPPORTED,
	FZ_COUNT_REQUEST_PORTS,         /* no port left that this address does not use */
	FZ_COUNT_REQUEST_DESCRIPTORS,
	FZ_COUNT_REQUEST_PACKETS,       /* OWAMP, more than the limit of its class: this, and the next three */
	FZ_COUNT_REQUEST_RATE,
	FZ_COUNT_REQUEST_BANDWIDTH,
	FZ_COUNT_REQUEST_DURATION,
	FZ_COUNT_REQUEST_STORAGE,       /* likewise, or no storage to be had */
	FZ_COUNT_REQUEST_WORKER,        /* none runs, or what it has to be told has piled up */
	FZ_COUNT_REQUEST_SID,           /* a client's SID that is in use */
	FZ_COUNT_REQUEST_SSID,          /* STAMP: one that is not served */
	FZ_COUNT_REQUEST_SOURCE,        /* STAMP: it, or what it sent to, is no unicast address */
	FZ_COUNT_REQUEST_INTERNAL,
	/* sessions' ends */
	FZ_COUNT_ENDED_STOP,
	FZ_COUNT_ENDED_REFWAIT,
	FZ_COUNT_ENDED_DURATION,
	FZ_COUNT_ENDED_PACKETS,
	FZ_COUNT_ENDED_CONNECTION,      /* its control connection ended without a stop */
	FZ_COUNT_ENDED_FAILED,          /* OWAMP: one end said so, or the numbers do not add up; STAMP: not one packet
	                                   of those that it began with could be reflected */
	FZ_COUNT_ENDED_STORAGE,         /* OWAMP: its records could not be stored */
	FZ_COUNT_ENDED_WORKER,          /* the worker that reflected it died */
	FZ_COUNT_ENDED_LISTENER,        /* STAMP: it is not listened for any more */
	FZ_COUNT_ENDED_SILENT,          /* STAMP: it was silent, and another wanted its place */
	/* fetches */
	FZ_COUNT_FETCHED,               /* answered with Accept 0 */
	FZ_COUNT_FETCH_DENIED,
	/* test packets */
	FZ_COUNT_PACKETS_RECEIVED,
	FZ_COUNT_PACKETS_REFLECTED,
	FZ_COUNT_PACKETS_RECORDED,      /* by Session-Receivers; duplicates too */
	FZ_COUNT_PACKETS_SENT,          /* by Session-Senders */
	FZ_COUNT_SKIPPED_LATE,          /* by Session-Senders: more than Timeout behind their schedule */
	FZ_COUNT_SKIPPED_LOCAL,         /* likewise: our own kernel would not send it */
	FZ_COUNT_DROPPED_NO_SESSION,    /* from an address without a session on that port; STAMP: that gets none */
	FZ_COUNT_DROPPED_NOT_STARTED,
	FZ_COUNT_DROPPED_NOT_IPSEC,     /* not through IPsec, which its session requires */
	FZ_COUNT_DROPPED_LENGTH,        /* shorter than the format, or longer than the padding limit */
	FZ_COUNT_DROPPED_HMAC,
	FZ_COUNT_DROPPED_LOOP,          /* STAMP: from a reflector, or our own reflection come back */
	FZ_COUNT_DROPPED_ERROR_ESTIMATE, /* Multiplier 0 */
	FZ_COUNT_DROPPED_UNKNOWN_NUMBER, /* that its session does not have */
	FZ_COUNT_DROPPED_LATE,          /* sent more than Timeout from its arrival or from its schedule */
	FZ_COUNT_DROPPED_MEMORY,
	FZ_COUNT_DROPPED_RATE,
	FZ_COUNT_DROPPED_BANDWIDTH,
	FZ_COUNT_DROPPED_LOCAL,         /* our own kernel would not send it */
	FZ_COUNT_DROPPED_RECEIVE,       /* our own socket's buffer was full */
	FZ_COUNT_KEY_READING_PBKDF2,    /* IKEv2-derived Tokens that opened under reading B only */
	FZ_COUNTERS,
};

struct fz_counters {
	uint64_t of[FZ_COUNTERS];
};

const char *fz_counter_name(enum fz_counter counter);
/* Of what FIZEAU_EVENT_CLOSED says. */
enum fz_counter fz_counter_closed(int error);

#endif
