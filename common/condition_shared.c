/*
 * The condition in shared memory: a lock, who has it, and a queue of waiters.
 *
 * The lock is a robust mutex, so that the kernel passes it on when its owner is
 * killed. A waiter joins the queue, gives the lock back and sleeps on a word of
 * its own; a notifier changes that word and wakes it. What the waiter reads
 * there is only a reason to rise, until it has the lock: so the lock orders
 * everything.
 *
 * Who is killed after it was notified, and before it has the lock back, leaves
 * a wake-up that somebody must hand on. The lock's owner does so whenever it
 * gives the lock back. If nobody has the lock, no one is told of that death; so
 * every waiter rises once in a while and looks.
 */
#include "condition.h"

#include "board.h"
#include "condition_class.h"
#include "error.h"
#include "panic.h"
#include "sys.h"
#include "trace.h"
#include "waitqueue.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* How long a waiter sleeps before it looks for the dead, in seconds. */
#define PATROL 0.1

/* What all processes see. */
struct shared {
	pthread_mutex_t lock;
	/* The sys_thread() that has the lock, or 0; anybody may look. */
	_Atomic uint64_t owner;
	/*
	 * What tells it from others on the board, and its note there; kept for
	 * good, as nobody can know which processes still have a share.
	 */
	uint64_t number;
	struct board_note *note;

	/* Guarded by lock. */
	unsigned long depth;
	/* Set when an owner died, until the next one gives the lock back. */
	bool owner_died;
	/* The entry of the last release in the record, or 0. */
	uint64_t released_by;
	struct waitqueue waiters;
};

/* What this process has of it. */
struct shared_condition {
	struct condition condition;
	struct shared *shared;
};

static struct shared *
shared_of(struct condition *condition)
{
	return ((struct shared_condition *)condition)->shared;
}

static bool
is_owner(const struct shared *shared)
{
	return atomic_load_explicit(&shared->owner, memory_order_relaxed) ==
	       sys_thread();
}

static void
set_owner(struct shared *shared, uint64_t owner)
{
	atomic_store_explicit(&shared->owner, owner, memory_order_relaxed);
}

/* What is to be done of a mutex that was not simply locked. */
static void
recover(struct shared *shared, int result)
{
	if (result == EOWNERDEAD) {
		result = pthread_mutex_consistent(&shared->lock);
		shared->owner_died = true;
		waitqueue_recover(&shared->waiters);
	}
	if (result != 0)
		panic("pthread_mutex_lock: %s", strerror(result));
}

/* Takes over a mutex that was locked, unless that failed. */
static inline void
take_over(struct shared *shared, unsigned long depth, int result)
{
	if (result != 0)
		recover(shared, result);
	shared->depth = depth;
	set_owner(shared, sys_thread());
	board_note_owner(shared->note, sys_process());
}

static void
lock(struct shared *shared, unsigned long depth)
{
	take_over(shared, depth, sys_lock_robust_mutex(&shared->lock));
}

/* Takes the lock unless somebody has it. */
static bool
try_lock(struct shared *shared, unsigned long depth)
{
	int result = pthread_mutex_trylock(&shared->lock);

	if (result == EBUSY)
		return false;
	take_over(shared, depth, result);
	return true;
}

/* Takes the lock, and says so on the board if that takes a while. */
static void
lock_visibly(struct shared *shared, unsigned long depth)
{
	if (try_lock(shared, depth))
		return;
	board_begin(ACTIVITY_AWAIT_LOCK, shared->number);
	trace_condition(TRACE_BLOCKED, shared->number, 0);
	lock(shared, depth);
	board_end();
}

/* Records it; who had the lock already has it from nobody. */
static void
tell_acquired(const struct shared *shared)
{
	trace_condition(TRACE_ACQUIRED, shared->number,
		shared->depth == 1 ? shared->released_by : 0);
}

static void
unlock(struct shared *shared)
{
	int result;

	if (shared->waiters.notified > 0)
		waitqueue_hand_on(&shared->waiters);
	set_owner(shared, 0);
	board_note_owner(shared->note, 0);
	result = pthread_mutex_unlock(&shared->lock);
	if (result != 0)
		panic("pthread_mutex_unlock: %s", strerror(result));
}

static struct error *
shared_acquire(struct condition *condition)
{
	struct shared *shared = shared_of(condition);

	trace_condition(TRACE_ACQUIRE, shared->number, 0);
	if (is_owner(shared))
		shared->depth++;
	else
		lock_visibly(shared, 1);
	tell_acquired(shared);
	return NULL;
}

static struct error *
shared_release(struct condition *condition)
{
	struct shared *shared = shared_of(condition);

	if (!is_owner(shared))
		return RAISE(AssertionError,
			"attempt to release recursive lock not owned by "
			"thread");
	shared->released_by = trace_condition(TRACE_RELEASE, shared->number, 0);
	if (--shared->depth == 0) {
		shared->owner_died = false;
		unlock(shared);
	}
	return NULL;
}

