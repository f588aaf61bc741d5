/*
 * result.h - the outcome of one submission: pending, then for good a value or
 * one error.
 */
#ifndef FORKLORE_RESULT_H
#define FORKLORE_RESULT_H

#include "scoped.h"
#include "timeout.h"

#include <stdbool.h>
#include <stdint.h>

struct error;
struct result;
struct value;

/*
 * What is called when the outcome is known, before the result is ready:
 * callback with the value of a success, error_callback with the error of a
 * failure, each at most once, both in the pool's handler thread. Either may be
 * NULL. The value or the error is borrowed until the result is freed; context
 * is handed on as it is. An error that a callback returns becomes the error of
 * its result.
 *
 * A callback may submit to its pool, but not wait for it.
 */
struct callbacks {
	struct error *(*callback)(const struct value *value, void *context);
	struct error *(*error_callback)(
		const struct error *error, void *context);
	void *context;
};

/*
 * Gives up the caller's share of a result, ready or not; NULL is fine. A pool
 * keeps its own share while the result is pending.
 */
void result_free(struct result *result);
DEFINE_SCOPED(result)

/* Whether the outcome is known. */
bool result_ready(struct result *result);

/*
 * Tells whether the outcome is a value. Raises ValueError before it is known.
 */
struct error *result_successful(struct result *result, bool *successful);

/*
 * Waits until the result is ready, for at most timeout seconds (FOREVER for no
 * limit), and tells whether it is. That says nothing about success: an error
 * stays unseen until somebody asks for it. Panics in a callback of the same
 * pool if the result is pending, since it would wait for itself.
 */
bool result_wait(struct result *result, double timeout);

/*
 * Waits until the result is ready, for at most timeout seconds (FOREVER for no
 * limit), and gives its value: what the task returned, or for a map the list of
 * what its tasks returned, in the order of the items. The result keeps it, the
 * caller borrows it; value may be NULL. Raises the submission's own error, each
 * time it is asked, TimeoutError, or RuntimeError in a callback of the same
 * pool if the result is pending. May be called from any thread of the process
 * that made the pool.
 */
struct error *
result_get(struct result *result, double timeout, const struct value **value);

/*
 * For the pool. Makes a pending result with two shares, one for the caller of
 * the submission and one for the pool; callbacks may be NULL. The pool is what
 * tells a callback that it would wait for itself.
 */
struct result *result_new(const void *pool, const struct callbacks *callbacks);

/* For the pool: the entry of the submission in the record of the run. */
void result_set_entry(struct result *result, uint64_t entry);

/*
 * For the pool, once: calls the callback, makes the result ready, and gives up
 * the pool's share. The value or the error is taken.
 */
void result_succeed(struct result *result, struct value *value);
void result_fail(struct result *result, struct error *error);

/* For the pool: takes the value out of a result that succeeded. */
struct value *result_take(struct result *result);

#endif
