/* SPDX-License-Identifier: MIT */
#include "iked_conf.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define WORDS_MAX 12
#define LINE_MAX_OCTETS 1024

struct parser {
	struct iked_conf *conf;
	const char *path;
	char dir[PATH_MAX];
	unsigned line;
	char *words[WORDS_MAX];
	size_t count;
	char *error;
	size_t error_octets;
};

__attribute__((format(printf, 2, 3))) static bool wrong(struct parser *p, const char *format, ...)
{
	int n = p->line ? snprintf(p->error, p->error_octets, "%s:%u: ", p->path, p->line) :
			  snprintf(p->error, p->error_octets, "%s: ", p->path);
	va_list args;

	if (n < 0 || (size_t)n >= p->error_octets)
		return false;
	va_start(args, format);
	vsnprintf(p->error + n, p->error_octets - (size_t)n, format, args);
	va_end(args);
	return false;
}

static bool set_text(struct parser *p, char *to, size_t size, const char *text)
{
	size_t len = strlen(text);

	if (!len || len >= size)
		return wrong(p, "'%s' must have 1 to %zu octets", text, size - 1);
	memcpy(to, text, len + 1);
	return true;
}

/* Relative to the folder of the configuration. */
static bool set_path(struct parser *p, char **to, const char *text)
{
	size_t size = strlen(p->dir) + strlen(text) + 2;

	if (*to)
		return wrong(p, "%s is given twice", p->words[0]);
	*to = malloc(size);
	if (!*to)
		return wrong(p, "no memory");
	if (text[0] == '/')
		memcpy(*to, text, strlen(text) + 1);
	else
		snprintf(*to, size, "%s/%s", p->dir, text);
	return true;
}

static bool set_number(struct parser *p, unsigned *to, const char *text, unsigned min, unsigned max)
{
	char *end;
	unsigned long n;

	errno = 0;
	n = strtoul(text, &end, 10);
	if (text[0] < '0' || text[0] > '9' || *end || errno || n < min || n > max)
		return wrong(p, "'%s' is not a number from %u to %u", text, min, max);
	*to = (unsigned)n;
	return true;
}

static bool set_port(struct parser *p, uint16_t *to, const char *text)
{
	unsigned port = 0;

	if (!set_number(p, &port, text, 1, 65535))
		return false;
	if (port == 500)
		return wrong(p, "port 500 speaks IKE without the non-ESP marker; use 4500 or a private port");
	*to = (uint16_t)port;
	return true;
}

static bool set_address(struct parser *p, char *to, size_t size, const char *text)
{
	unsigned char raw[16];
	int family = strchr(text, ':') ? AF_INET6 : AF_INET;

	if (inet_pton(family, text, raw) != 1 || !inet_ntop(family, raw, to, (socklen_t)size))
		return wrong(p, "'%s' is no IPv4 or IPv6 address", text);
	return true;
}

static bool set_duration(struct parser *p, unsigned *to, const char *text)
{
	size_t len = strlen(text);
	unsigned unit = 1, n = 0;
	char digits[16];

	if (len && strchr("smhd", text[len - 1])) {
		unit = text[len - 1] == 'm' ? 60 : text[len - 1] == 'h' ? 3600 : text[len - 1] == 'd' ? 86400 : 1;
		len--;
	}
	if (!len || len >= sizeof(digits))
		return wrong(p, "'%s' is no duration: 30s, 10m, 4h, 1d", text);
	memcpy(digits, text, len);
	digits[len] = '\0';
	if (!set_number(p, &n, digits, 0, 86400))
		return wrong(p, "'%s' is no duration: 30s, 10m, 4h, 1d", text);
	if (n > 86400 / unit)
		return wrong(p, "'%s' is more than a day", text);
	*to = n * unit;
	return true;
}

/* A file that others can read is no secret. */
static bool check_private(struct parser *p, const char *path)
{
	struct stat st;

	if (stat(path, &st))
		return wrong(p, "cannot read %s: %s", path, strerror(errno));
	if (st.st_mode & 077)
		return wrong(p, "%s can be read by others: chmod 600 %s", path, path);
	return true;
}

/* A pre-shared key is the first line of its file. */
static bool read_psk(struct parser *p, struct iked_psk *psk, const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, psk->octets, sizeof(psk->octets));
	uint8_t *end;

	if (fd >= 0)
		close(fd);
	if (n < 0)
		return wrong(p, "cannot read %s: %s", path, strerror(errno));
	end = memchr(psk->octets, '\n', (size_t)n);
	psk->len = end ? (size_t)(end - psk->octets) : (size_t)n;
	if (!end && psk->len == sizeof(psk->octets))
		return wrong(p, "the key in %s is longer than %zu octets", path, sizeof(psk->octets) - 1);
	if (psk->len < 8)
		return wrong(p, "the key in %s is shorter than 8 octets: openssl rand -hex 32 > %s", path, path);
	return true;
}

