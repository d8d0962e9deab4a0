/* SPDX-License-Identifier: MIT */
/* What fizeaud costs: packets it reflects per second of CPU beside a bare recvmsg/sendmsg echo in the same run,
   control set-ups per second of each mode, and memory of a session.

     bench_fizeaud FIZEAUD [PACKETS]

   Figures of CPU are the reflecting process's own (user and system, /proc/PID/stat); the generator's do not count. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <netinet/in.h>
#include "io/clock.h"
#include "control.h"

enum { WINDOW = 32, RUNS = 5, PACKET_MAX = 256, CONTROL_PORT = 18629, SET_UPS = 200 };

static struct sockaddr_in loopback(uint16_t port)
{
	return (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

static int udp_socket(uint16_t *port)
{
	struct sockaddr_in local = loopback(0);
	socklen_t len = sizeof(local);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct timeval patience = {.tv_sec = 1};
	if (fd < 0 || bind(fd, (struct sockaddr *)&local, len) < 0 || getsockname(fd, (struct sockaddr *)&local, &len) < 0 ||
		setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) < 0)
		bench_fail("UDP socket", -errno);
	*port = ntohs(local.sin_port);
	return fd;
}

/* The echo that everything is measured against: one recvmsg and one sendmsg a packet, nothing else. */
static _Noreturn void echo(int fd)
{
	uint8_t octets[PACKET_MAX];
	struct sockaddr_in from;
	for (;;) {
		struct iovec iov = {octets, sizeof(octets)};
		struct msghdr msg = {.msg_name = &from, .msg_namelen = sizeof(from), .msg_iov = &iov, .msg_iovlen = 1};
		ssize_t n = recvmsg(fd, &msg, 0);
		if (n < 0)
			continue;
		iov.iov_len = (size_t)n;
		if (sendmsg(fd, &msg, 0) < 0)
			continue;
	}
}

static pid_t start_echo(uint16_t *port)
{
	int fd = udp_socket(port);
	pid_t pid = fork();
	if (pid < 0)
		bench_fail("fork", -errno);
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		echo(fd);
	}
	close(fd);
	return pid;
}

