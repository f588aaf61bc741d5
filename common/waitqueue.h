/*
 * waitqueue.h - who waits on a condition in shared memory, first in, first out.
 *
 * The queue lies in shared memory and is whole after a kill at any instruction:
 * it is an array of places, not a linked list, and a place changes hands by one
 * store to its state. Whether the thread in a place still lives is told by a
 * robust mutex that it holds as long as it stands there.
 *
 * Every call but waitqueue_sleep() is for the holder of the lock that guards
 * the queue.
 */
#ifndef FORKLORE_WAITQUEUE_H
#define FORKLORE_WAITQUEUE_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct error;

/* How many threads can stand in a queue at a time. */
#define WAITQUEUE_PLACES 4096

enum place_state {
	PLACE_FREE,
	PLACE_WAITING,
	PLACE_NOTIFIED,
};

/* Where one thread stands while it waits. */
struct place {
	/*
	 * Held by the thread that stands here. Only ever tried, never awaited.
	 */
	pthread_mutex_t alive;
	/* A place_state; the thread sleeps on it. */
	_Atomic uint32_t state;
	/* Who joined earlier has the lower ticket. */
	uint64_t ticket;
	/*
	 * While notified: if this thread dies before it goes on, its wake-up
	 * belongs to one that waited already when the wake-up was given, that
	 * is, to one whose ticket is below this.
	 */
	uint64_t heirs_below;
	/* While notified: the entry of that in the record, or 0. */
	uint64_t woken_by;
};

/* All zero is an empty queue. */
struct waitqueue {
	uint64_t next_ticket;
	/* How many places have ever been used; those beyond are raw memory. */
	uint32_t used;
	/* How many places are PLACE_NOTIFIED. */
	uint32_t notified;
	struct place places[WAITQUEUE_PLACES];
};

/*
 * Lets the calling thread join at the end, in a place that is its own until it
 * leaves. Raises RuntimeError if all places are taken.
 */
struct error *waitqueue_join(struct waitqueue *queue, struct place **place);

/* Sleeps until notified, or the deadline, or for no reason. */
void waitqueue_sleep(struct place *place, double deadline);

/* Whether the thread in a place has been notified. */
bool waitqueue_notified(const struct place *place);

/* Leaves a place, which belongs to the calling thread. */
void waitqueue_leave(struct waitqueue *queue, struct place *place);

/*
 * Notifies the n that live and have waited longest, or all; gives how many.
 * (Among all may be some that died.)
 */
size_t waitqueue_notify(struct waitqueue *queue, long n);

/*
 * Hands on the wake-ups of those that died after they were notified. To be
 * called before the lock is given back, and from time to time by those that
 * wait. Where its caller is killed in the midst of it, a wake-up may be handed
 * on twice, but never lost.
 */
void waitqueue_hand_on(struct waitqueue *queue);

/* Puts the counts right after a holder of the lock was killed. */
void waitqueue_recover(struct waitqueue *queue);

#endif
