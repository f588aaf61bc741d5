/*
 * events.h - an event loop's ears: which of many descriptors can be read or
 * written, and a bell that other threads can ring.
 */
#ifndef FORKLORE_EVENTS_H
#define FORKLORE_EVENTS_H

#include <stddef.h>

struct error;

struct events {
	int epoll;
	int bell;
};

/* How many descriptors events_wait() tells of at once. */
#define EVENTS_AT_ONCE 64

/*
 * Begins with no descriptors. Raises OSError; events_fini() is due even then.
 */
struct error *events_init(struct events *events);

/* Stops listening, and closes the bell. */
void events_fini(struct events *events);

/*
 * Listens for a descriptor that can be read from, or written to. Whose it is,
 * not NULL, is what events_wait() will give. Raises OSError.
 */
enum interest { TO_READ, TO_WRITE };
struct error *events_listen(struct events *events, int descriptor,
	enum interest interest, void *whose);

/*
 * Listens for a descriptor no more. Closing it does the same. Raises OSError.
 */
struct error *events_ignore(struct events *events, int descriptor);

/*
 * Waits until a descriptor is ready, the bell rings, or the deadline (on
 * sys_now()'s clock) has passed, and fills in whose the descriptors are:
 * *count, maybe none, of at most EVENTS_AT_ONCE. Raises OSError.
 */
struct error *events_wait(struct events *events, double deadline,
	void *whose[EVENTS_AT_ONCE], size_t *count);

/* Rings the bell. May be called from any thread. */
void events_ring(struct events *events);

#endif
