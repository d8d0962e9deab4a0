/* SPDX-License-Identifier: MIT */
#include "ike_sa.h"

void fz_ike_sa_wipe(struct fz_ike_sa *sa)
{
	fizeau_wipe(sa, sizeof(*sa));
}
