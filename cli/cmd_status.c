/* SPDX-License-Identifier: MIT */
/* fizeau status: what a running fizeaud says of itself on its control socket (fizeau.status/1, fizeaud(8)). */
#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "cli.h"
#include "io/clock.h"
#include "io/tcp.h"
#include "out_status.h"

#define CONTROL "/run/fizeaud.sock"
#define PATIENCE_NS 5000000000
#define DOCUMENT_MAX (64u << 20)

static const char help[] =
	"usage: fizeau status [OPTIONS]\n"
	"Shows what a running fizeaud does: connections, sessions, rates, drops by reason, limits.\n"
	"\n"
	"      --control PATH  its control socket (/run/fizeaud.sock)\n"
	"  -j, --json          its JSON document as it is, fizeaud(8)\n"
	"      --help          this\n"
	"\n"
	"Exit status: 0 shown; 1 no fizeaud there, or it does not answer; 2 wrong usage.\n";

struct document {
	char *text;
	size_t len, room;
};

static int grow(struct document *document)
{
	size_t room = document->room == 0 ? 65536 : document->room * 2;
	char *text;

	if (document->len < document->room)
		return 0;
	if (room > DOCUMENT_MAX)
		return -EMSGSIZE;
	text = realloc(document->text, room);
	if (text == NULL)
		return -ENOMEM;
	document->text = text;
	document->room = room;
	return 0;
}

/* Reads until the daemon closes. */
static int receive(int fd, struct document *document)
{
	struct fizeau_mono until = {fz_clock_mono().ns + PATIENCE_NS};

	while (true) {
		int64_t left = until.ns - fz_clock_mono().ns;
		struct pollfd ready = {.fd = fd, .events = POLLIN};
		int rc = grow(document);
		ssize_t n;

		if (rc < 0)
			return rc;
		if (left <= 0)
			return -ETIMEDOUT;
		if (poll(&ready, 1, (int)(left / 1000000) + 1) < 0 && errno != EINTR)
			return -errno;
		n = recv(fd, document->text + document->len, document->room - document->len, MSG_DONTWAIT);
		if (n == 0)
			return 0;
		if (n > 0)
			document->len += (size_t)n;
		else if (errno != EAGAIN && errno != EINTR)
			return -errno;
	}
}

static int fetch(const char *path, struct document *document)
{
	int fd = fz_unix_connect(path);
	int rc;

	if (fd < 0)
		return fd;
	rc = receive(fd, document);
	close(fd);
	return rc;
}

static int show(const char *path, bool json)
{
	struct document document = {0};
	int rc = fetch(path, &document), status = FZ_EXIT_REFUSED;

	if (rc == -ENOENT || rc == -ECONNREFUSED)
		fz_complain("no fizeaud at %s: is it running? --control PATH names another socket", path);
	else if (rc == -EACCES)
		fz_complain("%s: permission denied: only root and the user of fizeaud may ask", path);
	else if (rc < 0)
		fz_complain("fizeaud at %s does not answer: %s", path, strerror(-rc));
	else if (!fz_out_status(document.text, document.len, json, stdout))
		fz_complain("what answers at %s is no fizeaud, or one of another version", path);
	else
		status = FZ_EXIT_MEASURED;
	free(document.text);
	return status;
}

int fz_cmd_status(int argc, char **argv)
{
	static const struct option long_options[] = {
		{"control", required_argument, NULL, 'c'},
		{"json", no_argument, NULL, 'j'},
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
	};
	const char *path = CONTROL;
	bool json = false;
	int option;

	optind = 0;
	opterr = 0;
	while ((option = getopt_long(argc, argv, ":jh", long_options, NULL)) != -1) {
		if (option == 'h') {
			fputs(help, stdout);
			return FZ_EXIT_MEASURED;
		}
		if (option == 'c') {
			path = optarg;
		} else if (option == 'j') {
			json = true;
		} else {
			fz_complain("%s %s: fizeau status --help lists the options",
				option == ':' ? "no value for" : "unknown option", argv[optind - 1]);
			return FZ_EXIT_USAGE;
		}
	}
	if (optind != argc) {
		fz_complain("fizeau status takes no argument %s", argv[optind]);
		return FZ_EXIT_USAGE;
	}
	return show(path, json);
}
