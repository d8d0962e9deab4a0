/* SPDX-License-Identifier: MIT */
/* What the control machines have to say. Events are pulled: fizeau_server_event, fizeau_control_client_event. */
#ifndef FIZEAU_EVENT_H
#define FIZEAU_EVENT_H

#include <stdbool.h>
#include <stdint.h>
#include "keys.h"
#include "record.h"
#include "schedule.h"

/* The two control protocols. Set-up and protection are the same; their commands differ. */
enum fizeau_protocol {
	FIZEAU_TWAMP,
	FIZEAU_OWAMP,
};

/* Modes: exactly one of the security modes is chosen, with any of the feature bits that were offered
   (TWAMP-Modes and OWAMP-Modes registries; wire.md 3.1). OWAMP has no mixed mode and a bit of its own for the
   IKEv2-derived key. */
enum fizeau_mode {
	FIZEAU_MODE_OPEN = 1,
	FIZEAU_MODE_AUTHENTICATED = 2,
	FIZEAU_MODE_ENCRYPTED = 4,
	FIZEAU_MODE_MIXED = 8,         /* TWAMP: encrypted control, open test (RFC 5618) */
	FIZEAU_MODE_OW_IKEV2 = 16,     /* OWAMP: IKEv2-derived key (RFC 7718) */
	FIZEAU_MODE_INDIVIDUAL = 16,   /* TWAMP: individual session control (RFC 5938) */
	FIZEAU_MODE_REFLECT_OCTETS = 32, /* TWAMP: reflect octets (RFC 6038) */
	FIZEAU_MODE_SYMMETRICAL = 64,  /* TWAMP: symmetrical size (RFC 6038) */
	FIZEAU_MODE_TW_IKEV2 = 128,    /* TWAMP: IKEv2-derived key (RFC 7717) */
	FIZEAU_MODE_DSCP_ECN = 256,    /* TWAMP: DSCP and ECN monitoring (RFC 7750) */
	FIZEAU_MODE_PTP = 512,         /* TWAMP: PTPv2 timestamps (RFC 8186) */
	FIZEAU_MODE_SECURITY = 15,     /* the bits of which exactly one is chosen */
	/* TWAMP: the bits that may go with it. */
	FIZEAU_MODE_FEATURES = FIZEAU_MODE_INDIVIDUAL | FIZEAU_MODE_REFLECT_OCTETS | FIZEAU_MODE_SYMMETRICAL |
		FIZEAU_MODE_DSCP_ECN | FIZEAU_MODE_PTP,
};

/* The bit that says "IKEv2-derived key" in a protocol's Modes. */
FIZEAU_API uint32_t fizeau_mode_ike(enum fizeau_protocol protocol);

/* Name of one bit of FIZEAU_MODE_FEATURES as people see it: "individual", "reflect-octets", "symmetrical", "dscp-ecn", "ptp";
   NULL for anything else. Static. */
FIZEAU_API const char *fizeau_feature_name(uint32_t feature);

/* Accept values (RFC 4656 3.3; 6 is RFC 7717's). Any other non-zero value reads as FAILURE. */
enum fizeau_accept {
	FIZEAU_ACCEPT_OK = 0,
	FIZEAU_ACCEPT_FAILURE = 1,
	FIZEAU_ACCEPT_INTERNAL = 2,
	FIZEAU_ACCEPT_UNSUPPORTED = 3,
	FIZEAU_ACCEPT_PERMANENT_LIMIT = 4,
	FIZEAU_ACCEPT_TEMPORARY_LIMIT = 5,
	FIZEAU_ACCEPT_NO_IKE_SA = 6,
};

/* A text for a person; "failure" for unknown values. Static. */
FIZEAU_API const char *fizeau_accept_text(uint8_t accept);

/* An IP address as the messages carry it; version 0 is "not given". */
struct fizeau_address {
	uint8_t version;    /* 4, 6 or 0 */
	uint8_t octets[16]; /* network order; IPv4 in the first four, the rest zero */
};

/* A session's identifier, where there are several of them. */
struct fizeau_sid {
	uint8_t octets[FIZEAU_SID_OCTETS];
};

