/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What charon needs to be told from the configuration: credentials, proposals and one connection a peer. */
#ifndef IKED_BACKEND_H
#define IKED_BACKEND_H

#include "iked_conf.h"

struct iked_backend;

/* Loads credentials and makes connections. Needs the plugins of libstrongswan to be loaded. NULL: error says why. */
struct iked_backend *iked_backend_new(const struct iked_conf *conf, char *error, size_t error_octets);
/* Registers with charon. */
void iked_backend_register(struct iked_backend *backend);
/* Unregisters if it was registered; NULL is fine. */
void iked_backend_free(struct iked_backend *backend);

#endif
