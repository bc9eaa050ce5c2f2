/* SPDX-License-Identifier: MIT */
/* passing.c - see passing.h. */
#include "common/passing.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/banned.h"

/* CMSG_SPACE() is rounded up: descriptors may come in what was meant as padding. */
union control {
	struct cmsghdr head;
	char room[CMSG_SPACE(PASSING_MAX * sizeof(int))];
};

bool passing_send(int fd, const void *bytes, size_t len, const int *fds, size_t count)
{
	union control control = {0};
	struct iovec vector = {(void *)(uintptr_t)bytes, len};
	struct msghdr message = {.msg_iov = &vector, .msg_iovlen = 1};
	ssize_t n;

	if (count > 0) {
		message.msg_control = &control;
		message.msg_controllen = CMSG_SPACE(count * sizeof(int));
		control.head.cmsg_level = SOL_SOCKET;
		control.head.cmsg_type = SCM_RIGHTS;
		control.head.cmsg_len = CMSG_LEN(count * sizeof(int));
		memcpy(CMSG_DATA(&control.head), fds, count * sizeof(int));
	}
	do
		n = sendmsg(fd, &message, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	return n == (ssize_t)len;
}

static size_t take(const struct cmsghdr *head, int fds[PASSING_MAX])
{
	const unsigned char *at = CMSG_DATA(head);
	size_t count = (head->cmsg_len - CMSG_LEN(0)) / sizeof(int);

	for (size_t i = 0; i < count; i++) {
		int one;

		memcpy(&one, at + i * sizeof(int), sizeof(int));
		if (i < PASSING_MAX)
			fds[i] = one;
		else
			(void)close(one);
	}
	return count < PASSING_MAX ? count : PASSING_MAX;
}

ssize_t passing_receive(int fd, void *bytes, size_t size, int fds[PASSING_MAX], size_t *count_out)
{
	union control control = {0};
	struct iovec vector = {bytes, size};
	struct msghdr message = {.msg_iov = &vector,
				 .msg_iovlen = 1,
				 .msg_control = &control,
				 .msg_controllen = sizeof(control)};
	ssize_t len = recvmsg(fd, &message, MSG_CMSG_CLOEXEC);
	const struct cmsghdr *head = len >= 0 ? CMSG_FIRSTHDR(&message) : NULL;

	for (size_t i = 0; i < PASSING_MAX; i++)
		fds[i] = -1;
	*count_out = 0;
	if (head != NULL && head->cmsg_level == SOL_SOCKET && head->cmsg_type == SCM_RIGHTS)
		*count_out = take(head, fds);
	return len;
}
