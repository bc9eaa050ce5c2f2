/* SPDX-License-Identifier: MIT */
/* log-terminal.h - for who draws on the terminal that the log goes to. */
#ifndef COMMON_LOG_TERMINAL_H
#define COMMON_LOG_TERMINAL_H

/* give_way is called before each line of the log; NULL: nothing is. Borrows ctx until then. */
void log_share_terminal(void (*give_way)(void *ctx), void *ctx);

#endif
