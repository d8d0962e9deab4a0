/* SPDX-License-Identifier: MIT */
/* One blocking control connection to a fizeaud, for benches. Ends the program on any failure. */
#ifndef FZ_BENCH_CONTROL_H
#define FZ_BENCH_CONTROL_H

#include <fizeau/fizeau.h>

struct bench_control {
	int fd;
	struct fizeau_control_client *client;
};

struct bench_session {
	uint16_t port; /* the reflector's */
	uint8_t sid[FIZEAU_SID_OCTETS];
	struct fizeau_test_keys keys; /* unused in open mode */
};

/* The IKE_SA of a file of static SAs, or of a key service, that gives the IKEv2-derived keys here: prf HMAC-SHA2-256. */
#define BENCH_SPI_I "benchini"
#define BENCH_SPI_R "benchres"
#define BENCH_SK_D "SK_d of the benches, no secret.."

/* "open", "authenticated", "encrypted", "mixed", and with "+ike" behind it for an IKEv2-derived key. */
uint32_t bench_mode(const char *name);
/* Connects from that IPv4 address to 127.0.0.1:port and sets up in mode, with the passphrase "bench passphrase" of
   KeyID "bench", or with the IKE_SA above if the mode has FIZEAU_MODE_TW_IKEV2. */
void bench_control_open(struct bench_control *control, uint32_t from, uint16_t port, uint32_t mode);
/* Requests a session whose packets come from sender_port. */
void bench_control_session(struct bench_control *control, uint16_t sender_port, uint32_t padding, uint32_t mode,
	struct bench_session *session);
void bench_control_start(struct bench_control *control);
void bench_control_stop(struct bench_control *control);
void bench_control_close(struct bench_control *control);
/* Prints what failed and ends the program. */
_Noreturn void bench_fail(const char *what, int error);

#endif
