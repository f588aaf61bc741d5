/*
 * test_pool_ends.c - how a pool comes to its end, in every order, with work
 * pending or none; and how several pools, and forks, get along.
 */
#include "pool.h"

#include "result.h"
#include "tasks.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#define TERMINATED "the pool was terminated while the work was pending"

static struct pool *
make_pool(size_t workers)
{
	struct pool *pool;

	MUST(pool_new(workers, &pool));
	return pool;
}

/* Submits a task for each worker, to hold it, and waits until all hold. */
static struct result *
hold_workers(struct pool *pool, int workers)
{
	struct result *result;

	MUST(pool_map_async(
		pool, hold, integers(0, workers), 1, NULL, &result));
	await_reports(workers);
	return result;
}

IN_CHILD(close_lets_pending_work_finish)
{
	SCOPED(pool) pool = NULL;
	SCOPED(result) held = NULL;
	SCOPED(result) queued = NULL;
	const struct value *squares;

	open_wires();
	pool = make_pool(1);
	held = hold_workers(pool, 1);
	MUST(pool_map_async(pool, square, integers(0, 5), 1, NULL, &queued));
	MUST(pool_close(pool));
	open_gate(1);
	MUST(pool_join(pool));
	assert_true(result_ready(held));
	assert_true(result_ready(queued));
	MUST(result_get(queued, 0, &squares));
	assert_int_equal(integer_at(squares, 4), 16);
	close_wires();
}

IN_CHILD(join_waits_for_the_end_of_all_processes)
{
	struct pool *pool = make_pool(3);

	MUST(pool_map(pool, square, integers(0, 5), 1, NULL));
	MUST(pool_close(pool));
	MUST(pool_join(pool));
	no_child_must_be_left();
	pool_free(pool);
}

IN_CHILD(terminate_waits_for_the_end_of_all_processes)
{
	struct pool *pool = make_pool(3);

	MUST(pool_terminate(pool));
	no_child_must_be_left();
	pool_free(pool);
}

IN_CHILD(join_before_close_is_refused)
{
	SCOPED(pool) pool = make_pool(1);

	MUST_RAISE_SAYING(ValueError, "Pool is still running", pool_join(pool));
	/* Which does it no harm. */
	MUST(pool_apply(pool, square, integers(2, 3), NULL));
}

/* Submits in each form to a pool that takes nothing any more. */
static void
check_that_nothing_is_taken(struct pool *pool)
{
	struct result *result;

	MUST_RAISE_SAYING(ValueError, "Pool not running",
		pool_apply(pool, square, integers(2, 3), NULL));
	MUST_RAISE_SAYING(ValueError, "Pool not running",
		pool_map(pool, square, integers(0, 9), 1, NULL));
	MUST_RAISE_SAYING(ValueError, "Pool not running",
		pool_starmap_async(pool, square, value_list(integers(2, 3)), 1,
			NULL, &result));
	MUST_RAISE_SAYING(ValueError, "Pool not running",
		pool_map_async(
			pool, square, value_empty_list(), 1, NULL, &result));
}

IN_CHILD(submit_after_close_is_refused)
{
	SCOPED(pool) pool = NULL;
	SCOPED(result) held = NULL;

	open_wires();
	pool = make_pool(1);
	held = hold_workers(pool, 1);
	MUST(pool_close(pool));
	check_that_nothing_is_taken(pool);
	open_gate(1);
	MUST(pool_join(pool));
	check_that_nothing_is_taken(pool);
	MUST(result_get(held, 0, NULL));
	close_wires();
}

IN_CHILD(submit_after_terminate_is_refused)
{
	SCOPED(pool) pool = make_pool(1);

	MUST(pool_terminate(pool));
	check_that_nothing_is_taken(pool);
}

