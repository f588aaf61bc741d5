/*
 * test_faults_pool.c - workers that are killed beside others, at work or idle,
 * one or many at once; and what the others do.
 */
#include "faults.h"
#include "pool.h"
#include "result.h"
#include "tasks.h"

#include <signal.h>
#include <unistd.h>

#define WORKERS 4

static struct pool *
make_pool(size_t workers)
{
	struct pool *pool;

	MUST(pool_new(workers, &pool));
	return pool;
}

/* Has each worker run a task, and gives their process ids. */
static void
find_workers(struct pool *pool, pid_t pids[WORKERS])
{
	SCOPED(result) held = NULL;

	MUST(pool_map_async(pool, hold, integers(0, WORKERS), 1, NULL, &held));
	for (int i = 0; i < WORKERS; i++)
		pids[i] = (pid_t)wire_receive(&reports);
	open_gate(WORKERS);
	MUST(result_get(held, CHILD_LIMIT, NULL));
}

static bool
is_among(pid_t pid, const pid_t pids[WORKERS])
{
	for (int i = 0; i < WORKERS; i++)
		if (pids[i] == pid)
			return true;
	return false;
}

/* Checks that a pool has as many workers as ever, and none of these. */
static void
must_all_be_new(struct pool *pool, const pid_t old[WORKERS])
{
	pid_t pids[WORKERS];

	find_workers(pool, pids);
	for (int i = 0; i < WORKERS; i++) {
		pid_t pid = pids[i];

		assert_false(is_among(pid, old));
		pids[i] = 0;
		assert_false(is_among(pid, pids));
	}
}

/* Waits until a zygote has as many workers as ever, and none of these. */
static void
await_replacements(pid_t zygote, const pid_t old[WORKERS])
{
	pid_t pids[WORKERS];
	int new;

	do {
		size_t count = process_children(zygote, pids, WORKERS);

		new = 0;
		for (size_t i = 0; i < count; i++)
			new += !is_among(pids[i], old);
		look_again_soon();
	} while (new < WORKERS);
}

/* Counts how often it is called, and how often for a lost worker. */
static struct error *
count_loss(const struct error *error, void *losses)
{
	*(int *)losses += error->kind == WorkerLostError ? 1 : 1000;
	return NULL;
}

/* Reports the number of its item, and holds with item 1. */
static struct error *
report_or_hold(const struct value *arguments, struct value **result)
{
	if (integer_at(arguments, 0) == 1)
		return hold(arguments, result);
	return report(arguments, result);
}

/* Another worker is at another task; more stands in the queue. */
IN_CHILD(killed_worker_costs_the_rest_of_its_chunk_and_nothing_else)
{
	int losses = 0;
	const struct callbacks callbacks = {
		.error_callback = count_loss, .context = &losses};
	struct pool *pool;
	struct result *other, *partly, *queued;
	const struct value *value;
	pid_t beside, killed;

	open_wires();
	pool = make_pool(2);
	MUST(pool_apply_async(pool, hold, integers(77, 78), NULL, &other));
	beside = (pid_t)wire_receive(&reports);
	/* The chunks 0 to 2, 3 to 5, and 6. */
	MUST(pool_map_async(
		pool, report_or_hold, integers(0, 7), 3, &callbacks, &partly));
	MUST(pool_map_async(pool, square, integers(0, 9), 2, NULL, &queued));
	assert_int_equal(wire_receive(&reports), 0);
	killed = (pid_t)wire_receive(&reports);
	kill_process(killed);
	must_be_lost(partly, killed);
	/* Of its own chunk, 2 never ran; the other chunks did. */
	for (int i = 3; i < 7; i++)
		assert_int_equal(wire_receive(&reports), i);
	MUST(result_get(queued, CHILD_LIMIT, &value));
	assert_int_equal(integer_at(value, 8), 64);
	assert_false(result_ready(other));
	open_gate(1);
	MUST(result_get(other, CHILD_LIMIT, &value));
	assert_int_equal(integer_of(value), 77);
	assert_false(wire_is_readable(&reports, 0));
	result_free(queued);
	/* Two at once again: the one beside, and a new one. */
	MUST(pool_map_async(pool, hold, integers(0, 2), 1, NULL, &queued));
	for (int i = 0, sum = 0; i < 2; i++) {
		pid_t pid = (pid_t)wire_receive(&reports);

		assert_int_not_equal(pid, killed);
		sum += pid == beside;
		assert_true(i == 0 || sum == 1);
	}
	pool_free(pool);
	assert_int_equal(losses, 1);
	result_free(other);
	result_free(partly);
	result_free(queued);
	close_wires();
}

