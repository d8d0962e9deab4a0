/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <string.h>
#include "json_parts.h"
#include "out_targets.h"
#include "text_parts.h"

#define TARGET_WIDTH_MAX 48

static bool is_measured(const struct fz_target_result *result)
{
	return result->fault->reason == FZ_FAULT_NONE;
}

static size_t count_measured(const struct fz_target_result *results, size_t count)
{
	size_t measured = 0;

	for (size_t i = 0; i < count; i++)
		measured += is_measured(&results[i]);
	return measured;
}

/* Characters, not octets. */
static size_t width_of(const char *text)
{
	size_t width = 0;

	for (; *text != '\0'; text++)
		width += ((unsigned char)*text & 0xc0) != 0x80;
	return width;
}

static void put_padded(const char *text, size_t width, FILE *out)
{
	fz_put_printable(text, out);
	for (size_t at = width_of(text); at < width; at++)
		fputc(' ', out);
}

static void put_figures(const struct fizeau_round_trip_summary *s, FILE *out)
{
	const struct fizeau_distribution *d = &s->round_trip;
	const int64_t values[] = {d->min, d->median, d->p95, d->max};
	char lost[32];

	fz_ratio_text(s->lost, s->sent, lost);
	fprintf(out, " %9" PRIu64 " %8s", s->sent, lost);
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		char text[32] = "-";

		if (d->valid)
			fz_ms_text(values[i], text);
		fprintf(out, " %10s", text);
	}
}

static void put_state(const struct fz_target_result *result, FILE *out)
{
	const struct fz_fault *fault = result->fault;

	if (is_measured(result)) {
		enum fz_ending ending = result->result.sessions[0].facts.ending;

		fputs(ending == FZ_ENDED_COMPLETE ? "measured" : fz_ending_text(ending), out);
		return;
	}
	fputs(fz_fault_name(fault->reason), out);
	if (fault->text[0] != '\0') {
		fputs(": ", out);
		fz_put_printable(fault->text, out);
	}
}

static void put_line(const struct fz_target_result *result, size_t width, FILE *out)
{
	const struct fz_result *r = &result->result;

	put_padded(result->target, width, out);
	if (r->session_count > 0) {
		fprintf(out, "  %-13s %-10s", fz_mode_name(r->mode), fz_key_source_name(r->key.source));
		put_figures(&r->sessions[0].summary, out);
	} else {
		fprintf(out, "  %-13s %-10s %9s %8s %10s %10s %10s %10s", "-", "-", "-", "-", "-", "-", "-", "-");
	}
	fputs("  ", out);
	put_state(result, out);
	fputc('\n', out);
}

static void put_brief(const struct fz_target_result *result, FILE *out)
{
	fz_put_printable(result->target, out);
	fputs(": ", out);
	if (result->result.session_count == 0) {
		put_state(result, out);
		fputc('\n', out);
		return;
	}
	fz_put_round_trips(&result->result.sessions[0].summary, out);
}

/* What this host did to the figures, of all targets together. */
static void put_trouble(const struct fz_target_result *results, size_t count, FILE *out)
{
	uint64_t late = 0, send_drops = 0, receive_drops = 0, lost_local = 0;

	for (size_t i = 0; i < count; i++) {
		if (results[i].result.session_count == 0)
			continue;
		late += results[i].result.sessions[0].sender_late;
		send_drops += results[i].result.sessions[0].send_drops;
		receive_drops += results[i].result.sessions[0].receive_drops;
		lost_local += results[i].result.sessions[0].lost_local;
	}
	if (late + send_drops + receive_drops > 0)
		fputc('\n', out);
	if (late > 0)
		fprintf(out, "sender: %" PRIu64 " packets left more than 1 ms behind schedule\n", late);
	if (send_drops > 0 || receive_drops > 0)
		fprintf(out, "local drops: %" PRIu64 " while sending (tried again), %" PRIu64
			" while receiving (a socket's buffer was full): %" PRIu64 " of the lost were lost here\n", send_drops,
			receive_drops, lost_local);
}

bool fz_out_targets_text(const struct fz_target_result *results, size_t count, bool brief, FILE *out)
{
	size_t measured = count_measured(results, count), width = strlen("target");

	for (size_t i = 0; i < count && !brief; i++) {
		size_t wide = width_of(results[i].target);

		if (wide > width)
			width = wide < TARGET_WIDTH_MAX ? wide : TARGET_WIDTH_MAX;
	}
	if (!brief) {
		fprintf(out, "%s, %zu targets: %zu measured, %zu not\n\n", results[0].result.protocol, count, measured,
			count - measured);
		put_padded("target", width, out);
		fprintf(out, "  %-13s %-10s %9s %8s %10s %10s %10s %10s  %s\n", "mode", "key", "sent", "lost", "min ms",
			"median ms", "p95 ms", "max ms", "state");
	}
	for (size_t i = 0; i < count; i++) {
		if (brief)
			put_brief(&results[i], out);
		else
			put_line(&results[i], width, out);
	}
	if (!brief)
		put_trouble(results, count, out);
	return ferror(out) == 0;
}

static json_t *error_of(const struct fz_fault *fault)
{
	json_t *object = json_object();

	json_object_set_new(object, "reason", json_string(fz_fault_name(fault->reason)));
	json_object_set_new(object, "text", fz_json_text(fault->text));
	return object;
}

/* A document of one target, and what only several have. */
static json_t *document(const struct fz_target_result *result)
{
	bool set_up = result->result.session_count > 0;
	json_t *object = fz_json_result(&result->result), *target = json_string(result->target);

	if (object == NULL || target == NULL || json_object_set(object, "target", target) < 0) {
		json_decref(target);
		json_decref(object);
		return NULL;
	}
	json_decref(target);
	if (!set_up) {
		json_object_set_new(object, "mode", json_null());
		json_object_set_new(object, "features", json_null());
		json_object_set_new(object, "key", json_null());
		json_object_del(object, "sessions");
	}
	if (!is_measured(result))
		json_object_set_new(object, "error", error_of(result->fault));
	return object;
}

bool fz_out_targets_json(const struct fz_target_result *results, size_t count, FILE *out)
{
	size_t measured = count_measured(results, count);

	/* One after the other: thousands of them as one tree would take more memory than the measurement. */
	fprintf(out, "{\n  \"schema\": \"fizeau.result/1\",\n  \"protocol\": \"%s\",\n  \"targets\": %zu,\n"
		"  \"measured\": %zu,\n  \"failed\": %zu,\n  \"results\": [\n", results[0].result.protocol, count, measured,
		count - measured);
	for (size_t i = 0; i < count; i++) {
		json_t *object = document(&results[i]);
		bool good = object != NULL && json_dumpf(object, out, JSON_INDENT(2) | JSON_REAL_PRECISION(9)) == 0 &&
			fputs(i + 1 < count ? ",\n" : "\n", out) != EOF;

		json_decref(object);
		if (!good)
			return false;
	}
	fputs("  ]\n}\n", out);
	return ferror(out) == 0;
}