/*
 * Sleeps until notified, or the deadline; rises once in a while to look for the
 * dead. Where somebody has the lock meanwhile, that one looks: so a sleeper
 * never stands for the lock before it was notified.
 */
static void
sleep_on_patrol(struct shared *shared, struct place *place, double deadline)
{
	while (!waitqueue_notified(place) && sys_remaining(deadline) > 0) {
		waitqueue_sleep(place, fmin(deadline, sys_deadline(PATROL)));
		if (!waitqueue_notified(place) && try_lock(shared, 1))
			unlock(shared);
	}
}

/* Records that a waiter was notified, if it was. */
static bool
tell_if_woken(const struct shared *shared, const struct place *place)
{
	bool woken = waitqueue_notified(place);

	if (woken)
		trace_condition(TRACE_WOKEN, shared->number, place->woken_by);
	return woken;
}

/* Records what of it is not told yet: it may have been notified meanwhile. */
static void
tell_end_of_wait(
	const struct shared *shared, const struct place *place, bool told)
{
	if (!told && !tell_if_woken(shared, place))
		trace_condition(TRACE_TIMED_OUT, shared->number, 0);
	trace_condition(TRACE_ACQUIRED, shared->number, shared->released_by);
}

static struct error *
shared_wait(struct condition *condition, double timeout, bool *notified)
{
	struct shared *shared = shared_of(condition);
	double deadline = sys_deadline(timeout);
	unsigned long depth;
	struct place *place;
	bool told;

	if (!is_owner(shared))
		return RAISE(AssertionError,
			"must acquire() condition before using wait()");
	*notified = false;
	if (!(timeout > 0))
		return NULL;
	TRY(waitqueue_join(&shared->waiters, &place));
	depth = shared->depth;
	shared->owner_died = false;
	board_begin(ACTIVITY_AWAIT_NOTIFY, shared->number);
	shared->released_by = trace_condition(TRACE_WAIT, shared->number, 0);
	unlock(shared);
	sleep_on_patrol(shared, place, deadline);
	told = tell_if_woken(shared, place);
	board_begin(ACTIVITY_AWAIT_LOCK, shared->number);
	lock(shared, depth);
	board_end();
	*notified = waitqueue_notified(place);
	tell_end_of_wait(shared, place, told);
	waitqueue_leave(&shared->waiters, place);
	return NULL;
}

static struct error *
shared_notify(struct condition *condition, long n)
{
	struct shared *shared = shared_of(condition);
	uint64_t entry;
	size_t woken;

	if (!is_owner(shared))
		return RAISE(AssertionError, "lock is not owned");
	entry = trace_condition(TRACE_NOTIFY, shared->number, 0);
	woken = waitqueue_notify(&shared->waiters, n);
	trace_woken(entry, woken);
	board_note_notify(shared->note, sys_process(), woken);
	return NULL;
}

static struct error *
shared_owner_died(struct condition *condition, bool *died)
{
	struct shared *shared = shared_of(condition);

	if (!is_owner(shared))
		return RAISE(AssertionError, "lock is not owned");
	*died = shared->owner_died;
	return NULL;
}

/* The refusal on which half of the scenarios turn. */
static struct error *
shared_encode(const void *condition, struct buffer *buffer)
{
	(void)condition;
	(void)buffer;
	return RAISE(RuntimeError,
		"Condition objects should only be shared between processes "
		"through inheritance");
}

static void
shared_destroy(struct condition *condition)
{
	struct shared *shared = shared_of(condition);

	/* A mutex must not vanish while a thread has it. */
	if (is_owner(shared))
		unlock(shared);
	sys_unmap_shared(shared, sizeof(*shared));
	free(condition);
}

static const struct condition_class shared_class = {
	.value_class =
		{
			.interface = CONDITION_INTERFACE,
			.name = "shared condition",
			.hold = condition_hold,
			.drop = condition_drop,
			.encode = shared_encode,
		},
	.acquire = shared_acquire,
	.release = shared_release,
	.wait = shared_wait,
	.notify = shared_notify,
	.owner_died = shared_owner_died,
	.destroy = shared_destroy,
};

struct error *
condition_new(struct condition **condition)
{
	struct shared_condition *made;
	void *memory;

	TRY(sys_map_shared(sizeof(struct shared), &memory));
	made = must_have(malloc(sizeof(*made)));
	condition_init(&made->condition, &shared_class);
	made->shared = memory;
	sys_random(&made->shared->number, sizeof(made->shared->number));
	made->shared->note = board_take_note(made->shared->number, 0);
	sys_init_robust_mutex(&made->shared->lock);
	*condition = &made->condition;
	return NULL;
}
