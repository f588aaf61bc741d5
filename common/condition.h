/*
 * condition.h - a condition variable with its lock, for processes.
 *
 * One interface, two makes. condition_new() makes one in shared memory:
 * children inherit it when they are forked, and in no other way.
 * manager_condition() in manager.h makes one in a manager process: what is here
 * is then a proxy, and it can be sent to any process as an argument.
 *
 * The lock is recursive, and belongs to a thread of a process. A lock whose
 * owner was killed passes on to whoever acquires it next. A waiter that was
 * killed is forgotten, and a wake-up that it did not live to use goes to one
 * that waited behind it. (A manager takes it for unused until it hears from the
 * waiter again.)
 */
#ifndef FORKLORE_CONDITION_H
#define FORKLORE_CONDITION_H

#include "scoped.h"
#include "timeout.h"

#include <stdbool.h>
#include <stddef.h>

struct condition;
struct error;
struct value;

/* Makes a condition in shared memory; the caller frees it. Raises OSError. */
struct error *condition_new(struct condition **condition);

/*
 * Gives up this process's share of a condition; the last share frees it, and
 * gives the lock back if the calling thread has it. NULL is fine. Other
 * processes keep theirs.
 */
void condition_free(struct condition *condition);
DEFINE_SCOPED(condition)

/*
 * Takes the lock, waiting as long as it takes; once more if the calling thread
 * has it already. A proxy raises ConnectionError if its manager is gone; so do
 * all calls below.
 */
struct error *condition_acquire(struct condition *condition);

/*
 * Gives the lock back, as often as it was taken. Raises AssertionError (a
 * proxy: RuntimeError) if the calling thread does not have it.
 */
struct error *condition_release(struct condition *condition);

/*
 * Gives the lock back whole, sleeps until notified or until timeout seconds
 * have passed (FOREVER for no limit; 0 or less does not sleep), and takes the
 * lock back whole. *notified, unless NULL, tells which it was; a waiter that
 * timed out takes no later wake-up. Raises AssertionError (a proxy:
 * RuntimeError) if the calling thread does not have the lock, RuntimeError if
 * too many wait already.
 */
struct error *
condition_wait(struct condition *condition, double timeout, bool *notified);

/*
 * Waits until the predicate is true, for timeout seconds in all; it is called
 * with the lock held, first before any waiting. *held, unless NULL, is what it
 * said last.
 */
struct error *condition_wait_for(struct condition *condition,
	bool (*predicate)(void *context), void *context, double timeout,
	bool *held);

/*
 * Wakes the n that have waited longest, or all if they are fewer; none if n is
 * below 1. They go on when the lock is theirs. Raises AssertionError (a proxy:
 * RuntimeError) if the calling thread does not have the lock.
 */
struct error *condition_notify(struct condition *condition, long n);
struct error *condition_notify_all(struct condition *condition);

/*
 * Tells whether the lock came to the calling thread, which has it, from an
 * owner that was killed: what the lock guards may then be half changed. That is
 * said until the lock is given back; to wait is to give it back, so whoever
 * waits in a loop asks each time, as a predicate can. Raises as
 * condition_notify() does.
 */
struct error *condition_owner_died(struct condition *condition, bool *died);

/* Makes a value that holds a share of the condition. */
struct value *value_condition(struct condition *condition);

/*
 * Gives the condition that is item index of a list, borrowed. Raises as
 * value_at() does.
 */
struct error *value_condition_at(
	const struct value *list, size_t index, struct condition **condition);

#endif
