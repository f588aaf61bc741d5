/*
 * test_result.c - a result, before and after its outcome is known, and its
 * callbacks. What a pool does, the tests do themselves.
 */
#include "result.h"

#include "process.h"
#include "sys.h"
#include "tasks.h"

#include <pthread.h>
#include <signal.h>
#include <unistd.h>

/* Stands for the pool; only its address counts. */
static const char pool;

/* How long what is not to happen is waited for, in seconds. */
#define SOON 0.05

IN_CHILD(new_result_is_pending)
{
	SCOPED(result) result = result_new(&pool, NULL);
	bool successful;

	assert_false(result_ready(result));
	assert_false(result_wait(result, 0));
	assert_false(result_wait(result, -1));
	MUST_RAISE_SAYING(ValueError, "result not ready",
		result_successful(result, &successful));
	result_succeed(result, value_nothing());
}

IN_CHILD(success_gives_the_value_again_and_again)
{
	SCOPED(result) result = result_new(&pool, NULL);
	const struct value *value, *again;
	bool successful = false;

	result_succeed(result, value_integer(42));
	assert_true(result_ready(result));
	MUST(result_successful(result, &successful));
	assert_true(successful);
	MUST(result_get(result, FOREVER, &value));
	assert_int_equal(integer_of(value), 42);
	MUST(result_get(result, 0, &again));
	assert_ptr_equal(again, value);
	MUST(result_get(result, -1, NULL));
}

static struct error *
raise_deep(void)
{
	return RAISE(OSError, "deep");
}

static struct error *
raise_less_deep(void)
{
	TRY(raise_deep());
	return NULL;
}

IN_CHILD(failure_raises_the_error_with_its_frames_each_time)
{
	SCOPED(result) result = result_new(&pool, NULL);
	SCOPED(error) first = NULL;
	SCOPED(error) second = NULL;
	bool successful = true;

	result_fail(result, raise_less_deep());
	assert_true(result_ready(result));
	MUST(result_successful(result, &successful));
	assert_false(successful);
	first = result_get(result, FOREVER, NULL);
	assert_non_null(first);
	/* Whatever becomes of the first, the second is whole. */
	error_add_frame(first, &(struct frame){"f", 1, "g", "h", "i"});
	second = result_get(result, 0, NULL);
	assert_int_equal(second->kind, OSError);
	assert_string_equal(second->message, "deep");
	assert_string_equal(second->frames[0].function, "raise_deep");
	assert_string_equal(second->frames[1].function, "raise_less_deep");
	assert_int_equal(second->frame_count + 1, first->frame_count);
}

IN_CHILD(result_get_times_out)
{
	SCOPED(result) result = result_new(&pool, NULL);
	double start = sys_now();

	MUST_RAISE_SAYING(TimeoutError, "no result within 0.05 s",
		result_get(result, SOON, NULL));
	assert_true(sys_now() - start >= SOON);
	MUST_RAISE_WITH(TimeoutError, "", result_get(result, 0, NULL));
	MUST_RAISE_WITH(TimeoutError, "", result_get(result, -3, NULL));
	MUST_RAISE_WITH(TimeoutError, "", result_get(result, NAN, NULL));
	/* Which does not end it. */
	result_succeed(result, value_nothing());
	MUST(result_get(result, 0, NULL));
}

IN_CHILD(result_wait_tells_readiness_and_nothing_else)
{
	SCOPED(result) result = result_new(&pool, NULL);
	double start = sys_now();

	assert_false(result_wait(result, SOON));
	assert_true(sys_now() - start >= SOON);
	result_fail(result, RAISE(OSError, "unseen"));
	assert_true(result_wait(result, FOREVER));
	assert_true(result_wait(result, 0));
}

/* One of several threads that wait for one result. */
struct waiter {
	pthread_t thread;
	struct result *result;
	double timeout;
	long long integer;
};

static void *
wait_for_integer(void *context)
{
	struct waiter *waiter = context;
	const struct value *value;

	wire_send(&reports, gettid());
	MUST(result_get(waiter->result, waiter->timeout, &value));
	waiter->integer = integer_of(value);
	return NULL;
}

IN_CHILD(threads_that_wait_are_all_woken)
{
	const double timeouts[] = {FOREVER, 1e300, CHILD_LIMIT};
	SCOPED(result) result = result_new(&pool, NULL);
	struct waiter waiters[6];

	open_wires();
	for (int i = 0; i < 6; i++) {
		waiters[i] = (struct waiter){
			.result = result, .timeout = timeouts[i % 3]};
		assert_int_equal(pthread_create(&waiters[i].thread, NULL,
					 wait_for_integer, &waiters[i]),
			0);
	}
	for (int i = 0; i < 6; i++)
		assert_true(process_await((pid_t)wire_receive(&reports), 'S'));
	result_succeed(result, value_integer(7));
	for (int i = 0; i < 6; i++) {
		assert_int_equal(pthread_join(waiters[i].thread, NULL), 0);
		assert_int_equal(waiters[i].integer, 7);
	}
	close_wires();
}