/* Request-TW-Session (RFC 5357 3.5). */
struct fizeau_tw_request {
	uint8_t ip_version;             /* IPVN: 4 or 6 */
	struct fizeau_address sender;   /* version 0: the control connection's address */
	struct fizeau_address receiver; /* likewise */
	uint16_t sender_port;           /* source of the sender's packets, destination of the reflections */
	uint16_t receiver_port;         /* wanted reflector port; 0: any */
	uint32_t padding_octets;        /* Padding Length */
	uint64_t start_time;            /* NTP */
	uint64_t timeout;               /* 32.32 s: how long reflection goes on after Stop-Sessions */
	uint8_t dscp;                   /* Type-P: 0 .. 63 */
	/* With FIZEAU_MODE_REFLECT_OCTETS, else 0 (RFC 6038 4.2). */
	uint16_t reflect_octets;        /* Octets to be reflected: in Accept-Session */
	uint16_t reflect_length;        /* Length of padding to reflect: in test packets */
};

/* Request-Session (RFC 4656 3.5). */
struct fizeau_ow_request {
	bool conf_sender, conf_receiver; /* which ends the server is to run; at least one */
	uint8_t ip_version;              /* IPVN: 4 or 6 */
	struct fizeau_address sender, receiver; /* version 0: the control connection's address of that side */
	uint16_t sender_port, receiver_port;    /* of the ends that the client runs; else a wish, 0: any */
	uint32_t packets;                /* Number of Packets */
	uint8_t sid[FIZEAU_SID_OCTETS];  /* of the client's making if conf_receiver is false; else zero */
	uint32_t padding_octets;         /* Padding Length */
	uint64_t start_time;             /* NTP: origin of the schedule */
	uint64_t timeout;                /* 32.32 s: a packet later than this is lost */
	uint32_t type_p;                 /* Type-P Descriptor as on the wire: DSCP << 24, or a PHB ID */
	const struct fizeau_slot *slots; /* in OW_SESSION_WANTED: the machine's, until the answer */
	uint32_t slot_count;             /* 1 .. FIZEAU_SLOTS_MAX */
};

/* What an accepting Fetch-Ack and the data before the records say (RFC 4656 3.9). */
struct fizeau_fetch_answer {
	bool finished;                    /* the session is over */
	struct fizeau_session_end end;    /* sid; next_seqno and ranges as its sender gave them, zero unless finished */
	uint32_t records;                 /* that follow */
	struct fizeau_ow_request request; /* with the ports and the SID that are really used */
};

enum fizeau_event_type {
	FIZEAU_EVENT_NONE,

	/* Server: each waits for the answer named, and until then recv consumes nothing. */
	FIZEAU_EVENT_KEY_WANTED,     /* Set-Up-Response is in: fizeau_server_answer_key */
	FIZEAU_EVENT_SESSION_WANTED, /* Request-TW-Session is in: fizeau_server_answer_session */
	FIZEAU_EVENT_START_WANTED,   /* Start-Sessions is in: fizeau_server_answer_start */
	FIZEAU_EVENT_STOPPED,        /* Stop-Sessions is in: nothing to answer; in OWAMP both ends send one */
	FIZEAU_EVENT_OW_SESSION_WANTED, /* Request-Session is in: fizeau_server_answer_session */
	FIZEAU_EVENT_FETCH_WANTED,   /* Fetch-Session is in: fizeau_server_answer_fetch */
	FIZEAU_EVENT_START_N_WANTED, /* Start-N-Sessions is in: fizeau_server_answer_n */
	FIZEAU_EVENT_STOP_N_WANTED,  /* Stop-N-Sessions is in: likewise */

