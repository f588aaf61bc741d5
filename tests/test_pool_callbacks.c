/*
 * test_pool_callbacks.c - what a pool's callbacks are told, when and where, and
 * what they may do.
 *
 * An assert outside of the main thread would end the program with nobody to
 * say why. So callbacks only write down what they see.
 */
#include "condition.h"
#include "pool.h"

#include "result.h"
#include "tasks.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

/* What the callbacks of one submission saw. */
struct seen {
	struct pool *pool;
	struct result *result;
	/* The same, once the callback may look at it. */
	struct result *_Atomic watched;
	int successes, failures;
	/* In the last call of either. */
	pthread_t thread;
	bool ready;
	long long integer;
	char *text;
	/* What the callback then did came to this. */
	struct result *other;
	struct error *raised;
};

static void
forget(struct seen *seen)
{
	result_free(seen->result);
	result_free(seen->other);
	error_free(seen->raised);
	free(seen->text);
}

static void
look(struct seen *seen)
{
	seen->thread = pthread_self();
	seen->ready = seen->watched && result_ready(seen->watched);
}

static struct error *
see_success(const struct value *value, void *context)
{
	struct seen *seen = context;

	look(seen);
	seen->successes++;
	if (value_kind(value) == VALUE_INTEGER)
		TRY(value_get_integer(value, &seen->integer));
	else
		seen->integer = (long long)value_count(value);
	return NULL;
}

static struct error *
see_failure(const struct error *error, void *context)
{
	struct seen *seen = context;

	look(seen);
	seen->failures++;
	seen->text = strdup(error->message);
	return NULL;
}

/* Holds the only worker until what is submitted next has been. */
static void
hold_worker(struct pool *pool, struct result **result)
{
	MUST(pool_map_async(pool, hold, integers(0, 1), 1, NULL, result));
	wire_receive(&reports);
}

IN_CHILD(callback_is_told_the_value_once_before_readiness)
{
	struct seen seen = {.integer = 0};
	const struct callbacks callbacks = {see_success, see_failure, &seen};
	struct pool *pool;

	open_wires();
	MUST(pool_new(1, &pool));
	MUST(pool_apply_async(pool, hold, value_list(value_integer(42)),
		&callbacks, &seen.result));
	wire_receive(&reports);
	assert_int_equal(seen.successes, 0);
	seen.watched = seen.result;
	open_gate(1);
	MUST(result_get(seen.result, CHILD_LIMIT, NULL));
	pool_free(pool);
	assert_int_equal(seen.successes, 1);
	assert_int_equal(seen.failures, 0);
	assert_int_equal(seen.integer, 42);
	assert_false(seen.ready);
	assert_false(pthread_equal(seen.thread, pthread_self()));
	forget(&seen);
	close_wires();
}

IN_CHILD(callback_of_a_map_is_told_the_list_once)
{
	struct seen seen = {.integer = 0};
	const struct callbacks callbacks = {see_success, see_failure, &seen};
	struct pool *pool;

	MUST(pool_new(2, &pool));
	MUST(pool_map_async(
		pool, square, integers(0, 9), 2, &callbacks, &seen.result));
	MUST(result_get(seen.result, CHILD_LIMIT, NULL));
	pool_free(pool);
	assert_int_equal(seen.successes, 1);
	assert_int_equal(seen.failures, 0);
	assert_int_equal(seen.integer, 9);
	forget(&seen);
}

IN_CHILD(error_callback_is_told_once_and_the_callback_never)
{
	struct seen seen = {.integer = 0};
	const struct callbacks callbacks = {see_success, see_failure, &seen};
	struct pool *pool;
	struct result *held;

	open_wires();
	MUST(pool_new(1, &pool));
	hold_worker(pool, &held);
	/* Both chunks fail. */
	MUST(pool_map_async(pool, refuse,
		value_list(value_text("first"), value_text("second")), 1,
		&callbacks, &seen.result));
	seen.watched = seen.result;
	open_gate(1);
	MUST_RAISE_SAYING(ValueError, "first",
		result_get(seen.result, CHILD_LIMIT, NULL));
	pool_free(pool);
	assert_int_equal(seen.successes, 0);
	assert_int_equal(seen.failures, 1);
	assert_string_equal(seen.text, "first");
	assert_false(seen.ready);
	assert_false(pthread_equal(seen.thread, pthread_self()));
	forget(&seen);
	result_free(held);
	close_wires();
}