/* What callbacks saw. */
struct seen {
	struct result *result;
	int successes, failures;
	bool ready;
	const void *told;
	struct error *raised;
};

static struct error *
see_success(const struct value *value, void *context)
{
	struct seen *seen = context;

	seen->successes++;
	seen->ready = result_ready(seen->result);
	seen->told = value;
	return NULL;
}

static struct error *
see_failure(const struct error *error, void *context)
{
	struct seen *seen = context;

	seen->failures++;
	seen->ready = result_ready(seen->result);
	seen->told = error;
	return NULL;
}

IN_CHILD(callback_is_called_once_before_readiness)
{
	struct seen seen = {.ready = true};
	const struct callbacks callbacks = {see_success, see_failure, &seen};
	SCOPED(result) result = result_new(&pool, &callbacks);
	struct value *value = value_integer(42);

	seen.result = result;
	result_succeed(result, value);
	assert_int_equal(seen.successes, 1);
	assert_int_equal(seen.failures, 0);
	assert_false(seen.ready);
	assert_ptr_equal(seen.told, value);
	MUST(result_get(result, 0, NULL));
	assert_int_equal(seen.successes, 1);
}

IN_CHILD(error_callback_is_called_once_before_readiness)
{
	struct seen seen = {.ready = true};
	const struct callbacks callbacks = {see_success, see_failure, &seen};
	SCOPED(result) result = result_new(&pool, &callbacks);
	struct error *error = RAISE(OSError, "told");

	seen.result = result;
	result_fail(result, error);
	assert_int_equal(seen.successes, 0);
	assert_int_equal(seen.failures, 1);
	assert_false(seen.ready);
	assert_ptr_equal(seen.told, error);
	MUST_RAISE_SAYING(OSError, "told", result_get(result, 0, NULL));
	assert_int_equal(seen.failures, 1);
}

IN_CHILD(either_callback_may_be_missing)
{
	struct seen seen = {.ready = true};
	SCOPED(result) one = result_new(
		&pool, &(struct callbacks){NULL, see_failure, &seen});
	SCOPED(result) other = result_new(
		&pool, &(struct callbacks){see_success, NULL, &seen});

	result_succeed(one, value_nothing());
	result_fail(other, RAISE(OSError, "untold"));
	assert_int_equal(seen.successes, 0);
	assert_int_equal(seen.failures, 0);
	MUST(result_get(one, 0, NULL));
	MUST_RAISE_SAYING(OSError, "untold", result_get(other, 0, NULL));
}

static struct error *
raise_on_success(const struct value *value, void *context)
{
	(void)value;
	(void)context;
	return RAISE(RuntimeError, "after a success");
}

static struct error *
raise_on_failure(const struct error *error, void *context)
{
	(void)context;
	return RAISE(RuntimeError, "after %s", error->message);
}

IN_CHILD(failing_callback_becomes_the_error)
{
	const struct callbacks callbacks = {
		raise_on_success, raise_on_failure, NULL};
	SCOPED(result) one = result_new(&pool, &callbacks);
	SCOPED(result) other = result_new(&pool, &callbacks);
	bool successful = true;

	result_succeed(one, value_integer(42));
	MUST(result_successful(one, &successful));
	assert_false(successful);
	MUST_RAISE_SAYING(
		RuntimeError, "after a success", result_get(one, 0, NULL));
	result_fail(other, RAISE(OSError, "this"));
	MUST_RAISE_SAYING(
		RuntimeError, "after this", result_get(other, 0, NULL));
}

static struct error *
get_own_result(const struct value *value, void *context)
{
	struct seen *seen = context;

	(void)value;
	/* A wait that is not refused ends all the same, with a TimeoutError. */
	seen->raised = result_get(seen->result, 2, NULL);
	return NULL;
}

IN_CHILD(callback_that_gets_its_own_result_is_refused)
{
	struct seen seen = {.ready = true};
	SCOPED(result) result = result_new(
		&pool, &(struct callbacks){get_own_result, NULL, &seen});

	seen.result = result;
	result_succeed(result, value_nothing());
	MUST_RAISE_SAYING(RuntimeError,
		"result_get() in a callback of the same pool waits for itself",
		seen.raised);
	MUST(result_get(result, 0, NULL));
}

/* Has another result settled meanwhile, as submitting an empty map does. */
static struct error *
settle_and_get_own_result(const struct value *value, void *context)
{
	SCOPED(result) another = result_new(&pool, NULL);

	result_succeed(another, value_nothing());
	TRY(result_get(another, 0, NULL));
	TRY(get_own_result(value, context));
	return NULL;
}

IN_CHILD(callback_stays_one_when_it_settles_another_result)
{
	struct seen seen = {.ready = true};
	SCOPED(result) result = result_new(&pool,
		&(struct callbacks){settle_and_get_own_result, NULL, &seen});

	seen.result = result;
	result_succeed(result, value_nothing());
	MUST_RAISE_WITH(RuntimeError, "waits for itself", seen.raised);
}

static struct error *
poll_own_result(const struct value *value, void *context)
{
	struct seen *seen = context;

	(void)value;
	seen->ready = result_wait(seen->result, 0);
	seen->raised = result_get(seen->result, 0, NULL);
	return NULL;
}

