/* SPDX-License-Identifier: MIT */
/* sanitized.h - SANITIZED: AddressSanitizer watches. Its leak checker forks and traces us, and its
 * reports are made by a program that it starts. configure --enable-coverage says so too: a process
 * writes its counters when it ends, where it was built. */
#ifndef COMMON_SANITIZED_H
#define COMMON_SANITIZED_H

#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED 1
#endif
#endif

#endif