/* Closes, joins and terminates, as three digits to the base 3 say. */
static void
end_in_order(int order)
{
	SCOPED(pool) pool = make_pool(1);
	bool ended = false;

	for (int i = 0; i < 3; i++, order /= 3)
		if (order % 3 == 0) {
			MUST(pool_close(pool));
			ended = true;
		} else if (order % 3 == 1) {
			MUST(pool_terminate(pool));
			ended = true;
		} else if (ended) {
			MUST(pool_join(pool));
			no_child_must_be_left();
		} else {
			MUST_RAISE_SAYING(ValueError, "Pool is still running",
				pool_join(pool));
		}
}

IN_CHILD(close_terminate_and_join_may_come_in_any_order)
{
	for (int order = 0; order < 27; order++)
		end_in_order(order);
}

static struct error *
count_failure(const struct error *error, void *count)
{
	(void)error;
	++*(int *)count;
	return NULL;
}

static struct error *
count_success(const struct value *value, void *count)
{
	(void)value;
	*(int *)count += 1000;
	return NULL;
}

/* The ways to end a pool with work pending. */
static void
end_by_terminate(struct pool *pool)
{
	MUST(pool_terminate(pool));
	no_child_must_be_left();
	pool_free(pool);
}

static void
end_by_close_and_terminate(struct pool *pool)
{
	MUST(pool_close(pool));
	end_by_terminate(pool);
}

static void
check_pending_results(void (*end)(struct pool *))
{
	int told = 0;
	const struct callbacks callbacks = {
		count_success, count_failure, &told};
	struct pool *pool;
	struct result *results[3];

	open_wires();
	pool = make_pool(2);
	/* Its workers run the first; the others, and part of it, wait: */
	MUST(pool_map_async(
		pool, hold, integers(0, 9), 1, &callbacks, &results[0]));
	await_reports(2);
	MUST(pool_apply_async(
		pool, square, integers(0, 1), &callbacks, &results[1]));
	/* more than can be dealt, so that some of them are not. */
	MUST(pool_map_async(
		pool, square, integers(0, 99), 1, &callbacks, &results[2]));
	assert_int_equal(told, 0);
	end(pool);
	assert_int_equal(told, 3);
	for (int i = 0; i < 3; i++) {
		assert_true(result_ready(results[i]));
		MUST_RAISE_SAYING(PoolTerminatedError, TERMINATED,
			result_get(results[i], 0, NULL));
		result_free(results[i]);
	}
	assert_false(wire_is_readable(&reports, 0));
	close_wires();
}

IN_CHILD(terminate_ends_pending_results)
{
	check_pending_results(end_by_terminate);
}

IN_CHILD(terminate_after_close_ends_pending_results)
{
	check_pending_results(end_by_close_and_terminate);
}

IN_CHILD(free_ends_pending_results)
{
	check_pending_results(pool_free);
}

/* Refuses a text, holds with anything else. */
static struct error *
refuse_or_hold(const struct value *arguments, struct value **result)
{
	const struct value *argument;

	TRY(value_at(arguments, 0, &argument));
	if (value_kind(argument) == VALUE_TEXT)
		TRY(refuse(arguments, result));
	TRY(hold(arguments, result));
	return NULL;
}

IN_CHILD(terminate_keeps_the_error_that_came_first)
{
	struct pool *pool;
	struct result *result;

	open_wires();
	pool = make_pool(1);
	MUST(pool_map_async(pool, refuse_or_hold,
		value_list(value_text("too soon"), value_nothing()), 1, NULL,
		&result));
	/* The only worker is at the second item, so the first came back. */
	wire_receive(&reports);
	assert_false(result_ready(result));
	MUST(pool_terminate(pool));
	MUST_RAISE_SAYING(ValueError, "too soon", result_get(result, 0, NULL));
	pool_free(pool);
	result_free(result);
	close_wires();
}

IN_CHILD(terminate_ends_a_stopped_worker)
{
	struct pool *pool;
	struct result *result;

	open_wires();
	pool = make_pool(1);
	MUST(pool_apply_async(pool, hold, integers(0, 1), NULL, &result));
	assert_int_equal(kill((pid_t)wire_receive(&reports), SIGSTOP), 0);
	MUST(pool_terminate(pool));
	no_child_must_be_left();
	MUST_RAISE_WITH(PoolTerminatedError, "", result_get(result, 0, NULL));
	pool_free(pool);
	result_free(result);
	close_wires();
}

