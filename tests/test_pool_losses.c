/*
 * test_pool_losses.c - workers that exit, crash or are killed, at work or idle;
 * a zygote that is killed; a process that has a pool and is killed.
 */
#include "pool.h"

#include "process.h"
#include "result.h"
#include "tasks.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

static struct pool *
make_pool(size_t workers)
{
	struct pool *pool;

	MUST(pool_new(workers, &pool));
	return pool;
}

static pid_t
pid_of_worker(struct pool *pool)
{
	SCOPED(value) pid = NULL;

	MUST(pool_apply(pool, give_pid, value_empty_list(), &pid));
	return (pid_t)integer_of(pid);
}

/* Checks that a result is the loss of a worker, which ended so. */
static void
check_loss(struct result *result, pid_t pid, const char *end)
{
	char message[128];

	snprintf(message, sizeof(message),
		"worker 1 (pid %d) %s while it ran a task", (int)pid, end);
	MUST_RAISE_SAYING(WorkerLostError, message,
		result_get(result, CHILD_LIMIT, NULL));
}

/*
 * Has the only worker of a pool run a task that reports its pid and does not
 * come back; checks what is said of that, that no other chunk is lost, and that
 * there is a replacement.
 */
static void
check_fatal_task(task_function *task, const char *end)
{
	SCOPED(pool) pool = NULL;
	SCOPED(result) lost = NULL;
	SCOPED(result) kept = NULL;
	pid_t pid;

	open_wires();
	pool = make_pool(1);
	MUST(pool_apply_async(pool, task, value_empty_list(), NULL, &lost));
	MUST(pool_map_async(pool, square, integers(0, 9), 2, NULL, &kept));
	pid = (pid_t)wire_receive(&reports);
	check_loss(lost, pid, end);
	MUST(result_get(kept, CHILD_LIMIT, NULL));
	assert_int_not_equal(pid_of_worker(pool), pid);
	close_wires();
}

static struct error *
call_exit(const struct value *arguments, struct value **result)
{
	(void)arguments;
	(void)result;
	wire_send(&reports, getpid());
	exit(3);
}

IN_CHILD(task_that_calls_exit_is_lost)
{
	check_fatal_task(call_exit, "exited with status 3");
}

static struct error *
call_exit_with_success(const struct value *arguments, struct value **result)
{
	(void)arguments;
	(void)result;
	wire_send(&reports, getpid());
	_exit(0);
}

IN_CHILD(task_that_exits_with_status_0_is_lost_too)
{
	check_fatal_task(call_exit_with_success, "exited with status 0");
}

static struct error *
call_abort(const struct value *arguments, struct value **result)
{
	(void)arguments;
	(void)result;
	wire_send(&reports, getpid());
	abort();
}

IN_CHILD(task_that_aborts_is_lost)
{
	check_fatal_task(call_abort, "was killed by SIGABRT (signal 6)");
}

