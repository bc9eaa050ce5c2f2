/* SPDX-License-Identifier: MIT */
/*
 * low-water.h - how much must have come before a socket wakes us (SO_RCVLOWAT, socket(7)): of a
 * large message a good part, and not each packet.
 */
#ifndef FETCH_AGENT_NET_LOW_WATER_H
#define FETCH_AGENT_NET_LOW_WATER_H

#include <stdbool.h>
#include <stdint.h>

struct low_water {
	int bytes; /* 0 is as good as 1: anything */
};

/*
 * fd's peer is in the middle of something and is certain to send at least so many bytes more, as
 * TLS or as they are, not compressed.
 */
void low_water_expect(struct low_water *mark, int fd, uint64_t bytes);

/*
 * Before silence is held against the peer: perhaps what has come is too little to be woken for.
 * True: so it is, or may be; now it wakes. False: nothing has come.
 */
bool low_water_drop(struct low_water *mark, int fd);

#endif