static struct error *
stop_zygote(const struct value *arguments, struct value **result)
{
	(void)arguments;
	(void)result;
	kill(getppid(), SIGSTOP);
	return NULL;
}

IN_CHILD(terminate_ends_a_stopped_zygote)
{
	struct pool *pool = make_pool(1);

	MUST(pool_apply(pool, stop_zygote, value_empty_list(), NULL));
	MUST(pool_terminate(pool));
	no_child_must_be_left();
	pool_free(pool);
}

static void *
terminate_in_thread(void *pool)
{
	error_free(pool_terminate(pool));
	return NULL;
}

IN_CHILD(terminate_ends_a_join_that_would_last)
{
	pthread_t thread;
	struct pool *pool;
	struct result *held;

	open_wires();
	pool = make_pool(1);
	held = hold_workers(pool, 1);
	MUST(pool_close(pool));
	assert_int_equal(
		pthread_create(&thread, NULL, terminate_in_thread, pool), 0);
	MUST(pool_join(pool));
	MUST_RAISE_WITH(PoolTerminatedError, "", result_get(held, 0, NULL));
	assert_int_equal(pthread_join(thread, NULL), 0);
	pool_free(pool);
	result_free(held);
	close_wires();
}

IN_CHILD(pool_free_of_nothing_is_fine)
{
	pool_free(NULL);
}

IN_CHILD_BESIDE_THREADS(two_pools_are_independent)
{
	SCOPED(pool) first = make_pool(2);
	SCOPED(pool) second = make_pool(2);
	SCOPED(value) value = NULL;

	MUST(pool_apply(first, square, integers(3, 4), NULL));
	MUST(pool_apply(second, square, integers(4, 5), NULL));
	/* What was forked later holds nothing of the first's open. */
	MUST(pool_close(first));
	MUST(pool_join(first));
	MUST(pool_apply(second, square, integers(5, 6), &value));
	assert_int_equal(integer_of(value), 25);
}

IN_CHILD_BESIDE_THREADS(first_of_two_pools_outlives_the_second)
{
	SCOPED(pool) first = make_pool(1);
	struct pool *second = make_pool(1);
	SCOPED(value) value = NULL;

	MUST(pool_close(second));
	MUST(pool_join(second));
	pool_free(second);
	MUST(pool_apply(first, square, integers(5, 6), &value));
	assert_int_equal(integer_of(value), 25);
}

IN_CHILD(pools_may_follow_one_another)
{
	for (long long i = 0; i < 20; i++) {
		SCOPED(pool) pool = make_pool(2);
		SCOPED(value) value = NULL;

		MUST(pool_apply(pool, square, integers(i, i + 1), &value));
		assert_int_equal(integer_of(value), i * i);
	}
}

static void *
use_a_pool(void *unused)
{
	SCOPED(pool) pool = make_pool(1);
	SCOPED(value) value = NULL;

	(void)unused;
	MUST(pool_map(pool, square, integers(0, 50), 1, &value));
	assert_int_equal(integer_at(value, 49), 49 * 49);
	return NULL;
}

IN_CHILD_BESIDE_THREADS(threads_may_make_pools_at_the_same_time)
{
	pthread_t threads[4];

	for (int i = 0; i < 4; i++)
		assert_int_equal(
			pthread_create(&threads[i], NULL, use_a_pool, NULL), 0);
	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
}

static void *
submit_much(void *context)
{
	struct pool *pool = context;

	for (long long i = 0; i < 100; i++) {
		SCOPED(value) value = NULL;

		MUST(pool_apply(pool, square, integers(i, i + 1), &value));
		assert_int_equal(integer_of(value), i * i);
	}
	return NULL;
}

IN_CHILD(threads_may_share_a_pool)
{
	SCOPED(pool) pool = make_pool(2);
	pthread_t threads[4];

	for (int i = 0; i < 4; i++)
		assert_int_equal(
			pthread_create(&threads[i], NULL, submit_much, pool),
			0);
	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
}