static bool set_psk(struct parser *p, struct iked_psk *psk, const char *text)
{
	char *path = NULL;
	bool ok;

	if (psk->len)
		return wrong(p, "psk is given twice");
	ok = set_path(p, &path, text) && check_private(p, path) && read_psk(p, psk, path);
	free(path);
	return ok;
}

/* `local ADDRESS [port N]` */
static bool on_local(struct parser *p)
{
	if (p->count != 2 && !(p->count == 4 && !strcmp(p->words[2], "port")))
		return wrong(p, "local ADDRESS [port N]");
	if (p->conf->local[0])
		return wrong(p, "local is given twice: one address a daemon");
	return set_address(p, p->conf->local, sizeof(p->conf->local), p->words[1]) &&
		(p->count == 2 || set_port(p, &p->conf->port, p->words[3]));
}

static bool peer_option(struct parser *p, struct iked_peer *peer, const char *option, const char *value)
{
	if (!strcmp(option, "port"))
		return set_port(p, &peer->port, value);
	if (!strcmp(option, "id"))
		return set_text(p, peer->id, sizeof(peer->id), value);
	if (!strcmp(option, "name"))
		return set_text(p, peer->name, sizeof(peer->name), value);
	if (!strcmp(option, "psk"))
		return set_psk(p, &peer->psk, value);
	if (!strcmp(option, "ca"))
		return set_path(p, &peer->ca, value);
	return wrong(p, "'%s': a peer has port, id, name, psk and ca", option);
}

/* `peer ADDRESS|any [port N] [id ID] [name NAME] [psk FILE|ca FILE]` */
static bool on_peer(struct parser *p)
{
	struct iked_peer *peers, *peer;

	if (p->count < 2 || p->count % 2)
		return wrong(p, "peer ADDRESS [port N] [id ID] [name NAME] [psk FILE|ca FILE]");
	if (p->conf->peer_count == IKED_PEERS_MAX)
		return wrong(p, "more than %d peers", IKED_PEERS_MAX);
	peers = realloc(p->conf->peers, (p->conf->peer_count + 1) * sizeof(*peers));
	if (!peers)
		return wrong(p, "no memory");
	p->conf->peers = peers;
	peer = &peers[p->conf->peer_count++];
	*peer = (struct iked_peer){.port = IKED_PORT, .line = p->line};
	if (!strcmp(p->words[1], "any"))
		memcpy(peer->address, "%any", 5);
	else if (!set_address(p, peer->address, sizeof(peer->address), p->words[1]))
		return false;
	for (size_t i = 2; i < p->count; i += 2)
		if (!peer_option(p, peer, p->words[i], p->words[i + 1]))
			return false;
	if (!peer->id[0] && peer->address[0] == '%')
		return wrong(p, "peer any needs an id, which may be a pattern: id *.example.org");
	if (!peer->id[0])
		memcpy(peer->id, peer->address, sizeof(peer->address));
	if (!peer->name[0])
		memcpy(peer->name, peer->address[0] == '%' ? "any" : peer->address,
			peer->address[0] == '%' ? 4 : sizeof(peer->name));
	for (size_t i = 0; i + 1 < p->conf->peer_count; i++)
		if (!strcmp(peers[i].name, peer->name))
			return wrong(p, "a second peer with the name '%s': give it another one with name", peer->name);
	return true;
}

static bool on_proposal(struct parser *p)
{
	struct iked_conf *c = p->conf;

	if (c->proposal_count == IKED_PROPOSALS_MAX)
		return wrong(p, "more than %d proposals", IKED_PROPOSALS_MAX);
	c->proposal_lines[c->proposal_count] = p->line;
	return set_text(p, c->proposals[c->proposal_count++], IKED_TEXT_MAX, p->words[1]);
}

static bool on_ca(struct parser *p)
{
	if (p->conf->ca_count == IKED_CAS_MAX)
		return wrong(p, "more than %d CAs", IKED_CAS_MAX);
	return set_path(p, &p->conf->cas[p->conf->ca_count++], p->words[1]);
}

static bool on_one(struct parser *p)
{
	struct iked_conf *c = p->conf;
	const char *directive = p->words[0], *value = p->words[1];

	if (p->count != 2)
		return wrong(p, "%s takes one argument; quote it if it has blanks", directive);
	if (!strcmp(directive, "id"))
		return set_text(p, c->id, sizeof(c->id), value);
	if (!strcmp(directive, "vici"))
		return set_path(p, &c->vici, value);
	if (!strcmp(directive, "group"))
		return set_text(p, c->group, sizeof(c->group), value);
	if (!strcmp(directive, "certificate"))
		return set_path(p, &c->certificate, value);
	if (!strcmp(directive, "key"))
		return set_path(p, &c->key, value) && check_private(p, c->key);
	if (!strcmp(directive, "socket"))
		return set_path(p, &c->socket, value);
	if (!strcmp(directive, "ca"))
		return on_ca(p);
	if (!strcmp(directive, "psk"))
		return set_psk(p, &c->psk, value);
	if (!strcmp(directive, "proposal"))
		return on_proposal(p);
	if (!strcmp(directive, "rekey"))
		return set_duration(p, &c->rekey_s, value);
	if (!strcmp(directive, "dpd"))
		return set_duration(p, &c->dpd_s, value);
	if (!strcmp(directive, "grace"))
		return set_duration(p, &c->grace_s, value);
	if (!strcmp(directive, "grace-deleted"))
		return set_duration(p, &c->grace_deleted_s, value);
	if (!strcmp(directive, "log"))
		return set_number(p, &c->log, value, 0, 2);
	return wrong(p, "'%s' is no directive: local, id, certificate, key, ca, psk, peer, socket, group, proposal, rekey, "
			"dpd, grace, grace-deleted, vici, log", directive);
}