	/* Control-Client. */
	FIZEAU_EVENT_GREETING,       /* Server-Greeting is in: fizeau_control_client_set_up */
	FIZEAU_EVENT_SERVER_START,   /* connected, commands may be sent */
	FIZEAU_EVENT_SESSION_ANSWER, /* Accept-Session is in */
	FIZEAU_EVENT_START_ACK,      /* Start-Ack is in */
	FIZEAU_EVENT_START_N_ACK,    /* a Start-N-Ack is in: some of the sessions asked for, or all */
	FIZEAU_EVENT_STOP_N_ACK,     /* a Stop-N-Ack is in: likewise */
	FIZEAU_EVENT_FETCH_ANSWER,   /* Fetch-Ack is in, and all that precedes the records: fetch_client.h */
	FIZEAU_EVENT_FETCH_RECORDS,  /* records are in, not proved yet */
	FIZEAU_EVENT_FETCH_DONE,     /* and now they are */

	/* Both: nothing follows. What is in the output is still to be sent. */
	FIZEAU_EVENT_CLOSED,
};

struct fizeau_event {
	enum fizeau_event_type type;
	union {
		struct { /* KEY_WANTED */
			uint32_t mode; /* what the client chose, checked */
			bool ike;      /* mode has the bit of fizeau_mode_ike */
			uint8_t key_id[FIZEAU_KEYID_OCTETS]; /* no terminator when full; binary when ike */
			uint8_t spi_i[8], spi_r[8];          /* when ike */
			uint8_t challenge[16], salt[16];
			uint32_t count;
			uint8_t token[FIZEAU_TOKEN_OCTETS];
		} key;
		struct fizeau_tw_request request; /* SESSION_WANTED */
		struct {                          /* STOPPED */
			uint8_t accept;
			uint32_t sessions; /* Number of Sessions as the peer sent it */
			/* OWAMP: one for each of them, checked to name exactly the running sessions that the peer
			   sends; the machine's, until the next event. */
			const struct fizeau_session_end *ends;
		} stopped;
		struct fizeau_ow_request ow_request; /* OW_SESSION_WANTED */
		struct {                             /* FETCH_WANTED */
			uint8_t sid[FIZEAU_SID_OCTETS];
			uint32_t begin, end; /* both included, begin <= end; 0 and 0xffffffff: the complete session */
		} fetch;
		struct {                          /* START_N_WANTED, STOP_N_WANTED */
			/* Sorted, each once: accepted ones that do not run, or running ones. What else the command
			   named the machine answers itself. The machine's, until the answer. */
			const struct fizeau_sid *sids;
			uint32_t count; /* 1 or more */
		} n_wanted;
		struct { /* GREETING */
			uint32_t modes;
			uint8_t challenge[16], salt[16];
			uint32_t count; /* not checked yet: open mode does not care */
		} greeting;
		struct { /* SERVER_START, START_ACK: accept is FIZEAU_ACCEPT_OK */
			uint8_t accept;
			uint64_t start_time; /* SERVER_START: when the server came up, NTP */
		} answer;
		struct { /* START_N_ACK, STOP_N_ACK; a refusal leaves these sessions as they were */
			uint8_t accept;
			const struct fizeau_sid *sids; /* the machine's, until the next event */
			uint32_t count;                /* 1 or more */
		} n_ack;
		struct { /* SESSION_ANSWER; a refusal does not close the connection */
			uint8_t accept;
			uint16_t port;
			uint8_t sid[FIZEAU_SID_OCTETS];
			/* With FIZEAU_MODE_REFLECT_OCTETS, else 0 (RFC 6038 4.3). */
			uint16_t reflected_octets; /* those of the request, if the server keeps to the RFC */
			uint16_t server_octets;    /* for the sender's packets: fizeau_test_features */
		} session;
		struct { /* FETCH_ANSWER; a refusal does not close the connection */
			uint8_t accept;
			struct fizeau_fetch_answer answer; /* slots and ranges are the machine's, until the next event */
		} fetch_answer;
		struct { /* FETCH_RECORDS */
			const uint8_t *octets; /* count whole records, for fizeau_record_get; the machine's, until the
			                          next event */
			size_t count;
		} records;
		struct { /* CLOSED */
			int error;      /* FIZEAU_ERR_*: why; 0: in order */
			uint8_t accept; /* the peer's Accept if error is FIZEAU_ERR_REFUSED, or ours if we refused */
		} closed;
	};
};

#endif