/* In a forked child of the process that made the pool. */
static void
use_a_strange_pool(void *context)
{
	struct pool *pool = context;
	char message[64];
	struct result *result;

	sprintf(message, "this pool belongs to process %d, not to %d",
		(int)getppid(), (int)getpid());
	MUST_RAISE_SAYING(RuntimeError, message,
		pool_map(pool, square, integers(0, 9), 1, NULL));
	MUST_RAISE_SAYING(RuntimeError, message,
		pool_apply_async(pool, square, integers(0, 1), NULL, &result));
	MUST_RAISE_SAYING(RuntimeError, message, pool_close(pool));
	MUST_RAISE_SAYING(RuntimeError, message, pool_terminate(pool));
	MUST_RAISE_SAYING(RuntimeError, message, pool_join(pool));
	pool_free(pool);
}

IN_CHILD_BESIDE_THREADS(pool_of_another_process_is_refused)
{
	SCOPED(pool) pool = make_pool(1);

	child_must_succeed(use_a_strange_pool, pool);
	MUST(pool_apply(pool, square, integers(5, 6), NULL));
}

static void
use_own_pool(void *unused)
{
	(void)use_a_pool(unused);
	no_child_must_be_left();
}

IN_CHILD_BESIDE_THREADS(forked_child_may_have_a_pool_of_its_own)
{
	SCOPED(pool) pool = make_pool(1);

	child_must_succeed(use_own_pool, NULL);
	MUST(pool_apply(pool, square, integers(5, 6), NULL));
}

static void
live_on(void *unused)
{
	(void)unused;
	for (;;)
		pause();
}

/*
 * The child has a copy of whatever the handler's thread had in hand, which
 * nobody there would free: so it does not end by itself, which would be a leak.
 */
IN_CHILD_BESIDE_THREADS(forked_child_does_not_keep_workers_alive)
{
	struct pool *pool = make_pool(1);
	pid_t child;

	MUST(pool_apply(pool, square, integers(5, 6), NULL));
	child = child_start(live_on, NULL);
	MUST(pool_close(pool));
	MUST(pool_join(pool));
	pool_free(pool);
	child_kill(child);
}

IN_CHILD(ignored_sigchld_does_no_harm)
{
	signal(SIGCHLD, SIG_IGN);
	use_a_pool(NULL);
	signal(SIGCHLD, SIG_DFL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(close_lets_pending_work_finish),
		cmocka_unit_test(join_waits_for_the_end_of_all_processes),
		cmocka_unit_test(terminate_waits_for_the_end_of_all_processes),
		cmocka_unit_test(join_before_close_is_refused),
		cmocka_unit_test(submit_after_close_is_refused),
		cmocka_unit_test(submit_after_terminate_is_refused),
		cmocka_unit_test(
			close_terminate_and_join_may_come_in_any_order),
		cmocka_unit_test(terminate_ends_pending_results),
		cmocka_unit_test(terminate_after_close_ends_pending_results),
		cmocka_unit_test(free_ends_pending_results),
		cmocka_unit_test(terminate_keeps_the_error_that_came_first),
		cmocka_unit_test(terminate_ends_a_stopped_worker),
		cmocka_unit_test(terminate_ends_a_stopped_zygote),
		cmocka_unit_test(terminate_ends_a_join_that_would_last),
		cmocka_unit_test(pool_free_of_nothing_is_fine),
		cmocka_unit_test(two_pools_are_independent),
		cmocka_unit_test(first_of_two_pools_outlives_the_second),
		cmocka_unit_test(pools_may_follow_one_another),
		cmocka_unit_test(threads_may_make_pools_at_the_same_time),
		cmocka_unit_test(threads_may_share_a_pool),
		cmocka_unit_test(pool_of_another_process_is_refused),
		cmocka_unit_test(forked_child_may_have_a_pool_of_its_own),
		cmocka_unit_test(forked_child_does_not_keep_workers_alive),
		cmocka_unit_test(ignored_sigchld_does_no_harm),
	};

	return cmocka_run_group_tests_name("pool_ends", tests, NULL, NULL) != 0;
}
