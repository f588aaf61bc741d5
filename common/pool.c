#include "pool.h"

#include "error.h"
#include "handler.h"
#include "panic.h"
#include "result.h"
#include "submission.h"
#include "sys.h"
#include "trace.h"
#include "value.h"
#include "worker.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

struct pool {
	pid_t process;
	size_t workers;
	struct worker_plan plan;
	struct value *initializer_arguments;
	struct handler *handler;
};

static void
discard(struct pool *pool)
{
	handler_free(pool->handler);
	value_free(pool->initializer_arguments);
	free(pool);
}

static struct error *
check_may_have_pool(size_t workers)
{
	if (worker_is_current())
		return RAISE(AssertionError,
			"daemonic processes are not allowed to have children");
	if (workers < 1)
		return RAISE(
			ValueError, "Number of processes must be at least 1");
	return NULL;
}

static struct error *
start(struct pool *pool)
{
	TRY(check_may_have_pool(pool->workers));
	/* What waits in stdio's buffers must not be printed twice. */
	fflush(NULL);
	TRY(handler_new(&pool->plan, pool->workers, &pool->handler));
	return NULL;
}

struct error *
pool_new_with(
	size_t workers, const struct pool_options *options, struct pool **pool)
{
	struct pool *made = must_have(calloc(1, sizeof(*made)));
	struct error *error;

	made->process = sys_process();
	made->workers = workers;
	made->initializer_arguments = options->initializer_arguments;
	if (!made->initializer_arguments)
		made->initializer_arguments = value_empty_list();
	made->plan = (struct worker_plan){
		.initializer = options->initializer,
		.initializer_arguments = made->initializer_arguments,
		.maximum_chunks = options->maximum_chunks,
	};
	error = TRACED(start(made));
	if (error)
		discard(made);
	else
		*pool = made;
	return error;
}

struct error *
pool_new(size_t workers, struct pool **pool)
{
	TRY(pool_new_with(workers, &(struct pool_options){0}, pool));
	return NULL;
}

void
pool_free(struct pool *pool)
{
	if (pool && pool->process == sys_process())
		discard(pool);
}

static struct error *
check_process(const struct pool *pool)
{
	if (pool->process != sys_process())
		return RAISE(RuntimeError,
			"this pool belongs to process %d, not to %d",
			(int)pool->process, (int)sys_process());
	return NULL;
}

static struct error *
check_items(const struct value *items, bool starred, long chunk_size)
{
	const struct value *item;

	if (chunk_size < 1 && chunk_size != DEFAULT_CHUNK_SIZE)
		return RAISE(ValueError, "Chunksize must be 1+, not %ld",
			chunk_size);
	if (value_kind(items) != VALUE_LIST)
		return RAISE(TypeError, "list of items expected, not %s",
			value_kind_name(items));
	for (size_t i = 0; starred && i < value_count(items); i++) {
		TRY(value_at(items, i, &item));
		if (value_kind(item) != VALUE_LIST)
			return RAISE(TypeError,
				"list of arguments expected as item %zu, not "
				"%s",
				i, value_kind_name(item));
	}
	return NULL;
}

static size_t
default_chunk_size(const struct pool *pool, size_t count)
{
	size_t shares = 4 * pool->workers;

	return count / shares + (count % shares > 0);
}

/* A call that submits something, in whichever form. */
struct call {
	task_function *task;
	struct value *items;
	long chunk_size;
	bool starred;
	bool single;
	const struct callbacks *callbacks;
};

static struct error *
check_call(const struct pool *pool, const struct call *call)
{
	TRY(check_process(pool));
	TRY(check_items(call->items, call->starred, call->chunk_size));
	return NULL;
}

static struct submission *
make_submission(
	const struct pool *pool, const struct call *call, struct result *result)
{
	size_t count = value_count(call->items);
	size_t chunk_size = call->chunk_size == DEFAULT_CHUNK_SIZE
				    ? default_chunk_size(pool, count)
				    : (size_t)call->chunk_size;
	struct submission *submission =
		submission_new(result, call->task, call->items, chunk_size);

	submission->entry = trace(.kind = TRACE_SUBMIT, .tasks = count);
	result_set_entry(result, submission->entry);
	submission->starred = call->starred;
	submission->single = call->single;
	submission->at_once =
		count == 0 && !(call->callbacks && call->callbacks->callback);
	return submission;
}

static struct error *
submit(struct pool *pool, const struct call *call, struct result **result)
{
	struct result *made;
	struct error *error = TRACED(check_call(pool, call));

	if (error) {
		value_free(call->items);
		return error;
	}
	made = result_new(pool, call->callbacks);
	error = TRACED(handler_submit(
		pool->handler, make_submission(pool, call, made)));
	if (error)
		result_free(made);
	else
		*result = made;
	return error;
}

struct error *
pool_apply_async(struct pool *pool, task_function *task,
	struct value *arguments, const struct callbacks *callbacks,
	struct result **result)
{
	struct call call = {
		.task = task,
		.items = value_list(arguments),
		.chunk_size = 1,
		.starred = true,
		.single = true,
		.callbacks = callbacks,
	};

	TRY(submit(pool, &call, result));
	return NULL;
}

struct error *
pool_map_async(struct pool *pool, task_function *task, struct value *items,
	long chunk_size, const struct callbacks *callbacks,
	struct result **result)
{
	struct call call = {
		.task = task,
		.items = items,
		.chunk_size = chunk_size,
		.callbacks = callbacks,
	};

	TRY(submit(pool, &call, result));
	return NULL;
}

struct error *
pool_starmap_async(struct pool *pool, task_function *task, struct value *items,
	long chunk_size, const struct callbacks *callbacks,
	struct result **result)
{
	struct call call = {
		.task = task,
		.items = items,
		.chunk_size = chunk_size,
		.starred = true,
		.callbacks = callbacks,
	};

	TRY(submit(pool, &call, result));
	return NULL;
}

/* Waits for a result that nobody else has, and takes its value. */
static struct error *
wait_and_take(struct result *result, struct value **value)
{
	TRY(result_get(result, FOREVER, NULL));
	if (value)
		*value = result_take(result);
	return NULL;
}

struct error *
pool_apply(struct pool *pool, task_function *task, struct value *arguments,
	struct value **value)
{
	SCOPED(result) result = NULL;

	TRY(pool_apply_async(pool, task, arguments, NULL, &result));
	TRY(wait_and_take(result, value));
	return NULL;
}

struct error *
pool_map(struct pool *pool, task_function *task, struct value *items,
	long chunk_size, struct value **value)
{
	SCOPED(result) result = NULL;

	TRY(pool_map_async(pool, task, items, chunk_size, NULL, &result));
	TRY(wait_and_take(result, value));
	return NULL;
}

struct error *
pool_starmap(struct pool *pool, task_function *task, struct value *items,
	long chunk_size, struct value **value)
{
	SCOPED(result) result = NULL;

	TRY(pool_starmap_async(pool, task, items, chunk_size, NULL, &result));
	TRY(wait_and_take(result, value));
	return NULL;
}

struct error *
pool_close(struct pool *pool)
{
	TRY(check_process(pool));
	handler_close(pool->handler);
	return NULL;
}

struct error *
pool_terminate(struct pool *pool)
{
	TRY(check_process(pool));
	handler_terminate(pool->handler);
	return NULL;
}

struct error *
pool_join(struct pool *pool)
{
	TRY(check_process(pool));
	TRY(handler_join(pool->handler));
	return NULL;
}
