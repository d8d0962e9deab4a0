/* SPDX-License-Identifier: MIT */
#include "fault.h"

const char *fz_fault_name(enum fz_fault_reason reason)
{
	static const char *const names[] = {
		[FZ_FAULT_NONE] = "none",
		[FZ_FAULT_UNRESOLVED] = "unresolved",
		[FZ_FAULT_UNREACHABLE] = "unreachable",
		[FZ_FAULT_SILENT] = "silent",
		[FZ_FAULT_REFUSED] = "refused",
		[FZ_FAULT_KEYING] = "keying",
		[FZ_FAULT_CONNECTION] = "control_connection",
		[FZ_FAULT_SENDING] = "sending",
		[FZ_FAULT_LATE] = "late",
		[FZ_FAULT_LOST] = "lost",
		[FZ_FAULT_DISCARDED] = "discarded",
		[FZ_FAULT_LOCAL] = "local",
		[FZ_FAULT_INTERRUPTED] = "interrupted",
	};

	return names[reason];
}
