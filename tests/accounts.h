/* accounts.h - the tasks of the storm, and what became of them. */
#ifndef FORKLORE_ACCOUNTS_H
#define FORKLORE_ACCOUNTS_H

#include "footprint.h"
#include "storm.h"

/* One task that was submitted. */
struct ticket {
	long long number;
	enum errand errand;
	size_t size;
	struct result *result;
};

/* What became of the tasks of one errand. */
struct outcome {
	long values;
	long losses;
	/* Of the values: how many changed the halves. */
	long changes;
	/* Of the losses: how many were never begun. */
	long unbegun;
};

struct accounts {
	const struct storm *storm;
	struct pool *pool;
	long long next_number;
	int round;
	struct ticket tickets[GUST + WORKERS_LIMIT];
	size_t count;
	struct outcome gust[ERRAND_SLEEP + 1];
	struct outcome all;
	/* What the halves were when the gust began. */
	long left;
	struct footprint early;
};

/* A new number of the seed's. */
uint64_t accounts_chance(struct accounts *self);

/* Says what is waited for from now on, within the limit. */
void accounts_step(struct accounts *self, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Submits a task; size is what is large about it. */
struct error *
accounts_submit(struct accounts *self, enum errand errand, size_t size);

/* Waits for the tasks from a place on, and writes down how each ended. */
struct error *accounts_await(struct accounts *self, size_t first);

/* How many tasks from a place on have no result yet. */
size_t accounts_left(struct accounts *self, size_t first);

/* Takes the lock and looks at the halves; gives it back. */
struct error *accounts_enter(void);
struct error *accounts_leave(void);

/* Raises AssertionError unless a number lies between two. */
struct error *
accounts_compare(const char *what, long number, long least, long most);

/*
 * Raises AssertionError unless every task that ended with a value did what it
 * said, once, and no task did more: who was lost may have done it or not.
 */
struct error *accounts_check(struct accounts *self);

/* At the beginning and the end of each gust. */
void accounts_begin(struct accounts *self);
void accounts_end(struct accounts *self);

#endif
