/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One UDP socket, bound to the configured address: several daemons fit on one host, and none of them hears what is
   addressed to another. charon's own socket plugin binds the port on all addresses. */
#include <errno.h>
#include <poll.h>
#include <unistd.h>

#include <daemon.h>
#include <threading/thread.h>

#include "iked_kernel.h"

#define PACKET_MAX 10000 /* as charon's own limit */

struct iked_socket {
	socket_t public; /* first: charon calls with it */
	int fd;
	host_t *local;
};

METHOD(socket_t, receive, status_t, struct iked_socket *this, packet_t **packet)
{
	struct pollfd pfd = {.fd = this->fd, .events = POLLIN};
	struct sockaddr_storage from;
	socklen_t from_len = sizeof(from);
	u_char octets[PACKET_MAX];
	bool old = thread_cancelability(TRUE);
	int ready = poll(&pfd, 1, -1);
	ssize_t len;
	packet_t *p;

	thread_cancelability(old);
	if (ready <= 0)
		return FAILED;
	/* MSG_TRUNC: the true length, so that a datagram which did not fit is seen. */
	len = recvfrom(this->fd, octets, sizeof(octets), MSG_DONTWAIT | MSG_TRUNC, (struct sockaddr *)&from, &from_len);
	if (len < 0 || (size_t)len > sizeof(octets))
		return FAILED;
	p = packet_create();
	p->set_source(p, host_create_from_sockaddr((sockaddr_t *)&from));
	p->set_destination(p, this->local->clone(this->local));
	p->set_data(p, chunk_clone(chunk_create(octets, (size_t)len)));
	*packet = p;
	return SUCCESS;
}

METHOD(socket_t, send_packet, status_t, struct iked_socket *this, packet_t *packet)
{
	host_t *to = packet->get_destination(packet);
	chunk_t data = packet->get_data(packet);

	if (to->get_family(to) != this->local->get_family(this->local))
		return FAILED;
	if (sendto(this->fd, data.ptr, data.len, 0, to->get_sockaddr(to), *to->get_sockaddr_len(to)) < 0) {
		DBG1(DBG_NET, "cannot send to %#H: %s", to, strerror(errno));
		return FAILED;
	}
	return SUCCESS;
}

METHOD(socket_t, get_port, uint16_t, struct iked_socket *this, bool nat_t)
{
	(void)nat_t;
	return this->local->get_port(this->local);
}

METHOD(socket_t, supported_families, socket_family_t, struct iked_socket *this)
{
	return this->local->get_family(this->local) == AF_INET ? SOCKET_FAMILY_IPV4 : SOCKET_FAMILY_IPV6;
}

METHOD(socket_t, destroy, void, struct iked_socket *this)
{
	if (this->fd >= 0)
		close(this->fd);
	DESTROY_IF(this->local);
	free(this);
}

socket_t *iked_socket_create(void)
{
	struct iked_socket *this;

	INIT(this,
		.public = {
			.receive = _receive,
			.send = _send_packet,
			.get_port = _get_port,
			.supported_families = _supported_families,
			.destroy = _destroy,
		},
		.fd = -1,
		.local = iked_local_host(),
	);
	if (this->local)
		this->fd = socket(this->local->get_family(this->local), SOCK_DGRAM | SOCK_CLOEXEC, IPPROTO_UDP);
	if (this->fd < 0 || bind(this->fd, this->local->get_sockaddr(this->local),
				*this->local->get_sockaddr_len(this->local))) {
		DBG1(DBG_NET, "cannot bind UDP %#H: %s", this->local, strerror(errno));
		destroy(this);
		return NULL;
	}
	return &this->public;
}
