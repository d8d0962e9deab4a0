/* SPDX-License-Identifier: MIT */
#include <fizeau/error.h>
#include "counters.h"

static const char *const names[FZ_COUNTERS] = {
	[FZ_COUNT_CONNECTIONS] = "connections",
	[FZ_COUNT_SET_UP] = "set_up",
	[FZ_COUNT_REFUSED_DENY] = "refused_deny",
	[FZ_COUNT_REFUSED_MODES] = "refused_modes",
	[FZ_COUNT_REFUSED_NOT_IPSEC] = "refused_not_ipsec",
	[FZ_COUNT_REFUSED_CONNECTIONS] = "refused_connections",
	[FZ_COUNT_REFUSED_KEY] = "refused_key",
	[FZ_COUNT_REFUSED_NO_IKE_SA] = "refused_no_ike_sa",
	[FZ_COUNT_REFUSED_BUSY] = "refused_busy",
	[FZ_COUNT_REFUSED_KEY_SERVICE] = "refused_key_service",
	[FZ_COUNT_HALF_OPEN_DROPPED] = "half_open_dropped",
	[FZ_COUNT_ACCEPT_FAILED] = "accept_failed",
	[FZ_COUNT_CLOSED_MALFORMED] = "closed_malformed",
	[FZ_COUNT_CLOSED_LENGTH] = "closed_length",
	[FZ_COUNT_CLOSED_HMAC] = "closed_hmac",
	[FZ_COUNT_CLOSED_UNEXPECTED] = "closed_unexpected",
	[FZ_COUNT_CLOSED_MODE] = "closed_mode",
	[FZ_COUNT_CLOSED_UNWILLING] = "closed_unwilling",
	[FZ_COUNT_CLOSED_TIMEOUT] = "closed_timeout",
	[FZ_COUNT_CLOSED_SESSIONS] = "closed_sessions",
	[FZ_COUNT_CLOSED_TRUNCATED] = "closed_truncated",
	[FZ_COUNT_CLOSED_OTHER] = "closed_other",
	[FZ_COUNT_SESSIONS] = "sessions",
	[FZ_COUNT_REQUEST_THIRD_PARTY] = "request_third_party",
	[FZ_COUNT_REQUEST_SESSIONS] = "request_sessions",
	[FZ_COUNT_REQUEST_PADDING] = "request_padding",
	[FZ_COUNT_REQUEST_UNSUPPORTED] = "request_unsupported",
	[FZ_COUNT_REQUEST_PORTS] = "request_ports",
	[FZ_COUNT_REQUEST_DESCRIPTORS] = "request_descriptors",
	[FZ_COUNT_REQUEST_PACKETS] = "request_packets",
	[FZ_COUNT_REQUEST_RATE] = "request_rate",
	[FZ_COUNT_REQUEST_BANDWIDTH] = "request_bandwidth",
	[FZ_COUNT_REQUEST_DURATION] = "request_duration",
	[FZ_COUNT_REQUEST_STORAGE] = "request_storage",
	[FZ_COUNT_REQUEST_WORKER] = "request_worker",
	[FZ_COUNT_REQUEST_SID] = "request_sid",
	[FZ_COUNT_REQUEST_SSID] = "request_ssid",
	[FZ_COUNT_REQUEST_SOURCE] = "request_source",
	[FZ_COUNT_REQUEST_INTERNAL] = "request_internal",
	[FZ_COUNT_ENDED_STOP] = "ended_stop",
	[FZ_COUNT_ENDED_REFWAIT] = "ended_refwait",
	[FZ_COUNT_ENDED_DURATION] = "ended_duration",
	[FZ_COUNT_ENDED_PACKETS] = "ended_packets",
	[FZ_COUNT_ENDED_CONNECTION] = "ended_connection",
	[FZ_COUNT_ENDED_FAILED] = "ended_failed",
	[FZ_COUNT_ENDED_STORAGE] = "ended_storage",
	[FZ_COUNT_ENDED_WORKER] = "ended_worker",
	[FZ_COUNT_ENDED_LISTENER] = "ended_listener",
	[FZ_COUNT_ENDED_SILENT] = "ended_silent",
	[FZ_COUNT_FETCHED] = "fetched",
	[FZ_COUNT_FETCH_DENIED] = "fetch_denied",
	[FZ_COUNT_PACKETS_RECEIVED] = "packets_received",
	[FZ_COUNT_PACKETS_REFLECTED] = "packets_reflected",
	[FZ_COUNT_PACKETS_RECORDED] = "packets_recorded",
	[FZ_COUNT_PACKETS_SENT] = "packets_sent",
	[FZ_COUNT_SKIPPED_LATE] = "skipped_late",
	[FZ_COUNT_SKIPPED_LOCAL] = "skipped_local",
	[FZ_COUNT_DROPPED_NO_SESSION] = "dropped_no_session",
	[FZ_COUNT_DROPPED_NOT_STARTED] = "dropped_not_started",
	[FZ_COUNT_DROPPED_NOT_IPSEC] = "dropped_not_ipsec",
	[FZ_COUNT_DROPPED_LENGTH] = "dropped_length",
	[FZ_COUNT_DROPPED_HMAC] = "dropped_hmac",
	[FZ_COUNT_DROPPED_LOOP] = "dropped_loop",
	[FZ_COUNT_DROPPED_ERROR_ESTIMATE] = "dropped_error_estimate",
	[FZ_COUNT_DROPPED_UNKNOWN_NUMBER] = "dropped_unknown_number",
	[FZ_COUNT_DROPPED_LATE] = "dropped_late",
	[FZ_COUNT_DROPPED_MEMORY] = "dropped_memory",
	[FZ_COUNT_DROPPED_RATE] = "dropped_rate",
	[FZ_COUNT_DROPPED_BANDWIDTH] = "dropped_bandwidth",
	[FZ_COUNT_DROPPED_LOCAL] = "dropped_local",
	[FZ_COUNT_DROPPED_RECEIVE] = "dropped_receive",
	[FZ_COUNT_KEY_READING_PBKDF2] = "key_reading_pbkdf2",
};

const char *fz_counter_name(enum fz_counter counter)
{
	return names[counter];
}

enum fz_counter fz_counter_closed(int error)
{
	switch (error) {
	case FIZEAU_ERR_MALFORMED:
		return FZ_COUNT_CLOSED_MALFORMED;
	case FIZEAU_ERR_LENGTH:
		return FZ_COUNT_CLOSED_LENGTH;
	case FIZEAU_ERR_HMAC:
		return FZ_COUNT_CLOSED_HMAC;
	case FIZEAU_ERR_UNEXPECTED:
		return FZ_COUNT_CLOSED_UNEXPECTED;
	case FIZEAU_ERR_MODE:
		return FZ_COUNT_CLOSED_MODE;
	case FIZEAU_ERR_UNWILLING:
		return FZ_COUNT_CLOSED_UNWILLING;
	case FIZEAU_ERR_TIMEOUT:
		return FZ_COUNT_CLOSED_TIMEOUT;
	case FIZEAU_ERR_SESSIONS:
		return FZ_COUNT_CLOSED_SESSIONS;
	case FIZEAU_ERR_CLOSED:
		return FZ_COUNT_CLOSED_TRUNCATED;
	default:
		return FZ_COUNT_CLOSED_OTHER;
	}
}