IN_CHILD(callback_may_look_at_its_own_result_without_waiting)
{
	struct seen seen = {.ready = true};
	SCOPED(result) result = result_new(
		&pool, &(struct callbacks){poll_own_result, NULL, &seen});

	seen.result = result;
	result_succeed(result, value_nothing());
	assert_false(seen.ready);
	MUST_RAISE_WITH(TimeoutError, "", seen.raised);
}

static struct error *
wait_for_own_result(const struct value *value, void *context)
{
	struct seen *seen = context;

	(void)value;
	result_wait(seen->result, FOREVER);
	return NULL;
}

static void
wait_in_callback(void *unused)
{
	struct seen seen = {.ready = true};
	SCOPED(result) result = result_new(
		&pool, &(struct callbacks){wait_for_own_result, NULL, &seen});

	(void)unused;
	dup2(reports.out, STDERR_FILENO);
	seen.result = result;
	result_succeed(result, value_nothing());
}

IN_CHILD(callback_that_waits_for_its_own_result_panics)
{
	char text[256] = "";
	int status;

	open_wires();
	status = child_wait(child_start(wait_in_callback, NULL));
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGABRT);
	assert_true(read(reports.in, text, sizeof(text) - 1) > 0);
	assert_memory_equal(text, "panic: ", 7);
	assert_non_null(strstr(text,
		"result_wait() in a callback of the same pool waits for "
		"itself"));
	close_wires();
}

static struct error *
get_another_result(const struct value *value, void *context)
{
	(void)value;
	TRY(result_get(context, 0.01, NULL));
	return NULL;
}

IN_CHILD(callback_may_wait_for_a_result_of_another_pool)
{
	static const char other_pool;
	SCOPED(result) other = result_new(&other_pool, NULL);
	SCOPED(result) result = result_new(
		&pool, &(struct callbacks){get_another_result, NULL, other});

	result_succeed(result, value_nothing());
	MUST_RAISE_WITH(TimeoutError, "", result_get(result, 0, NULL));
	result_succeed(other, value_nothing());
}

IN_CHILD(thread_is_in_no_callback_any_more_after_one)
{
	struct seen seen = {.ready = true};
	SCOPED(result) one = result_new(
		&pool, &(struct callbacks){see_success, NULL, &seen});
	SCOPED(result) pending = result_new(&pool, NULL);

	seen.result = one;
	result_succeed(one, value_nothing());
	MUST_RAISE_WITH(TimeoutError, "", result_get(pending, 0.01, NULL));
	result_succeed(pending, value_nothing());
}

IN_CHILD(result_outlives_the_share_of_the_pool)
{
	struct result *result = result_new(&pool, NULL);
	const struct value *value;

	/* Which gives the pool's share up. */
	result_succeed(result, value_text("still here"));
	MUST(result_get(result, 0, &value));
	assert_int_equal(value_kind(value), VALUE_TEXT);
	result_free(result);
	result_free(NULL);
}

IN_CHILD(result_that_nobody_waits_for_is_settled_all_the_same)
{
	struct seen seen = {.ready = true};
	struct result *result = result_new(
		&pool, &(struct callbacks){see_success, NULL, &seen});

	seen.result = result;
	result_free(result);
	result_succeed(result, value_integer(1));
	assert_int_equal(seen.successes, 1);
}

IN_CHILD(result_take_hands_the_value_over)
{
	SCOPED(result) result = result_new(&pool, NULL);
	SCOPED(value) value = NULL;

	result_succeed(result, value_integer(42));
	value = result_take(result);
	assert_int_equal(integer_of(value), 42);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(new_result_is_pending),
		cmocka_unit_test(success_gives_the_value_again_and_again),
		cmocka_unit_test(
			failure_raises_the_error_with_its_frames_each_time),
		cmocka_unit_test(result_get_times_out),
		cmocka_unit_test(result_wait_tells_readiness_and_nothing_else),
		cmocka_unit_test(threads_that_wait_are_all_woken),
		cmocka_unit_test(callback_is_called_once_before_readiness),
		cmocka_unit_test(
			error_callback_is_called_once_before_readiness),
		cmocka_unit_test(either_callback_may_be_missing),
		cmocka_unit_test(failing_callback_becomes_the_error),
		cmocka_unit_test(callback_that_gets_its_own_result_is_refused),
		cmocka_unit_test(
			callback_stays_one_when_it_settles_another_result),
		cmocka_unit_test(
			callback_may_look_at_its_own_result_without_waiting),
		cmocka_unit_test(callback_that_waits_for_its_own_result_panics),
		cmocka_unit_test(
			callback_may_wait_for_a_result_of_another_pool),
		cmocka_unit_test(thread_is_in_no_callback_any_more_after_one),
		cmocka_unit_test(result_outlives_the_share_of_the_pool),
		cmocka_unit_test(
			result_that_nobody_waits_for_is_settled_all_the_same),
		cmocka_unit_test(result_take_hands_the_value_over),
	};

	return cmocka_run_group_tests_name("result", tests, NULL, NULL) != 0;
}
