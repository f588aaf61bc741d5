/*
 * seat.h - one place in a crew: the two pipes to the worker that has it, and
 * what that worker is doing.
 */
#ifndef FORKLORE_SEAT_H
#define FORKLORE_SEAT_H

#include "channel.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

struct error;
struct parcel;
struct zygote_report;

TAILQ_HEAD(parcel_list, parcel);

enum seat_state {
	SEAT_EMPTY,
	/* The worker is not ready yet. */
	SEAT_STARTING,
	SEAT_READY,
};

struct seat {
	enum seat_state state;
	/* Our ends of the two pipes, or -1. */
	int out, in;
	struct channel channel;
	/*
	 * Whether the pipes are of no more use, and the worker is being killed.
	 */
	bool given_up;
	/* Whether there is more to write than the pipe took. */
	bool wants_room;
	/* What the worker is known to have, the oldest first. */
	struct parcel_list parcels;
};

/* Begins as an empty seat. */
void seat_init(struct seat *seat);

/*
 * Makes the pipes for a worker that is to start, and gives its ends of them,
 * which the caller closes. Our ends do not block. A message over them has at
 * most limit bytes. Raises OSError; then the seat is empty.
 */
struct error *
seat_open(struct seat *seat, size_t limit, int *chunks, int *replies);

/* Closes the pipes; the seat is empty. */
void seat_leave(struct seat *seat);

/* Lets the worker see the end of its chunks. */
void seat_hang_up(struct seat *seat);

/* Makes the WorkerLostError of a worker that ended while it was busy. */
struct error *seat_loss(const struct zygote_report *report);

#endif
