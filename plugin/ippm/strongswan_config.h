/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What strongSwan's headers want of their config.h, for a glibc system. ME and VERSION come from meson.build: they must be
   those of the installed libcharon, since ME changes the layout of its structures. */
#ifndef IPPM_STRONGSWAN_CONFIG_H
#define IPPM_STRONGSWAN_CONFIG_H

#define CONFIG_H_INCLUDED
#define HAVE_ALLOCA_H 1
#define HAVE_STDBOOL_H 1
#define HAVE__BOOL 1
#define HAVE_SYS_PARAM_H 1
#define HAVE_SIGWAITINFO 1
#define HAVE_CLOSEFROM 1
#define HAVE_EXPLICIT_BZERO 1
#define HAVE_MEMRCHR 1
#define HAVE_FMEMOPEN 1
#define HAVE_CLOCK_GETTIME 1
#define HAVE_CONDATTR_CLOCK_MONOTONIC 1
#define HAVE_PRINTF_SPECIFIER 1
#define HAVE_INT128 1
#define USE_IKEV2 1

#endif
