/* SPDX-License-Identifier: MIT */
/* What the main process tells a worker, and a worker the main process, each in one message of a SOCK_SEQPACKET pair. Both
   are the same program, so the messages are its structs; their lengths and values are checked all the same. */
#ifndef FZ_DAEMON_ORDER_H
#define FZ_DAEMON_ORDER_H

#include <fizeau/keys.h>
#include <fizeau/sender.h>
#include <fizeau/st.h>
#include "conf.h"
#include "counters.h"
#include "figures.h"

enum fz_order_kind {
	FZ_ORDER_PORT = 1, /* its socket comes with it */
	FZ_ORDER_CLOSE,    /* a port that has no sessions */
	FZ_ORDER_ADD,      /* a session: nothing is reflected yet */
	FZ_ORDER_START,
	FZ_ORDER_STOP,     /* reflection goes on for Timeout */
	FZ_ORDER_END,      /* at once */
	FZ_ORDER_CLOCK,    /* whose word on the clock counts from now on */
	FZ_ORDER_BUSY,     /* number 1: look instead of sleep while a session runs; 0: sleep */
	FZ_ORDER_ADD_STAMP, /* a session of STAMP: it runs at once */
	FZ_ORDER_REFUSE,   /* a source that was asked about */
};

/* Numbers of ports that this bit is in are of listeners for STAMP: each worker has a socket of each, and the kernel spreads
   the sources over them. A session's seat there is at the listener's number with its SSID in the lowest 16 bits, which no
   listener's number has. */
#define FZ_PORT_STAMP (UINT32_C(1) << 31)
static inline uint32_t fz_stamp_seat(uint32_t port, uint16_t ssid)
{
	return port | ssid;
}

struct fz_order_port {
	struct fz_addr local;
};

struct fz_order_add {
	uint32_t port;               /* its number */
	uint32_t serial;             /* of the session, not 0 */
	enum fizeau_test_mode mode;
	struct fizeau_test_features features; /* TAI less UTC is the worker's to know */
	struct fizeau_test_keys keys; /* not in open mode */
	struct fz_addr remote;       /* with the Sender Port */
	uint32_t octets_max;         /* longest packet that is reflected */
	uint64_t packets, rate, bandwidth; /* FZ_UNLIMITED: none */
	int64_t duration_ns, timeout_ns, refwait_ns; /* INT64_MAX: no end of that kind */
	uint8_t dscp;
	bool require_ipsec;
	struct fz_ipsec_signs ipsec; /* if require_ipsec */
};

/* A session of STAMP, its base being what it has like others: mode is open or authenticated, keys are not used, port is
   that of the listener. */
struct fz_order_add_stamp {
	struct fz_order_add base;
	uint16_t ssid;
	struct fizeau_st_key key; /* octets 0: none */
	bool open_hmac_tlv, stateless, answer_short, tlvs, location, ptp; /* as in st_reflector.h */
	uint64_t dscps;
};

struct fz_order_refuse {
	uint32_t seat;
	struct fz_addr remote;
	bool host;      /* all of that address, on that listener */
	int64_t for_ns;
};

struct fz_order {
	enum fz_order_kind kind;
	uint32_t number; /* of the port, or the slot of the session */
	union {
		struct fz_order_port port; /* FZ_ORDER_PORT */
		struct fz_order_add add;   /* FZ_ORDER_ADD */
		struct fz_clock_choice clock; /* FZ_ORDER_CLOCK */
		struct fz_order_add_stamp stamp; /* FZ_ORDER_ADD_STAMP */
		struct fz_order_refuse refuse; /* FZ_ORDER_REFUSE */
	};
};

/* Octets of a message of that kind; 0: no such kind. */
size_t fz_order_octets(enum fz_order_kind kind);
/* False: not an order. What it holds is to be wiped. */
FIZEAU_MUST_USE bool fz_order_read(const void *octets, size_t len, struct fz_order *order);

/* Exactly one for every session that was added: it is gone, its figures are final, and its slot is free. */
struct fz_report {
	uint32_t slot;
	enum fz_counter reason; /* FZ_COUNT_ENDED_* */
};
FIZEAU_MUST_USE bool fz_report_read(const void *octets, size_t len, struct fz_report *report);

#define FZ_ASK_OCTETS 112 /* of a packet that are shown: the base packet in authenticated mode */

/* A packet of STAMP that belongs to no session: may its source have one? The answer is FZ_ORDER_ADD_STAMP or
   FZ_ORDER_REFUSE; it may fail to come, then it is asked again with a later packet. */
struct fz_ask {
	uint32_t port;              /* the listener's number */
	uint16_t ssid;
	struct fz_addr remote, local;
	uint32_t interface, mark;   /* as of the packet: whether it came through IPsec */
	uint32_t len;
	uint8_t octets[FZ_ASK_OCTETS]; /* its first */
};
FIZEAU_MUST_USE bool fz_ask_read(const void *octets, size_t len, struct fz_ask *ask);

/* Sends one message, with a descriptor unless it is -1. 0 or -errno; -EAGAIN: no room. */
FIZEAU_MUST_USE int fz_message_send(int fd, const void *octets, size_t len, int passed);
/* Receives one message: its length (above room if it does not fit), 0 at the end, or -errno. *passed is the descriptor that
   came with it, or -1. */
FIZEAU_MUST_USE int fz_message_receive(int fd, void *octets, size_t room, int *passed);

#endif
