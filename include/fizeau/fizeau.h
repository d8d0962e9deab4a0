/* SPDX-License-Identifier: MIT */
/* All of the public API. */
#ifndef FIZEAU_FIZEAU_H
#define FIZEAU_FIZEAU_H

#include "control_client.h"
#include "error.h"
#include "event.h"
#include "fetch_client.h"
#include "keys.h"
#include "receiver.h"
#include "record.h"
#include "reflector.h"
#include "schedule.h"
#include "sender.h"
#include "server.h"
#include "st.h"
#include "st_reflector.h"
#include "st_sender.h"
#include "stats.h"
#include "time.h"

#endif
