/* SPDX-License-Identifier: MIT */
/* The Server's commands of TWAMP alone (RFC 5357 section 3). */
#include <string.h>
#include "lib/proto/server_state.h"
#include "lib/wire/request_tw.h"
#include "lib/wire/stop.h"

static bool no_room(struct fizeau_server *s)
{
	return fz_server_individual(s) ? fz_server_n_full(s) : s->sessions.accepted >= s->config.max_sessions;
}

/* With individual session control also while others run. */
void fz_server_take_request_tw(struct fizeau_server *s, const uint8_t *octets, struct fizeau_mono now)
{
	struct fz_request_head request;
	int error = fz_request_tw_get(&request, octets, FZ_REQUEST_TW_OCTETS);
	struct fizeau_tw_request *wanted;
	uint8_t accept;

	if (error < 0) {
		fz_server_close(s, error, 0);
		return;
	}
	/*= rfc5357#section-3.5 TW-3.5-06 TW-3.5-20 */
	/*= rfc4656#section-3.3 OW-3.3-03 */
	accept = fz_request_tw_check(&request, s->channel.mode);
	if (accept == FIZEAU_ACCEPT_OK && no_room(s))
		accept = FIZEAU_ACCEPT_TEMPORARY_LIMIT;
	if (accept != FIZEAU_ACCEPT_OK) {
		fz_server_refuse_session(s, accept, now);
		return;
	}
	wanted = &fz_channel_raise(&s->channel, FIZEAU_EVENT_SESSION_WANTED)->request;
	fz_request_tw_to_api(&request, s->channel.mode, wanted);
	/*= rfc6038#section-4.2 RO-4.2-03 */
	/*= rfc6038#section-4.3 RO-4.3-01 RO-4.3-03 RO-4.3-04 */
	s->reflected_octets = wanted->reflect_octets;
	s->server_octets = wanted->reflect_length >= sizeof(s->server_octets) ? s->config.server_octets : 0;
	fz_server_await_caller(s, FZ_SERVER_SESSION);
}

void fz_server_take_stop_tw(struct fizeau_server *s, const uint8_t *octets, struct fizeau_mono now)
{
	struct fz_stop stop;
	struct fizeau_event *event;
	int error = fz_stop_get(&stop, octets, FZ_STOP_OCTETS);

	/*= rfc5357#section-3.8 TW-3.8-08 */
	if (error == 0)
		error = fz_stop_check(&stop, s->sessions.started, fz_sessions_alive(&s->sessions));
	if (error < 0) {
		fz_server_close(s, error, 0);
		return;
	}
	/*= rfc5357#section-3.8 TW-3.8-01 TW-3.8-04 TW-3.8-05 */
	event = fz_channel_raise(&s->channel, FIZEAU_EVENT_STOPPED);
	/*= rfc4656#section-3.8 OW-3.8-06 */
	event->stopped.accept = stop.accept;
	event->stopped.sessions = stop.sessions;
	fz_sessions_clear(&s->sessions);
	fz_server_enter_idle(s, now);
}

/*= rfc5357#section-3.5 TW-3.5-03 TW-3.5-04 */
int fz_server_answer_unexpected_tw(struct fizeau_server *s, uint8_t command)
{
	(void)command;
	return fz_server_send_accept_session(s, &(struct fz_accept_session){.accept = FIZEAU_ACCEPT_UNSUPPORTED});
}

int fz_server_answer_session_tw(struct fizeau_server *s, const struct fz_accept_session *answer)
{
	struct fz_accept_session full = *answer;

	if (answer->accept == FIZEAU_ACCEPT_OK && answer->port == 0)
		return FIZEAU_ERR_RANGE;
	if (answer->accept == FIZEAU_ACCEPT_OK && fz_server_individual(s)) {
		int error = fz_server_n_add(s, answer->sid);

		if (error < 0)
			return error;
	}
	full.reflected_octets = s->reflected_octets;
	full.server_octets = s->server_octets;
	/*= rfc5357#section-3.5 TW-3.5-13 TW-3.5-20 TW-3.5-21 TW-3.5-22 */
	return fz_server_send_accept_session(s, &full);
}