IN_CHILD(callback_of_an_empty_map_needs_no_idle_worker)
{
	struct seen seen = {.integer = -1};
	const struct callbacks callbacks = {see_success, see_failure, &seen};
	struct pool *pool;
	struct result *held;

	open_wires();
	MUST(pool_new(1, &pool));
	hold_worker(pool, &held);
	MUST(pool_map_async(pool, square, value_empty_list(),
		DEFAULT_CHUNK_SIZE, &callbacks, &seen.result));
	/* Nobody opens the gate before this is ready. */
	MUST(result_get(seen.result, 5, NULL));
	assert_int_equal(seen.successes, 1);
	assert_int_equal(seen.integer, 0);
	assert_false(pthread_equal(seen.thread, pthread_self()));
	open_gate(1);
	MUST(result_get(held, CHILD_LIMIT, NULL));
	pool_free(pool);
	forget(&seen);
	result_free(held);
	close_wires();
}

static struct error *
raise_in_callback(const struct value *value, void *context)
{
	(void)value;
	(void)context;
	return RAISE(RuntimeError, "the callback fails");
}

static struct error *
raise_in_error_callback(const struct error *error, void *context)
{
	(void)context;
	return RAISE(RuntimeError, "not only: %s", error->message);
}

IN_CHILD(failing_callback_becomes_the_error_of_its_result)
{
	const struct callbacks callbacks = {
		raise_in_callback, raise_in_error_callback, NULL};
	SCOPED(pool) pool = NULL;
	SCOPED(result) succeeded = NULL;
	SCOPED(result) failed = NULL;
	SCOPED(error) error = NULL;

	MUST(pool_new(1, &pool));
	MUST(pool_apply_async(
		pool, square, integers(2, 3), &callbacks, &succeeded));
	error = result_get(succeeded, CHILD_LIMIT, NULL);
	assert_non_null(error);
	assert_string_equal(error->message, "the callback fails");
	assert_true(is_from(error, "handler"));
	MUST(pool_apply_async(pool, refuse, value_list(value_text("this")),
		&callbacks, &failed));
	MUST_RAISE_SAYING(RuntimeError, "not only: this",
		result_get(failed, CHILD_LIMIT, NULL));
	MUST(pool_apply(pool, square, integers(2, 3), NULL));
}

static struct error *
submit_another(const struct value *value, void *context)
{
	struct seen *seen = context;

	(void)value;
	TRY(pool_map_async(
		seen->pool, square, integers(3, 5), 1, NULL, &seen->other));
	return NULL;
}

IN_CHILD(callback_may_submit_to_its_pool)
{
	struct seen seen = {.integer = 0};
	const struct callbacks callbacks = {submit_another, NULL, &seen};
	SCOPED(pool) pool = NULL;
	const struct value *squares;

	MUST(pool_new(1, &pool));
	seen.pool = pool;
	MUST(pool_apply_async(
		pool, square, integers(2, 3), &callbacks, &seen.result));
	MUST(result_get(seen.result, CHILD_LIMIT, NULL));
	MUST(result_get(seen.other, CHILD_LIMIT, &squares));
	assert_int_equal(integer_at(squares, 1), 16);
	forget(&seen);
}

static struct error *
get_another(const struct value *value, void *context)
{
	struct seen *seen = context;

	TRY(submit_another(value, context));
	seen->raised = result_get(seen->other, 5, NULL);
	return NULL;
}

static struct error *
get_another_after_an_empty_one(const struct value *value, void *context)
{
	struct seen *seen = context;
	SCOPED(result) empty = NULL;

	TRY(pool_map_async(
		seen->pool, square, value_empty_list(), 1, NULL, &empty));
	TRY(get_another(value, context));
	return NULL;
}

static struct error *
map_in_callback(const struct value *value, void *context)
{
	struct seen *seen = context;

	(void)value;
	seen->raised = pool_map(seen->pool, square, integers(3, 5), 1, NULL);
	return NULL;
}

static struct error *
join_in_callback(const struct value *value, void *context)
{
	struct seen *seen = context;

	(void)value;
	TRY(pool_close(seen->pool));
	seen->raised = pool_join(seen->pool);
	return NULL;
}

