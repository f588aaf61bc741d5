/*
 * attempt.h - a process is killed after some instructions of what it does with
 * a condition in shared memory, and the others find it whole.
 *
 * Each attempt has a new condition, with some that wait on it. One process, the
 * victim, walks through so many instructions of an operation, and is killed.
 * What the others then find is the outcome. All other things hold after each
 * kill: the lock passes on, notify(1) wakes one more,
 * notify_all wakes all that are left, what was given to the dead wakes nobody
 * that came later, and the queue is empty when all are gone.
 */
#ifndef FORKLORE_ATTEMPT_H
#define FORKLORE_ATTEMPT_H

#include <stdbool.h>

/* No such point: no second one is killed. */
#define NEVER -1L

struct operation {
	/* How many wait already, and go on waiting. */
	int waiters;
	/* What others do before that, and when the victim stands ready. */
	void (*before)(void);
	void (*meanwhile)(void);
	/* What the victim does before its first step, and then step by step. */
	void (*prepare)(void);
	void (*run)(void);
	/* What others do when it sleeps; if nothing, it is killed asleep. */
	void (*when_asleep)(void);
	/* What else befalls the others when it is dead. */
	void (*afterwards)(void);
	/*
	 * The outcomes as it is killed later and later, in the words of
	 * test_kill_points.c.
	 */
	const char *story;
};

extern const struct operation acquiring, releasing, releasing_after_a_death,
	falling_asleep_after_a_death, being_notified, timing_out, notifying_one,
	notifying_one_who_dies, notifying_all, handing_on, recovering;

struct outcome {
	/* How many were told that an owner died. */
	int told;
	/* How many were notified, of those that live and wait. */
	int notified;
};

/* One kill, or two, and what came of it. */
struct attempt {
	const struct operation *operation;
	/* After how many steps they are killed. */
	long first, second;
	/* Whether another one has had the lock before, if it was free. */
	bool overtaken;
	/* Whether they were through before that. */
	bool first_ended, second_ended;
	struct outcome outcome;
};

/*
 * Makes an attempt, and gives it with what came of it. Fails the test if the
 * others hang, or find the condition broken.
 */
struct attempt attempt_make(struct attempt attempt);

/* For a group of such tests: the memory in which attempts are made. */
int attempt_set_up(void **state);
int attempt_tear_down(void **state);

#endif
