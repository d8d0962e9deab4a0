/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "daemon/log.h"

/* stderr goes into a file while a test runs; what is in it is the result. */
struct capture {
	int saved;
	FILE *file;
	char text[16384];
};

static void begin(struct capture *c)
{
	fflush(stderr);
	c->saved = dup(2);
	c->file = tmpfile();
	assert_non_null(c->file);
	assert_true(dup2(fileno(c->file), 2) == 2);
}

static void end(struct capture *c)
{
	size_t len;

	fflush(stderr);
	assert_true(dup2(c->saved, 2) == 2);
	close(c->saved);
	rewind(c->file);
	len = fread(c->text, 1, sizeof(c->text) - 1, c->file);
	c->text[len] = '\0';
	fclose(c->file);
}

static size_t lines_with(const char *text, const char *what)
{
	size_t count = 0;

	for (; (text = strstr(text, what)); text += strlen(what))
		count++;
	return count;
}

static struct fz_addr host(const char *text)
{
	struct fz_addr addr;

	assert_true(fz_addr_parse(text, &addr));
	return addr;
}

static void one_peer_does_not_drown_another(void **state)
{
	struct fz_addr loud = host("192.0.2.1"), quiet = host("2001:db8::7");
	struct capture c;
	struct fz_log log;

	(void)state;
	fz_log_open(&log, false, FZ_LOG_INFO);
	begin(&c);
	for (int i = 0; i < 1000; i++)
		fz_log_peer(&log, FZ_LOG_INFO, &loud, (struct fizeau_mono){5000000000}, "loud");
	fz_log_peer(&log, FZ_LOG_INFO, &quiet, (struct fizeau_mono){5000000000}, "quiet");
	fz_log_peer(&log, FZ_LOG_INFO, &loud, (struct fizeau_mono){6000000000}, "later");
	end(&c);
	assert_int_equal(lines_with(c.text, "192.0.2.1:0: loud\n"), 20);
	assert_int_equal(lines_with(c.text, "quiet\n"), 1);
	assert_int_equal(lines_with(c.text, "(980 earlier lines left out) later\n"), 1);
}

/*= rfc7717#section-5.3 IK-5.3-09 */
static void what_goes_well_does_not_crowd_out_a_warning(void **state)
{
	struct fz_addr peer = host("192.0.2.1");
	struct capture c;
	struct fz_log log;

	(void)state;
	begin(&c);
	fz_log_open(&log, false, FZ_LOG_INFO);
	for (int i = 0; i < 100; i++)
		fz_log_peer(&log, FZ_LOG_INFO, &peer, (struct fizeau_mono){1}, "set up");
	fz_log_peer(&log, FZ_LOG_WARNING, &peer, (struct fizeau_mono){1}, "no such IKE SA");
	end(&c);
	assert_int_equal(lines_with(c.text, "warning: 192.0.2.1:0: no such IKE SA\n"), 1);
}

static void a_line_stays_one_line_of_text(void **state)
{
	struct capture c;
	struct fz_log log;

	(void)state;
	fz_log_open(&log, false, FZ_LOG_INFO);
	begin(&c);
	fz_log(&log, FZ_LOG_INFO, "%s", "a\nb\x1b[2J\xff\xc3\xbc\xc3");
	fz_log(&log, FZ_LOG_DEBUG, "not wanted");
	fz_log(&log, FZ_LOG_ERROR, "bad");
	end(&c);
	assert_string_equal(c.text, "fizeaud: a?b?[2J?\xc3\xbc?\nfizeaud: error: bad\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_peer_does_not_drown_another),
		cmocka_unit_test(what_goes_well_does_not_crowd_out_a_warning),
		cmocka_unit_test(a_line_stays_one_line_of_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
