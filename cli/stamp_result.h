/* SPDX-License-Identifier: MIT */
/* What reflections of a STAMP session told beside their stamps. */
#ifndef FZ_CLI_STAMP_RESULT_H
#define FZ_CLI_STAMP_RESULT_H

#include <stdbool.h>
#include <stdint.h>
#include <fizeau/st_sender.h>
#include <fizeau/stats.h>

#define FZ_TLVS (FIZEAU_ST_HMAC + 1) /* indices by enum fizeau_st_tlv */

/* Reflections by what became of a TLV. */
struct fz_tlv_counts {
	uint64_t answered;
	uint64_t unknown;   /* U: the reflector does not know it */
	uint64_t malformed; /* M */
	uint64_t integrity; /* I, or the HMAC of the reflection's TLVs is wrong */
	uint64_t missing;   /* it did not come back */
};

/* Counters of Direct Measurement, from the first reflection that had them to the last. */
struct fz_direct_result {
	bool valid; /* they count this session's packets, as far as can be seen */
	uint32_t sent, reflector_received, reflector_sent, received;
	uint32_t lost_forward, lost_backward;
};

/* What tells loss by direction. */
enum fz_loss_source {
	FZ_LOSS_UNKNOWN,
	FZ_LOSS_NUMBERS,  /* the reflector's Sequence Numbers */
	FZ_LOSS_COUNTERS, /* Direct Measurement */
};

struct fz_stamp_result {
	bool light;
	uint16_t ssid;          /* 0: none */
	bool any;               /* a reflection counted: what follows says something */
	uint16_t ssid_back;     /* of the last one */
	bool ptp_here, ptp_there; /* formats of stamps */
	enum fizeau_numbering numbering;
	enum fz_loss_source loss_source;
	uint32_t tlvs;          /* sent: FIZEAU_ST_TLV_BIT */
	struct fz_tlv_counts counts[FZ_TLVS];
	struct fizeau_st_location location; /* as first told, if counts say so; likewise: */
	uint64_t location_changes; /* reflections that told another one than the one before */
	struct fizeau_st_timestamp_information information;
	uint8_t dscp1;          /* asked for */
	uint64_t dscp[64], ecn[4]; /* how packets reached the reflector */
	uint64_t dscp_refused;  /* reflections sent with another DSCP than DSCP1 */
	struct fz_direct_result direct;
	uint8_t access_id, access_code;
	uint32_t access_sent;   /* reports, with those that were sent again */
	bool access_echoed;
	uint64_t follow_ups;    /* departures that were told */
	uint64_t followed;      /* T3 of so many reflections is a departure that was told */
	uint8_t follow_up_method;
};

#endif