/* Words are separated by blanks; "a word in quotes" may have some. */
static bool split(struct parser *p, char *line)
{
	p->count = 0;
	for (;;) {
		char end = ' ';

		line += strspn(line, " \t");
		if (!*line || *line == '#')
			return true;
		if (p->count == WORDS_MAX)
			return wrong(p, "more than %d words", WORDS_MAX);
		if (*line == '"') {
			end = '"';
			line++;
		}
		p->words[p->count++] = line;
		line += end == '"' ? strcspn(line, "\"") : strcspn(line, " \t");
		if (!*line && end == '"')
			return wrong(p, "a quote is not closed");
		if (*line)
			*line++ = '\0';
	}
}

static bool read_line(struct parser *p, char *line)
{
	char *end = strpbrk(line, "\r\n");

	p->line++;
	if (end)
		*end = '\0';
	else if (strlen(line) == LINE_MAX_OCTETS - 1)
		return wrong(p, "the line is longer than %d octets", LINE_MAX_OCTETS - 2);
	if (!split(p, line))
		return false;
	if (!p->count)
		return true;
	if (!strcmp(p->words[0], "local"))
		return on_local(p);
	if (!strcmp(p->words[0], "peer"))
		return on_peer(p);
	return on_one(p);
}

/* What no line alone can tell. */
static bool check_whole(struct parser *p)
{
	struct iked_conf *c = p->conf;

	p->line = 0;
	if (!c->local[0])
		return wrong(p, "there is no local ADDRESS");
	if (!c->id[0])
		memcpy(c->id, c->local, sizeof(c->local));
	if (!c->certificate != !c->key)
		return wrong(p, "certificate and key go together");
	for (size_t i = 0; i < c->peer_count; i++) {
		p->line = c->peers[i].line;
		if (!c->peers[i].psk.len && !c->psk.len && !c->certificate)
			return wrong(p, "nothing authenticates us to this peer: give certificate, key and ca, or psk FILE");
		if (c->peers[i].ca && (c->peers[i].psk.len || c->psk.len))
			return wrong(p, "a peer has a psk or a ca, not both");
		if (!c->peers[i].psk.len && !c->psk.len && !c->ca_count && !c->peers[i].ca)
			return wrong(p, "nothing authenticates this peer: give the ca that issued its certificate");
	}
	p->line = 0;
	if (!c->socket) {
		char name[] = "ike.sock", *words[] = {name};

		p->words[0] = words[0];
		return set_path(p, &c->socket, name);
	}
	return true;
}

static bool find_folder(struct parser *p)
{
	char *slash;

	if (!realpath(p->path, p->dir))
		return wrong(p, "cannot read it: %s", strerror(errno));
	slash = strrchr(p->dir, '/');
	*(slash == p->dir ? slash + 1 : slash) = '\0';
	return true;
}

struct iked_conf *iked_conf_load(const char *path, char *error, size_t error_octets)
{
	struct parser p = {.path = path, .error = error, .error_octets = error_octets};
	char line[LINE_MAX_OCTETS];
	FILE *file = NULL;
	bool ok;

	error[0] = '\0';
	p.conf = calloc(1, sizeof(*p.conf));
	ok = p.conf ? find_folder(&p) : wrong(&p, "no memory");
	if (ok && !(file = fopen(path, "re")))
		ok = wrong(&p, "cannot read it: %s", strerror(errno));
	if (ok) {
		p.conf->port = IKED_PORT;
		p.conf->rekey_s = 4 * 3600;
		p.conf->dpd_s = 30;
		p.conf->grace_s = 300;
		p.conf->grace_deleted_s = 30;
		p.conf->log = 1;
	}
	while (ok && fgets(line, sizeof(line), file))
		ok = read_line(&p, line);
	if (ok)
		ok = check_whole(&p);
	if (file)
		fclose(file);
	if (!ok) {
		iked_conf_free(p.conf);
		return NULL;
	}
	return p.conf;
}

void iked_conf_free(struct iked_conf *c)
{
	if (!c)
		return;
	for (size_t i = 0; i < c->ca_count; i++)
		free(c->cas[i]);
	free(c->certificate);
	free(c->key);
	free(c->socket);
	free(c->vici);
	for (size_t i = 0; i < c->peer_count; i++)
		free(c->peers[i].ca);
	if (c->peers)
		explicit_bzero(c->peers, c->peer_count * sizeof(*c->peers));
	free(c->peers);
	explicit_bzero(c, sizeof(*c));
	free(c);
}
