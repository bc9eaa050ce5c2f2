/* SPDX-License-Identifier: MIT */
/*
 * helper-socket.h - where mailoauthd listens on this machine, for programs that may read its
 * configuration.
 *
 * Host half. The plugin cannot: in Postfix's jail there is no mailoauth.conf (helper-client.h has
 * its two places).
 */
#ifndef COMMON_HELPER_SOCKET_H
#define COMMON_HELPER_SOCKET_H

/*
 * $MAILOAUTH_SOCKET; else the first `socket` under [daemon] in the file config, if that socket is
 * there (systemd's units may have put it elsewhere); else HELPER_SOCKET_SYSTEM. What is wrong in
 * the file, and that it cannot be read, are not said here. The caller frees.
 */
char *helper_socket_find(const char *config);

#endif