/* Checks that a callback that waits for its own pool is told so instead. */
static void
check_refusal(struct error *(*callback)(const struct value *, void *),
	const char *message)
{
	struct seen seen = {.integer = 0};
	const struct callbacks callbacks = {callback, NULL, &seen};
	SCOPED(pool) pool = NULL;

	MUST(pool_new(1, &pool));
	seen.pool = pool;
	MUST(pool_apply_async(
		pool, square, integers(2, 3), &callbacks, &seen.result));
	MUST(result_get(seen.result, CHILD_LIMIT, NULL));
	if (seen.other)
		MUST(result_get(seen.other, CHILD_LIMIT, NULL));
	MUST_RAISE_SAYING(RuntimeError, message, seen.raised);
	seen.raised = NULL;
	forget(&seen);
}

IN_CHILD(callback_may_not_get_what_is_pending)
{
	check_refusal(get_another, "result_get() in a callback of the same "
				   "pool waits for itself");
}

/* Which of some calls back came in which order. */
static int order[3], calls_back;

static struct error *
note_order(const struct value *value, void *context)
{
	(void)value;
	order[calls_back++] = *(int *)context;
	return NULL;
}

static void
submit_nothing(struct pool *pool, int *number)
{
	struct result *result;

	MUST(pool_map_async(pool, square, value_empty_list(),
		DEFAULT_CHUNK_SIZE,
		&(struct callbacks){.callback = note_order, .context = number},
		&result));
	result_free(result);
}

/* Submits three empty maps while the one worker is busy. */
static struct error *
submit_nothing_thrice(const struct error *error, void *pool)
{
	static int numbers[3] = {0, 1, 2};

	(void)error;
	for (int i = 0; i < 3; i++)
		submit_nothing(*(struct pool **)pool, &numbers[i]);
	return NULL;
}

IN_CHILD(callbacks_of_empty_maps_keep_their_order)
{
	struct pool *pool;
	struct condition *condition;
	struct result *refused, *held;
	struct callbacks callbacks = {
		.error_callback = submit_nothing_thrice, .context = &pool};

	open_wires();
	MUST(condition_new(&condition));
	MUST(pool_new(1, &pool));
	MUST(pool_apply_async(pool, square,
		value_list(value_condition(condition)), &callbacks, &refused));
	hold_worker(pool, &held);
	/* The handler dealt with all three before the worker got its task. */
	open_gate(1);
	MUST(result_get(held, CHILD_LIMIT, NULL));
	assert_int_equal(calls_back, 3);
	for (int i = 0; i < 3; i++)
		assert_int_equal(order[i], i);
	pool_free(pool);
	result_free(refused);
	result_free(held);
	condition_free(condition);
	close_wires();
}

IN_CHILD(callback_may_not_get_pending_after_an_empty_map)
{
	check_refusal(get_another_after_an_empty_one,
		"result_get() in a callback of the same pool waits for itself");
}

IN_CHILD(callback_may_not_map)
{
	check_refusal(map_in_callback,
		"result_get() in a callback of the same pool waits for itself");
}

IN_CHILD(callback_may_not_join)
{
	check_refusal(join_in_callback,
		"a callback waits for the end of its own pool");
}

static struct error *
terminate_in_callback(const struct value *value, void *context)
{
	struct seen *seen = context;

	(void)value;
	TRY(pool_terminate(seen->pool));
	/* From which no way leads back. */
	TRY(pool_close(seen->pool));
	TRY(pool_terminate(seen->pool));
	TRY(pool_close(seen->pool));
	return NULL;
}

IN_CHILD(callback_may_terminate)
{
	struct seen seen = {.integer = 0};
	const struct callbacks callbacks = {terminate_in_callback, NULL, &seen};
	SCOPED(pool) pool = NULL;
	SCOPED(result) pending = NULL;

	open_wires();
	MUST(pool_new(2, &pool));
	seen.pool = pool;
	MUST(pool_apply_async(pool, hold, integers(0, 1), NULL, &pending));
	wire_receive(&reports);
	MUST(pool_apply_async(
		pool, square, integers(2, 3), &callbacks, &seen.result));
	MUST(result_get(seen.result, CHILD_LIMIT, NULL));
	MUST_RAISE_WITH(PoolTerminatedError, "",
		result_get(pending, CHILD_LIMIT, NULL));
	MUST(pool_join(pool));
	no_child_must_be_left();
	forget(&seen);
	close_wires();
}

/* What a callback may do while its pool ends: everything is over, or raises. */
static struct error *
end_in_error_callback(const struct error *error, void *context)
{
	struct seen *seen = context;

	TRY(see_failure(error, context));
	TRY(pool_close(seen->pool));
	TRY(pool_terminate(seen->pool));
	seen->raised = pool_map_async(
		seen->pool, square, integers(3, 5), 1, NULL, &seen->other);
	return NULL;
}

