/* SPDX-License-Identifier: MIT */
/*
 * banned.h - functions that hide a length, a failure or the environment, made into compile errors.
 * Included last, by every .c file of the programs and the plugin. The name says what to use
 * instead.
 */
#ifndef COMMON_BANNED_H
#define COMMON_BANNED_H

/* With clang, glibc's _FORTIFY_SOURCE makes a macro of it. */
#undef sprintf

#pragma GCC poison strcpy strcat strncpy strncat sprintf vsprintf strtok strtok_r gets
#pragma GCC poison atoi atol atoll system popen gmtime localtime ctime asctime tmpnam mktemp
#pragma GCC poison gethostbyname

#endif
