/* SPDX-License-Identifier: MIT */
/* low-water.c - see low-water.h. */
#include "fetch-agent/net/low-water.h"

#include <sys/ioctl.h>
#include <sys/socket.h>

#include "common/banned.h"

#define AT_ONCE	   32768 /* a quarter of Linux' receive buffer (net.ipv4.tcp_rmem) */
#define RECORD_MAX 16640 /* RFC 8446 5.2: a part of one may be in OpenSSL */

/* Where the kernel refuses, it wakes us as before. */
static void set(struct low_water *mark, int fd, int bytes)
{
	if (mark->bytes == bytes)
		return;
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVLOWAT, &bytes, sizeof(bytes));
	mark->bytes = bytes;
}

void low_water_expect(struct low_water *mark, int fd, uint64_t bytes)
{
	if (bytes >= AT_ONCE + RECORD_MAX)
		set(mark, fd, AT_ONCE);
	else if (mark->bytes > 1)
		set(mark, fd, 1);
}

bool low_water_drop(struct low_water *mark, int fd)
{
	int here = 0;

	if (mark->bytes <= 1)
		return false;
	set(mark, fd, 1);
	return ioctl(fd, FIONREAD, &here) != 0 || here > 0;
}
