/* SPDX-License-Identifier: MIT */
/* A worker's own side: what fizeaud does when it was started by itself, to reflect. */
#ifndef FZ_DAEMON_WORKER_H
#define FZ_DAEMON_WORKER_H

#define FZ_WORKER_NAME "fizeaud-worker" /* its argv[0] */
#define FZ_WORKER_ORDERS 3              /* descriptor of the socket */
#define FZ_WORKER_FIGURES 4             /* descriptor of the memory */

/* Reflects until the main process is gone; the exit status. */
int fz_worker_run(void);

#endif