static void write_file(const char *path, const char *text)
{
	int fd = open(path, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
	if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		bench_fail(path, -errno);
	close(fd);
}

static pid_t start_fizeaud(const char *program, const char *folder)
{
	char conf[160], keys[160], text[1024];
	snprintf(conf, sizeof(conf), "%s/fizeaud.conf", folder);
	snprintf(keys, sizeof(keys), "%s/keys", folder);
	snprintf(text, sizeof(text),
		"listen twamp 127.0.0.1 %d\nkeys %s\nike off\nuser -\ncontrol %s/ctl\npbkdf2-count 1024\n"
		"class bench any\nlimit bench connections 100000\nlimit bench sessions 100000\nlimit bench rate 10000000\n"
		"limit bench bandwidth 100000000000\nlimit bench packets 4000000000\n",
		CONTROL_PORT, keys, folder);
	write_file(keys, "bench bench passphrase\n");
	write_file(conf, text);
	pid_t pid = fork();
	if (pid < 0)
		bench_fail("fork", -errno);
	if (pid == 0) {
		int quiet = open("/dev/null", O_WRONLY | O_CLOEXEC);
		prctl(PR_SET_PDEATHSIG, SIGTERM);
		if (quiet < 0 || dup2(quiet, STDERR_FILENO) < 0)
			_exit(126);
		execl(program, program, "-f", "-c", conf, (char *)NULL);
		_exit(127);
	}
	for (int i = 0; i < 200; i++) {
		struct sockaddr_in to = loopback(CONTROL_PORT);
		int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		int connected = connect(fd, (struct sockaddr *)&to, sizeof(to));
		close(fd);
		if (!connected)
			return pid;
		usleep(20000);
	}
	bench_fail("fizeaud does not listen", -ETIMEDOUT);
}

/* CPU seconds of a process so far. */
static double cpu_of(pid_t pid)
{
	char path[64], text[1024];
	unsigned long user = 0, system = 0;
	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	FILE *f = fopen(path, "re");
	if (!f || !fgets(text, sizeof(text), f))
		bench_fail(path, -errno);
	fclose(f);
	char *after = strrchr(text, ')');
	if (!after || sscanf(after + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &system) != 2)
		bench_fail(path, FIZEAU_ERR_MALFORMED);
	return (double)(user + system) / (double)sysconf(_SC_CLK_TCK);
}

static long rss_kib(pid_t pid)
{
	char path[64], line[256];
	long kib = -1;
	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	FILE *f = fopen(path, "re");
	while (f && kib < 0 && fgets(line, sizeof(line), f)) {
		if (!strncmp(line, "VmRSS:", 6))
			kib = strtol(line + 6, NULL, 10);
	}
	if (f)
		fclose(f);
	return kib;
}

/* Keeps WINDOW packets under way until `packets` came back; returns packets per CPU second of the process. */
static double measure(int fd, uint16_t port, pid_t pid, uint8_t packet[WINDOW][PACKET_MAX], size_t octets, long packets)
{
	struct sockaddr_in to = loopback(port);
	uint8_t back[PACKET_MAX];
	double before = cpu_of(pid);
	long returned = 0;
	while (returned < packets) {
		for (int i = 0; i < WINDOW; i++) {
			if (sendto(fd, packet[i], octets, 0, (struct sockaddr *)&to, sizeof(to)) < 0)
				bench_fail("sendto", -errno);
		}
		for (int i = 0; i < WINDOW; i++) {
			if (recv(fd, back, sizeof(back), 0) < 0)
				bench_fail("a packet did not come back", -errno);
		}
		returned += WINDOW;
	}
	double spent = cpu_of(pid) - before;
	return spent > 0 ? (double)returned / spent : 0;
}

static void fill(struct fizeau_sender *sender, uint8_t packet[WINDOW][PACKET_MAX])
{
	struct fizeau_stamp stamp = {.ntp = UINT64_C(0xe800000000000000), .error = 0x8001};
	for (uint32_t i = 0; i < WINDOW; i++) {
		if (fizeau_sender_prepare(sender, i, packet[i]) || fizeau_sender_finish(sender, packet[i], stamp))
			bench_fail("sender", FIZEAU_ERR_CRYPTO);
	}
}

static int by_value(const void *a, const void *b)
{
	const double *x = a, *y = b;
	return (*x > *y) - (*x < *y);
}

static double median(double *values)
{
	qsort(values, RUNS, sizeof(*values), by_value);
	return values[RUNS / 2];
}

/* Echo and fizeaud take turns within one run, so that what else the machine does hits both. */
static void bench_mode(const char *name, uint32_t mode, pid_t echo_pid, uint16_t echo_port, pid_t pid, long packets)
{
	enum fizeau_test_mode test_mode = fizeau_test_mode_of(mode);
	uint8_t packet[WINDOW][PACKET_MAX];
	double bare[RUNS], ours[RUNS];
	uint16_t port;
	int fd = udp_socket(&port);
	uint32_t padding = (uint32_t)(fizeau_reflector_header_octets(test_mode) - fizeau_sender_header_octets(test_mode));
	struct bench_control control;
	struct bench_session session = {0};
	bench_control_open(&control, CONTROL_PORT, mode);
	bench_control_session(&control, port, padding, mode, &session);
	bench_control_start(&control);
	struct fizeau_sender *sender = fizeau_sender_new(
		&(struct fizeau_sender_config){.mode = test_mode, .keys = session.keys, .padding_octets = padding});
	if (!sender)
		bench_fail("sender", FIZEAU_ERR_MEMORY);
	fill(sender, packet);
	for (int i = 0; i < RUNS; i++) {
		bare[i] = measure(fd, echo_port, echo_pid, packet, fizeau_sender_octets(sender), packets);
		ours[i] = measure(fd, session.port, pid, packet, fizeau_sender_octets(sender), packets);
	}
	double b = median(bare), o = median(ours);
	printf("%-14s %12.0f %12.0f %8.2f\n", name, o, b, b > 0 ? o / b : 0);
	fizeau_sender_free(sender);
	bench_control_close(&control);
	close(fd);
}

static void bench_set_ups(const char *name, uint32_t mode, double *open_rate)
{
	int64_t before = fz_clock_mono().ns;
	for (int i = 0; i < SET_UPS; i++) {
		struct bench_control control;
		bench_control_open(&control, CONTROL_PORT, mode);
		bench_control_close(&control);
	}
	double rate = SET_UPS / ((double)(fz_clock_mono().ns - before) / 1e9);
	if (mode == FIZEAU_MODE_OPEN)
		*open_rate = rate;
	printf("%-14s %12.0f %8.2f\n", name, rate, rate / *open_rate);
}

static void bench_memory(pid_t pid, uint32_t mode, const char *name)
{
	enum { CONNECTIONS = 50, EACH = 10 };
	struct bench_control control[CONNECTIONS];
	struct bench_session session;
	long before = rss_kib(pid);
	for (int i = 0; i < CONNECTIONS; i++) {
		bench_control_open(&control[i], CONTROL_PORT, mode);
		for (int j = 0; j < EACH; j++)
			bench_control_session(&control[i], (uint16_t)(20000 + i * EACH + j), 0, mode, &session);
		bench_control_start(&control[i]);
	}
	printf("%-14s %12.1f\n", name, (double)(rss_kib(pid) - before) / (CONNECTIONS * EACH));
	for (int i = 0; i < CONNECTIONS; i++)
		bench_control_close(&control[i]);
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		uint32_t mode;
	} modes[] = {{"open", FIZEAU_MODE_OPEN}, {"authenticated", FIZEAU_MODE_AUTHENTICATED},
		{"encrypted", FIZEAU_MODE_ENCRYPTED}, {"mixed", FIZEAU_MODE_MIXED}};
	char folder[] = "/tmp/fizeau-bench-XXXXXX", path[160];
	long packets = argc > 2 ? strtol(argv[2], NULL, 10) : 100000;
	double open_rate = 1;
	uint16_t echo_port;
	if (argc < 2 || packets < WINDOW) {
		fprintf(stderr, "usage: bench_fizeaud FIZEAUD [PACKETS]\n");
		return 2;
	}
	if (!mkdtemp(folder))
		bench_fail("folder in /tmp", -errno);
	pid_t echo_pid = start_echo(&echo_port), pid = start_fizeaud(argv[1], folder);
	printf("packets reflected per CPU second (median of %d runs of %ld), beside a bare recvmsg/sendmsg echo\n"
	       "%-14s %12s %12s %8s\n",
		RUNS, packets, "mode", "fizeaud", "echo", "ratio");
	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++)
		bench_mode(modes[i].name, modes[i].mode, echo_pid, echo_port, pid, packets);
	printf("control set-ups per second, one after the other (PBKDF2 Count 1024)\n%-14s %12s %8s\n", "mode", "per s",
		"to open");
	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++)
		bench_set_ups(modes[i].name, modes[i].mode, &open_rate);
	printf("memory of a session, a tenth of a control connection included\n%-14s %12s\n", "mode", "KiB");
	bench_memory(pid, FIZEAU_MODE_OPEN, "open");
	bench_memory(pid, FIZEAU_MODE_ENCRYPTED, "encrypted");
	kill(echo_pid, SIGTERM);
	kill(pid, SIGTERM);
	while (wait(NULL) > 0)
		;
	static const char *const files[] = {"fizeaud.conf", "keys", "ctl", NULL};
	for (int i = 0; files[i]; i++) {
		snprintf(path, sizeof(path), "%s/%s", folder, files[i]);
		unlink(path);
	}
	rmdir(folder);
	return 0;
}
