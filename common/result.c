#include "result.h"

#include "board.h"
#include "error.h"
#include "panic.h"
#include "sys.h"
#include "trace.h"
#include "value.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

struct result {
	const void *pool;
	struct callbacks callbacks;

	pthread_mutex_t lock;
	/* Guarded by lock. */
	int holders;
	/* Guarded by lock; who waits sleeps on it, without the lock. */
	_Atomic uint32_t ready;

	/* Of the thread that settles until it is ready, then never changed. */
	struct value *value;
	struct error *error;

	/* For the record: the entries of its submission and of its end. */
	uint64_t submission;
	uint64_t settled;
	/* Whether anybody looked at its error. */
	atomic_bool seen;
};

/* The pool whose callback the calling thread is in, if it is in one. */
static _Thread_local const void *calling_back;

struct result *
result_new(const void *pool, const struct callbacks *callbacks)
{
	struct result *result = must_have(calloc(1, sizeof(*result)));

	result->pool = pool;
	if (callbacks)
		result->callbacks = *callbacks;
	result->holders = 2;
	pthread_mutex_init(&result->lock, NULL);
	return result;
}

void
result_set_entry(struct result *result, uint64_t entry)
{
	result->submission = entry;
}

/* Records that somebody looks at the error. */
static void
see_error(struct result *result, const char *observer)
{
	result->seen = true;
	trace(.kind = TRACE_ERROR_SEEN, .submission = result->submission,
		.cause = result->settled, .text = observer);
}

/* Whoever is the last to let go is alone with it from then on. */
static bool
let_go(struct result *result)
{
	bool is_last;

	pthread_mutex_lock(&result->lock);
	is_last = --result->holders == 0;
	pthread_mutex_unlock(&result->lock);
	return is_last;
}

void
result_free(struct result *result)
{
	if (!result || !let_go(result))
		return;
	if (result->error && !result->seen)
		see_error(result, "nobody");
	value_free(result->value);
	error_free(result->error);
	pthread_mutex_destroy(&result->lock);
	free(result);
}

static void
call_back(struct result *result)
{
	const struct callbacks *callbacks = &result->callbacks;
	const void *outer = calling_back;
	struct error *failure = NULL;

	calling_back = result->pool;
	if (!result->error && callbacks->callback)
		failure = TRACED(
			callbacks->callback(result->value, callbacks->context));
	else if (result->error && callbacks->error_callback) {
		see_error(result, "callback");
		failure = TRACED(callbacks->error_callback(
			result->error, callbacks->context));
	}
	calling_back = outer;
	if (failure) {
		trace_error(failure, .kind = TRACE_ERROR_STORED,
			.submission = result->submission);
		result->seen = false;
		error_free(result->error);
		result->error = failure;
	}
}

/* Nobody else looks at the outcome before it is ready. */
static void
settle(struct result *result, struct value *value, struct error *error)
{
	result->value = value;
	result->error = error;
	result->settled =
		trace(.kind = TRACE_SETTLE, .submission = result->submission);
	call_back(result);
	pthread_mutex_lock(&result->lock);
	result->ready = true;
	pthread_mutex_unlock(&result->lock);
	/* Not before: who is woken wants the lock at once. */
	sys_futex_wake(&result->ready);
	result_free(result);
}

void
result_succeed(struct result *result, struct value *value)
{
	settle(result, value, NULL);
}

void
result_fail(struct result *result, struct error *error)
{
	settle(result, NULL, error);
}

bool
result_ready(struct result *result)
{
	bool ready;

	pthread_mutex_lock(&result->lock);
	ready = result->ready;
	pthread_mutex_unlock(&result->lock);
	return ready;
}

struct error *
result_successful(struct result *result, bool *successful)
{
	if (!result_ready(result))
		return RAISE(ValueError, "result not ready");
	*successful = !result->error;
	return NULL;
}

/* Whether a wait could never end, as the caller is who would end it. */
static bool
waits_for_itself(struct result *result, double timeout)
{
	return timeout > 0 && calling_back == result->pool &&
	       !result_ready(result);
}

static bool
sleep_until_ready(struct result *result, double deadline)
{
	bool ready;

	board_begin(ACTIVITY_AWAIT_RESULT, 0);
	while (!(ready = result_ready(result)) && sys_remaining(deadline) > 0)
		sys_futex_wait(&result->ready, false, deadline);
	board_end();
	return ready;
}

bool
result_wait(struct result *result, double timeout)
{
	double deadline = sys_deadline(timeout);
	bool ready;

	if (timeout > 0)
		trace(.kind = TRACE_AWAIT, .submission = result->submission);
	if (waits_for_itself(result, timeout))
		panic("result_wait() in a callback of the same pool waits for "
		      "itself");
	ready = sleep_until_ready(result, deadline);
	if (timeout > 0)
		trace(.kind = ready ? TRACE_READY : TRACE_TIMED_OUT,
			.submission = result->submission,
			.cause = ready ? result->settled : 0);
	return ready;
}

struct error *
result_get(struct result *result, double timeout, const struct value **value)
{
	if (waits_for_itself(result, timeout))
		return RAISE(RuntimeError,
			"result_get() in a callback of the same pool waits for "
			"itself");
	if (!result_wait(result, timeout))
		return RAISE(TimeoutError, "no result within %g s", timeout);
	if (result->error) {
		see_error(result, "get");
		return error_copy(result->error);
	}
	if (value)
		*value = result->value;
	return NULL;
}

struct value *
result_take(struct result *result)
{
	struct value *value = result->value;

	result->value = NULL;
	return value;
}
