/* SPDX-License-Identifier: MIT */
/* confine.c - see confine.h: capabilities. libcap would be a library for three calls. */
#include "common/confine.h"

#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/banned.h"

#define CAPABILITIES_MAX 64

void confine_bounding(void)
{
	for (unsigned long i = 0; i < CAPABILITIES_MAX; i++)
		(void)prctl(PR_CAPBSET_DROP, i, 0, 0, 0);
}

void confine_capabilities(uint64_t keep)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct sets[_LINUX_CAPABILITY_U32S_3] = {{0}};

	(void)prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	if (syscall(SYS_capget, &header, sets) != 0)
		return;
	for (size_t i = 0; i < _LINUX_CAPABILITY_U32S_3; i++) {
		uint32_t kept = (uint32_t)(keep >> (32 * i)) & sets[i].permitted;

		sets[i] = (struct __user_cap_data_struct){.effective = kept, .permitted = kept};
	}
	(void)syscall(SYS_capset, &header, sets);
}

void confine_privileges(uint64_t keep)
{
	confine_capabilities(keep);
	(void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}