IN_CHILD(workers_killed_at_once_cost_each_its_own_task)
{
	struct pool *pool;
	struct result *results[WORKERS];
	pid_t pids[WORKERS];

	open_wires();
	pool = make_pool(WORKERS);
	for (int i = 0; i < WORKERS; i++) {
		MUST(pool_apply_async(
			pool, hold, integers(i, i + 1), NULL, &results[i]));
		pids[i] = (pid_t)wire_receive(&reports);
	}
	/* All but the last, at the same time. */
	for (int i = 0; i < WORKERS - 1; i++)
		assert_true(process_stop(pids[i]));
	for (int i = 0; i < WORKERS - 1; i++)
		kill_process(pids[i]);
	for (int i = 0; i < WORKERS - 1; i++)
		must_be_lost(results[i], pids[i]);
	assert_false(result_ready(results[WORKERS - 1]));
	open_gate(1);
	MUST(result_get(results[WORKERS - 1], CHILD_LIMIT, NULL));
	for (int i = 0; i < WORKERS; i++)
		result_free(results[i]);
	pids[WORKERS - 1] = 0;
	must_all_be_new(pool, pids);
	MUST(pool_close(pool));
	MUST(pool_join(pool));
	pool_free(pool);
	close_wires();
}

IN_CHILD(idle_workers_killed_at_once_are_replaced_before_they_are_needed)
{
	struct pool *pool;
	pid_t pids[WORKERS], zygote;

	open_wires();
	pool = make_pool(WORKERS);
	find_workers(pool, pids);
	zygote = process_parent(pids[0]);
	for (int i = 0; i < WORKERS; i++)
		kill_process(pids[i]);
	await_replacements(zygote, pids);
	must_all_be_new(pool, pids);
	MUST(pool_close(pool));
	MUST(pool_join(pool));
	no_child_must_be_left();
	pool_free(pool);
	close_wires();
}

IN_CHILD(idle_workers_killed_just_before_they_are_needed_lose_nothing)
{
	struct pool *pool;
	pid_t pids[WORKERS];

	open_wires();
	pool = make_pool(WORKERS);
	for (int i = 0; i < 10; i++) {
		find_workers(pool, pids);
		for (int j = 0; j < WORKERS; j++)
			kill_process(pids[j]);
		must_all_be_new(pool, pids);
	}
	/* And this time nobody asks anything of them. */
	find_workers(pool, pids);
	for (int i = 0; i < WORKERS; i++)
		kill_process(pids[i]);
	MUST(pool_close(pool));
	MUST(pool_join(pool));
	no_child_must_be_left();
	pool_free(pool);
	close_wires();
}

IN_CHILD(idle_worker_killed_before_terminate_does_not_hinder_it)
{
	struct pool *pool;
	pid_t pids[WORKERS];

	open_wires();
	pool = make_pool(WORKERS);
	find_workers(pool, pids);
	kill_process(pids[1]);
	MUST(pool_terminate(pool));
	no_child_must_be_left();
	pool_free(pool);
	close_wires();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			killed_worker_costs_the_rest_of_its_chunk_and_nothing_else),
		cmocka_unit_test(workers_killed_at_once_cost_each_its_own_task),
		cmocka_unit_test(
			idle_workers_killed_at_once_are_replaced_before_they_are_needed),
		cmocka_unit_test(
			idle_workers_killed_just_before_they_are_needed_lose_nothing),
		cmocka_unit_test(
			idle_worker_killed_before_terminate_does_not_hinder_it),
	};

	return cmocka_run_group_tests_name(
		       "faults_pool", tests, adopt_orphans, kill_orphans) != 0;
}
