/* SPDX-License-Identifier: MIT */
/*
 * beginnings.h - how many refreshes begin in one turn of the event loop, and who waits for the next
 * one.
 *
 * A refresh that begins makes a file, may sign, and has libcurl open a connection: a millisecond
 * and more where the disk or the processor is busy. A thousand that begin in one turn, because
 * their tokens expired together, are a second in which nobody is answered. So BEGINNINGS_A_TURN
 * begin, as many as are made durable together (commit-queue.h) and collected at once
 * (http-client.c); the others wait for the next turn, those for whom somebody waits before those
 * that are merely due. What may be said against it is looked at again when their turn comes.
 */
#ifndef TOKEN_HELPER_ACCOUNTS_BEGINNINGS_H
#define TOKEN_HELPER_ACCOUNTS_BEGINNINGS_H

#define BEGINNINGS_A_TURN 12

struct beginnings;
struct event_base;

struct beginnings *beginnings_new(struct event_base *base);
void beginnings_free(struct beginnings *beginnings); /* nobody waits any more; NULL is fine */

#endif
