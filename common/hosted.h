/*
 * hosted.h - a condition as it lives in the manager: an owner, a queue for the
 * lock, and a queue of waiters.
 *
 * Nothing here waits or sends. A visitor is a client as the conditions see it;
 * who cannot have the lock at once stands in a queue, and is granted it later.
 */
#ifndef FORKLORE_HOSTED_H
#define FORKLORE_HOSTED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>
#include <sys/types.h>

struct board_note;
struct error;
struct hosted;

/* A client, at one condition at a time. All zero stands nowhere. */
struct visitor {
	/* The client's process. */
	pid_t process;
	enum {
		VISITOR_NOWHERE,
		VISITOR_WANTS_LOCK,
		VISITOR_WAITS,
	} state;
	struct hosted *hosted;
	/* How often the lock will count as taken when it is granted. */
	unsigned long depth;
	/* While it waits: until when, and its place. */
	double deadline;
	uint64_t ticket;
	/*
	 * Whether it was woken, until it is heard of again. If it dies before,
	 * its wake-up goes to one that waited already, with a ticket below
	 * this.
	 */
	bool notified;
	uint64_t heirs_below;
	/*
	 * For the record, entries or 0: of what it asked last; of what woke it;
	 * of what the lock came to it by.
	 */
	uint64_t asked_by;
	uint64_t woken_by;
	uint64_t granted_by;
	TAILQ_ENTRY(visitor) link;
};

TAILQ_HEAD(visitor_queue, visitor);

struct hosted {
	uint64_t number;
	/* How many holds clients have on it. */
	size_t holds;
	struct visitor *owner;
	unsigned long depth;
	bool owner_died;
	struct visitor_queue wanting;
	struct visitor_queue waiting;
	uint64_t next_ticket;
	/* The entry of the last release in the record, or 0. */
	uint64_t released_by;
	/* What the board says of it, or NULL. */
	struct board_note *note;
	LIST_ENTRY(hosted) link;
};

/* Called when a visitor that stood in a queue has got the lock. */
typedef void hosted_granted(struct visitor *visitor);

/* Begins a condition that nobody holds. */
void hosted_init(struct hosted *hosted, uint64_t number);

/* Ends a condition of which nothing is asked any more. */
void hosted_fini(struct hosted *hosted);

/* Whether nobody holds, owns or wants it. */
bool hosted_unused(const struct hosted *hosted);

/*
 * Takes the lock if it is free or the visitor's; else the visitor stands in
 * queue.
 */
void hosted_acquire(struct hosted *hosted, struct visitor *visitor);

/*
 * Each raises the RuntimeError that condition.h tells of if the visitor does
 * not have the lock. To wait makes the visitor stand in a queue until it is
 * notified or timeout seconds have passed, and then until the lock is granted;
 * unless the timeout is 0 or less.
 */
struct error *hosted_release(struct hosted *hosted, struct visitor *visitor,
	hosted_granted *granted);
struct error *hosted_wait(struct hosted *hosted, struct visitor *visitor,
	double timeout, hosted_granted *granted);
struct error *
hosted_notify(struct hosted *hosted, struct visitor *visitor, int64_t amount);
struct error *
hosted_owner_died(struct hosted *hosted, struct visitor *visitor, bool *died);

/* Gives the lock back, however often it was taken, if the visitor has it. */
void hosted_let_go(struct hosted *hosted, struct visitor *visitor,
	hosted_granted *granted);

/* Ends the waits whose deadlines have passed. */
void hosted_expire(struct hosted *hosted, double now, hosted_granted *granted);

/* The next deadline of any waiter, or FOREVER. */
double hosted_next_deadline(const struct hosted *hosted);

/*
 * A visitor is gone: it leaves the queues, hands on a wake-up that it did not
 * live to use, and gives back the lock.
 */
void hosted_forget(struct hosted *hosted, struct visitor *visitor,
	hosted_granted *granted);

#endif