static struct error *
touch_forbidden_memory(const struct value *arguments, struct value **result)
{
	char *memory =
		mmap(NULL, 1, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	(void)arguments;
	(void)result;
	wire_send(&reports, getpid());
	*(volatile char *)memory = 1;
	return NULL;
}

IN_CHILD(task_that_crashes_is_lost)
{
	check_fatal_task(
		touch_forbidden_memory, "was killed by SIGSEGV (signal 11)");
}

static struct error *
die_of_a_nameless_signal(const struct value *arguments, struct value **result)
{
	(void)arguments;
	(void)result;
	wire_send(&reports, getpid());
	raise(40);
	return NULL;
}

IN_CHILD(task_killed_by_a_signal_without_a_name_is_lost)
{
	check_fatal_task(die_of_a_nameless_signal, "was killed by signal 40");
}

/* Closes what connects it to the pool, and whatever else there is. */
static struct error *
close_everything(const struct value *arguments, struct value **result)
{
	(void)arguments;
	(void)result;
	wire_send(&reports, getpid());
	syscall(SYS_close_range, 3, ~0U, 0);
	pause();
	return NULL;
}

IN_CHILD(task_that_closes_the_pipes_is_lost)
{
	check_fatal_task(close_everything, "was killed by SIGKILL (signal 9)");
}

/* Leaves a child that has the worker's pipes and lives till the gate opens. */
static struct error *
leave_a_child(const struct value *arguments, struct value **result)
{
	(void)arguments;
	(void)result;
	wire_send(&reports, getpid());
	if (fork() > 0)
		_exit(5);
	wire_receive(&gate);
	_exit(0);
}

IN_CHILD(task_that_leaves_a_child_with_its_pipes_is_lost)
{
	SCOPED(pool) pool = NULL;
	SCOPED(result) lost = NULL;
	pid_t pid;

	open_wires();
	pool = make_pool(1);
	MUST(pool_apply_async(
		pool, leave_a_child, value_empty_list(), NULL, &lost));
	pid = (pid_t)wire_receive(&reports);
	check_loss(lost, pid, "exited with status 5");
	assert_int_not_equal(pid_of_worker(pool), pid);
	/* The child still has them, and is none of the pool's. */
	MUST(pool_close(pool));
	MUST(pool_join(pool));
	open_gate(1);
	await_all_children();
	close_wires();
}

/* Holds on item 2; reports the others. */
static struct error *
hold_on_2(const struct value *arguments, struct value **result)
{
	if (integer_at(arguments, 0) == 2)
		return hold(arguments, result);
	return report(arguments, result);
}

IN_CHILD(killed_worker_takes_its_chunk_with_it_and_no_other)
{
	SCOPED(pool) pool = NULL;
	SCOPED(result) result = NULL;
	pid_t pid;

	open_wires();
	pool = make_pool(1);
	MUST(pool_map_async(pool, hold_on_2, integers(0, 7), 2, NULL, &result));
	assert_int_equal(wire_receive(&reports), 0);
	assert_int_equal(wire_receive(&reports), 1);
	pid = (pid_t)wire_receive(&reports);
	assert_false(result_ready(result));
	assert_int_equal(kill(pid, SIGKILL), 0);
	check_loss(result, pid, "was killed by SIGKILL (signal 9)");
	/* 3 stood behind it in its chunk. */
	for (int i = 4; i < 7; i++)
		assert_int_equal(wire_receive(&reports), i);
	assert_false(wire_is_readable(&reports, 0));
	close_wires();
}

IN_CHILD(all_workers_killed_at_work_at_once_are_all_replaced)
{
	enum { WORKERS = 4 };
	SCOPED(pool) pool = NULL;
	struct result *results[WORKERS];
	pid_t pids[WORKERS];

	open_wires();
	pool = make_pool(WORKERS);
	for (int i = 0; i < WORKERS; i++)
		MUST(pool_apply_async(
			pool, hold, integers(0, 1), NULL, &results[i]));
	for (int i = 0; i < WORKERS; i++)
		pids[i] = (pid_t)wire_receive(&reports);
	for (int i = 0; i < WORKERS; i++)
		assert_int_equal(kill(pids[i], SIGKILL), 0);
	for (int i = 0; i < WORKERS; i++) {
		MUST_RAISE_WITH(WorkerLostError, "SIGKILL",
			result_get(results[i], CHILD_LIMIT, NULL));
		result_free(results[i]);
	}
	/* All four at work again. */
	MUST(pool_map_async(
		pool, hold, integers(0, WORKERS), 1, NULL, &results[0]));
	await_reports(WORKERS);
	open_gate(WORKERS);
	MUST(result_get(results[0], CHILD_LIMIT, NULL));
	result_free(results[0]);
	close_wires();
}

IN_CHILD(idle_worker_that_is_killed_takes_nothing_with_it)
{
	SCOPED(pool) pool = make_pool(1);
	pid_t pid = pid_of_worker(pool);

	/* Whether or not the pool knows by then that it is gone. */
	for (int i = 0; i < 50; i++) {
		pid_t next;

		assert_int_equal(kill(pid, SIGKILL), 0);
		next = pid_of_worker(pool);
		assert_int_not_equal(next, pid);
		pid = next;
	}
}

/* More than a pipe takes at once, by far; by less where everything is slow. */
static size_t
large_size(void)
{
	return CHILD_LIMIT > 30 ? 1 << 18 : 1 << 22;
}

/* A value of that size. */
static struct value *
large_value(void)
{
	static const char bytes[1 << 22];

	return value_bytes(bytes, large_size());
}

/*
 * What is on its way to a worker is not lost with it: the worker is stopped,
 * and so killed before it can have read the whole.
 */
IN_CHILD(chunk_on_its_way_to_a_killed_worker_goes_to_another)
{
	SCOPED(pool) pool = make_pool(1);

	for (int i = 0; i < 20; i++) {
		SCOPED(result) result = NULL;
		pid_t pid = pid_of_worker(pool);
		const struct value *value;
		const void *bytes;
		size_t size;

		assert_true(process_stop(pid));
		MUST(pool_apply_async(
			pool, echo, value_list(large_value()), NULL, &result));
		assert_int_equal(kill(pid, SIGKILL), 0);
		MUST(result_get(result, CHILD_LIMIT, &value));
		MUST(value_get_bytes(value, &bytes, &size));
		assert_int_equal(size, large_size());
	}
}

/* So many, and larger ones, that some are killed in the middle of a reply. */
IN_CHILD(worker_killed_at_any_time_costs_at_most_its_own_chunk)
{
	SCOPED(pool) pool = make_pool(1);

	for (useconds_t i = 0; i < 30; i++) {
		SCOPED(result) result = NULL;
		SCOPED(result) next = NULL;
		pid_t pid = pid_of_worker(pool);
		struct error *error;

		MUST(pool_apply_async(
			pool, echo, value_list(large_value()), NULL, &result));
		MUST(pool_apply_async(
			pool, square, integers(0, 1), NULL, &next));
		usleep(i * 100);
		assert_int_equal(kill(pid, SIGKILL), 0);
		error = result_get(result, CHILD_LIMIT, NULL);
		if (error)
			MUST_RAISE_WITH(WorkerLostError, "SIGKILL", error);
		error = result_get(next, CHILD_LIMIT, NULL);
		if (error)
			MUST_RAISE_WITH(WorkerLostError, "SIGKILL", error);
	}
}

/*
 * Closes the pipe from which the worker reads: it gets ready, and then ends
 * without having read anything that is too long for the shelf.
 */
static struct error *
close_chunks(const struct value *arguments)
{
	(void)arguments;
	close(find_end(O_RDONLY));
	return NULL;
}

IN_CHILD(chunk_that_no_worker_lives_to_begin_is_given_up)
{
	const struct pool_options options = {.initializer = close_chunks};
	SCOPED(pool) pool = NULL;
	SCOPED(result) result = NULL;

	remember_descriptors();
	MUST(pool_new_with(1, &options, &pool));
	MUST(pool_apply_async(
		pool, echo, value_list(large_value()), NULL, &result));
	MUST_RAISE_WITH(WorkerLostError, "exited with status 0",
		result_get(result, CHILD_LIMIT, NULL));
}

static struct error *
give_pid_of_zygote(const struct value *arguments, struct value **result)
{
	(void)arguments;
	*result = value_integer(getppid());
	return NULL;
}

static pid_t
pid_of_zygote(struct pool *pool)
{
	SCOPED(value) pid = NULL;

	MUST(pool_apply(pool, give_pid_of_zygote, value_empty_list(), &pid));
	return (pid_t)integer_of(pid);
}

IN_CHILD(killed_zygote_breaks_the_pool_and_ends_its_workers)
{
	struct pool *pool;
	struct result *held, *queued;
	pid_t zygote;

	open_wires();
	pool = make_pool(2);
	zygote = pid_of_zygote(pool);
	MUST(pool_map_async(pool, hold, integers(0, 2), 1, NULL, &held));
	await_reports(2);
	MUST(pool_map_async(pool, square, integers(0, 9), 1, NULL, &queued));
	assert_int_equal(kill(zygote, SIGKILL), 0);
	MUST_RAISE_WITH(ConnectionError, "the pool's zygote",
		result_get(held, CHILD_LIMIT, NULL));
	MUST_RAISE_WITH(ConnectionError, "the pool's zygote",
		result_get(queued, CHILD_LIMIT, NULL));
	MUST_RAISE_WITH(ConnectionError, "the pool's zygote",
		pool_apply(pool, square, integers(0, 1), NULL));
	MUST(pool_close(pool));
	MUST(pool_join(pool));
	pool_free(pool);
	await_all_children();
	wire_must_end(&reports, CHILD_LIMIT);
	wire_close(&gate);
	result_free(held);
	result_free(queued);
}

IN_CHILD(zygote_killed_while_all_is_idle_breaks_the_pool_too)
{
	struct pool *pool = make_pool(2);

	assert_int_equal(kill(pid_of_zygote(pool), SIGKILL), 0);
	/* As long as nobody has noticed, a call may still succeed. */
	for (;;) {
		struct error *error =
			pool_apply(pool, square, integers(0, 1), NULL);

		if (error) {
			MUST_RAISE_WITH(
				ConnectionError, "the pool's zygote", error);
			break;
		}
	}
	pool_free(pool);
	await_all_children();
}

IN_CHILD(worker_that_cannot_be_replaced_breaks_the_pool)
{
	static const struct rlimit none = {0, 0};
	SCOPED(pool) pool = NULL;
	SCOPED(result) lost = NULL;
	SCOPED(result) next = NULL;

	open_wires();
	/* The limit on processes does not bind root. */
	if (geteuid() == 0)
		assert_int_equal(setresuid(65534, 65534, 65534), 0);
	pool = make_pool(1);
	assert_int_equal(
		prlimit(pid_of_zygote(pool), RLIMIT_NPROC, &none, NULL), 0);
	MUST(pool_apply_async(pool, hold, integers(0, 1), NULL, &lost));
	MUST(pool_apply_async(pool, square, integers(0, 1), NULL, &next));
	assert_int_equal(kill((pid_t)wire_receive(&reports), SIGKILL), 0);
	MUST_RAISE_WITH(WorkerLostError, "SIGKILL",
		result_get(lost, CHILD_LIMIT, NULL));
	MUST_RAISE_SAYING(OSError,
		"fork of worker 1: Resource temporarily unavailable",
		result_get(next, CHILD_LIMIT, NULL));
	MUST_RAISE_WITH(OSError, "fork of worker 1",
		pool_apply(pool, square, integers(0, 1), NULL));
	close_wires();
}

/* Makes a pool with so many descriptors, or tells that they were too few. */
static bool
pool_can_be_made_with(rlim_t descriptors)
{
	const size_t before = descriptor_count();
	struct rlimit limit;
	struct pool *pool;
	struct error *error;

	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = descriptors;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
	error = pool_new(2, &pool);
	if (!error)
		pool_free(pool);
	limit.rlim_cur = limit.rlim_max;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
	no_child_must_be_left();
	assert_int_equal(descriptor_count(), before);
	if (error)
		MUST_RAISE_WITH(OSError, "Too many open files", error);
	return !error;
}

IN_CHILD(make_a_pool_with_few_descriptors)
{
	rlim_t descriptors = 3;

	while (!pool_can_be_made_with(descriptors))
		descriptors++;
	assert_in_range(descriptors, 6, 100);
}

static void
pool_without_enough_descriptors_leaves_nothing(void **state)
{
	skip_under_valgrind();
	make_a_pool_with_few_descriptors(state);
}

/*
 * Tells that it has a pool with an idle worker and two at work, one of them a
 * replacement, and lives on.
 */
static void
have_a_pool(void *ready)
{
	struct pool *pool = make_pool(3);
	struct result *result;
	pid_t pid;

	MUST(pool_apply_async(pool, hold, integers(0, 1), NULL, &result));
	pid = (pid_t)wire_receive(&reports);
	assert_int_equal(kill(pid, SIGKILL), 0);
	result_wait(result, CHILD_LIMIT);
	MUST(pool_map_async(pool, hold, integers(0, 2), 1, NULL, &result));
	await_reports(2);
	wire_send(ready, 0);
	for (;;)
		pause();
}

IN_CHILD(process_that_is_killed_leaves_no_worker)
{
	struct wire ready;
	pid_t child;

	open_wires();
	wire_open(&ready);
	child = child_start(have_a_pool, &ready);
	wire_receive(&ready);
	child_kill(child);
	/* The zygote came to this process, and ends by itself. */
	await_all_children();
	wire_must_end(&reports, 0);
	wire_close(&gate);
	wire_close(&ready);
}

/* The same for a process that ends without a thought for its pool. */
static void
leave_a_pool(void *unused)
{
	struct pool *pool = make_pool(2);
	struct result *result;

	(void)unused;
	MUST(pool_map_async(pool, hold, integers(0, 2), 1, NULL, &result));
	await_reports(2);
	_exit(0);
}

IN_CHILD(process_that_forgets_its_pool_leaves_no_worker)
{
	open_wires();
	child_must_succeed(leave_a_pool, NULL);
	await_all_children();
	wire_must_end(&reports, 0);
	wire_close(&gate);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(task_that_calls_exit_is_lost),
		cmocka_unit_test(task_that_exits_with_status_0_is_lost_too),
		cmocka_unit_test(task_that_aborts_is_lost),
		cmocka_unit_test(task_that_crashes_is_lost),
		cmocka_unit_test(
			task_killed_by_a_signal_without_a_name_is_lost),
		cmocka_unit_test(task_that_closes_the_pipes_is_lost),
		cmocka_unit_test(
			task_that_leaves_a_child_with_its_pipes_is_lost),
		cmocka_unit_test(
			killed_worker_takes_its_chunk_with_it_and_no_other),
		cmocka_unit_test(
			all_workers_killed_at_work_at_once_are_all_replaced),
		cmocka_unit_test(
			idle_worker_that_is_killed_takes_nothing_with_it),
		cmocka_unit_test(
			chunk_on_its_way_to_a_killed_worker_goes_to_another),
		cmocka_unit_test(
			worker_killed_at_any_time_costs_at_most_its_own_chunk),
		cmocka_unit_test(
			chunk_that_no_worker_lives_to_begin_is_given_up),
		cmocka_unit_test(
			killed_zygote_breaks_the_pool_and_ends_its_workers),
		cmocka_unit_test(
			zygote_killed_while_all_is_idle_breaks_the_pool_too),
		cmocka_unit_test(
			worker_that_cannot_be_replaced_breaks_the_pool),
		cmocka_unit_test(
			pool_without_enough_descriptors_leaves_nothing),
		cmocka_unit_test(process_that_is_killed_leaves_no_worker),
		cmocka_unit_test(
			process_that_forgets_its_pool_leaves_no_worker),
	};

	return cmocka_run_group_tests_name("pool_losses", tests, NULL, NULL) !=
	       0;
}