IN_CHILD(error_callback_of_a_pool_that_ends_may_end_it_again)
{
	struct seen seen = {.integer = 0};
	const struct callbacks callbacks = {NULL, end_in_error_callback, &seen};
	struct pool *pool;

	open_wires();
	MUST(pool_new(1, &pool));
	seen.pool = pool;
	MUST(pool_apply_async(
		pool, hold, integers(2, 3), &callbacks, &seen.result));
	wire_receive(&reports);
	MUST(pool_terminate(pool));
	MUST_RAISE_WITH(PoolTerminatedError, "",
		result_get(seen.result, CHILD_LIMIT, NULL));
	MUST_RAISE_SAYING(ValueError, "Pool not running", seen.raised);
	seen.raised = NULL;
	assert_int_equal(seen.failures, 1);
	pool_free(pool);
	forget(&seen);
	close_wires();
}

static struct error *
use_another_pool(const struct value *value, void *context)
{
	struct seen *seen = context;
	SCOPED(value) square_of_value = NULL;

	(void)value;
	TRY(pool_apply(seen->pool, square, integers(5, 6), &square_of_value));
	TRY(value_get_integer(square_of_value, &seen->integer));
	return NULL;
}

IN_CHILD_BESIDE_THREADS(callback_may_wait_for_another_pool)
{
	struct seen seen = {.integer = 0};
	const struct callbacks callbacks = {use_another_pool, NULL, &seen};
	SCOPED(pool) pool = NULL;
	SCOPED(pool) other = NULL;

	MUST(pool_new(1, &pool));
	MUST(pool_new(1, &other));
	seen.pool = other;
	MUST(pool_apply_async(
		pool, square, integers(2, 3), &callbacks, &seen.result));
	MUST(result_get(seen.result, CHILD_LIMIT, NULL));
	assert_int_equal(seen.integer, 25);
	forget(&seen);
}

static struct error *
free_in_callback(const struct value *value, void *context)
{
	struct seen *seen = context;

	(void)value;
	pool_free(seen->pool);
	return NULL;
}

static void
free_pool_in_its_callback(void *context)
{
	struct seen seen = {.integer = 0};
	const struct callbacks callbacks = {free_in_callback, NULL, &seen};

	(void)context;
	dup2(reports.out, STDERR_FILENO);
	MUST(pool_new(1, &seen.pool));
	MUST(pool_apply_async(
		seen.pool, square, integers(2, 3), &callbacks, &seen.result));
	result_wait(seen.result, CHILD_LIMIT);
}

IN_CHILD(pool_freed_in_its_callback_panics)
{
	char text[256] = "";
	int status;

	open_wires();
	status = child_wait(child_start(free_pool_in_its_callback, NULL));
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGABRT);
	assert_true(read(reports.in, text, sizeof(text) - 1) > 0);
	assert_memory_equal(text, "panic: ", 7);
	assert_non_null(
		strstr(text, "a pool is freed in one of its callbacks"));
	await_all_children();
	close_wires();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			callback_is_told_the_value_once_before_readiness),
		cmocka_unit_test(callback_of_a_map_is_told_the_list_once),
		cmocka_unit_test(
			error_callback_is_told_once_and_the_callback_never),
		cmocka_unit_test(callback_of_an_empty_map_needs_no_idle_worker),
		cmocka_unit_test(callbacks_of_empty_maps_keep_their_order),
		cmocka_unit_test(
			failing_callback_becomes_the_error_of_its_result),
		cmocka_unit_test(callback_may_submit_to_its_pool),
		cmocka_unit_test(callback_may_not_get_what_is_pending),
		cmocka_unit_test(
			callback_may_not_get_pending_after_an_empty_map),
		cmocka_unit_test(callback_may_not_map),
		cmocka_unit_test(callback_may_not_join),
		cmocka_unit_test(callback_may_terminate),
		cmocka_unit_test(
			error_callback_of_a_pool_that_ends_may_end_it_again),
		cmocka_unit_test(callback_may_wait_for_another_pool),
		cmocka_unit_test(pool_freed_in_its_callback_panics),
	};

	return cmocka_run_group_tests_name(
		       "pool_callbacks", tests, NULL, NULL) != 0;
}
