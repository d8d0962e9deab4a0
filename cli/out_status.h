/* SPDX-License-Identifier: MIT */
#ifndef FZ_CLI_OUT_STATUS_H
#define FZ_CLI_OUT_STATUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <fizeau/error.h>

/* Prints a fizeau.status/1 document: as it is, or for people whatever it holds, so that an older fizeau shows what a
   newer fizeaud has to tell. False if it is no such document. */
FIZEAU_MUST_USE bool fz_out_status(const char *text, size_t len, bool json, FILE *out);

#endif
