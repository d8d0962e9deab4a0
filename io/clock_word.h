/* SPDX-License-Identifier: MIT */
/* What chronyd and ptp4l say of the clock: their questions and answers as octets. An answer is input from a stranger: what
   does not fit the question or makes no sense is none. */
#ifndef FZ_IO_CLOCK_WORD_H
#define FZ_IO_CLOCK_WORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <fizeau/error.h>

/* A word on the wall clock. */
struct fz_clock_word {
	bool synchronized;
	int64_t error_ns; /* bound, when synchronised; at most FZ_CLOCK_ERROR_MAX_NS */
};

/* A clock that may be this far off is synchronised with nothing: the kernel's own limit (NTP_PHASE_LIMIT). */
#define FZ_CLOCK_ERROR_MAX_NS INT64_C(16000000000)

/* chronyd's monitoring protocol, version 6: TRACKING. A question is as long as its answer. */
#define FZ_CHRONY_OCTETS 104
void fz_chrony_ask(uint32_t seq, uint8_t octets[static FZ_CHRONY_OCTETS]);
/* Root distance (delay / 2 + dispersion) and what is still to be corrected. A server of its own reference (local) is
   synchronised with nothing. False: no answer to this question. */
FIZEAU_MUST_USE bool fz_chrony_answer(const uint8_t *octets, size_t len, uint32_t seq, struct fz_clock_word *word);

/* ptp4l's management messages (IEEE 1588-2008, clause 15). */
#define FZ_PTP_OCTETS 54         /* of a question */
#define FZ_PTP_ANSWER_MAX 256
enum fz_ptp_id {
	FZ_PTP_CURRENT_DATA_SET = 0x2001,    /* offset and path delay */
	FZ_PTP_PARENT_DATA_SET = 0x2002,     /* the grandmaster's quality */
	FZ_PTP_PORT_PROPERTIES_NP = 0xc004,  /* of linuxptp: state and how packets are stamped; each port answers */
};
void fz_ptp_ask(enum fz_ptp_id id, uint16_t seq, uint8_t domain, uint8_t octets[static FZ_PTP_OCTETS]);

/* What was heard since the question. */
struct fz_ptp_view {
	bool current, parent, port;  /* what answered */
	uint16_t steps_removed;
	int64_t offset_ns, path_delay_ns;
	uint8_t class_of_grandmaster, accuracy_of_grandmaster;
	bool slave, hardware;        /* a port is slave; and stamps by its card's clock */
};
/* Adds an answer to the view; false if it is none to a question of that number. */
FIZEAU_MUST_USE bool fz_ptp_answer(struct fz_ptp_view *view, const uint8_t *octets, size_t len, uint16_t seq,
	uint8_t domain);
/* What the view comes to; false while something is missing. Slave: |offset| + path delay, which it may be off by if all of
   the delay is in one direction, + the grandmaster's accuracy. Grandmaster: its accuracy, if its class is 6, locked to its
   reference. asserted: the user says that ptp4l keeps this clock: also through a card's clock, and by a grandmaster that does
   not say how good it is. */
FIZEAU_MUST_USE bool fz_ptp_word(const struct fz_ptp_view *view, bool asserted, struct fz_clock_word *word);

#endif
