/* SPDX-License-Identifier: MIT */
/*
 * cli-browser.h - getting the person's browser to the sign-in page, on this machine or on the one
 * they sit at.
 */
#ifndef TOKEN_HELPER_CLI_BROWSER_H
#define TOKEN_HELPER_CLI_BROWSER_H

#include <stdbool.h>
#include <stdint.h>

#include "common/buffer.h"

/* There is a display that a browser could use. */
bool browser_has_display(void);

/*
 * Starts $BROWSER when it is the name of one program, else xdg-open(1): no shell, no terminal, own
 * session. Root gets a browser only by naming it. False: none was started.
 */
bool browser_open(const char *url);

/* The browser is likely on another machine: an SSH session, or no display. */
bool browser_is_elsewhere(void);

/* Appends the command that brings the redirect from there to here: "ssh -L PORT:127.0.0.1:PORT
 * user@host". */
void browser_append_tunnel(struct buffer *out, uint16_t port);

#endif
