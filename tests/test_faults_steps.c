/*
 * test_faults_steps.c - processes that are killed at every one of their system
 * calls: a worker from before it reads its task until it wants the next one, a
 * zygote that replaces a worker, and the main thread of a program that has all.
 *
 * Between two system calls a process changes nothing that others see, but for
 * memory that it shares. The test traces it, and counts.
 */
#include "condition.h"
#include "faults.h"
#include "manager.h"
#include "pool.h"
#include "result.h"
#include "tasks.h"
#include "value.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <unistd.h>

/*
 * Lets a process that is traced and has stopped go on to its next system call,
 * which it is then about to make, and gives its number; -1 if it has ended.
 */
static long
step_to_call(pid_t pid, int *status)
{
	struct __ptrace_syscall_info call = {0};

	for (;;) {
		assert_int_equal(ptrace(PTRACE_SYSCALL, pid, 0, 0), 0);
		assert_int_equal(waitpid(pid, status, __WALL), pid);
		if (!WIFSTOPPED(*status))
			return -1;
		assert_true(ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof(call),
				    &call) > 0);
		if (call.op == PTRACE_SYSCALL_INFO_ENTRY)
			return (long)call.entry.nr;
	}
}

/* Kills a process that is traced. */
static void
kill_traced(pid_t pid)
{
	int status;

	kill_process(pid);
	assert_int_equal(waitpid(pid, &status, __WALL), pid);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGKILL);
}

/* Begins to trace a process that sleeps in one of its calls. */
static void
trace(pid_t pid)
{
	int status;

	await_state(pid, 'S');
	assert_int_equal(
		ptrace(PTRACE_SEIZE, pid, 0, PTRACE_O_TRACESYSGOOD), 0);
	assert_int_equal(ptrace(PTRACE_INTERRUPT, pid, 0, 0), 0);
	assert_int_equal(waitpid(pid, &status, __WALL), pid);
	assert_true(WIFSTOPPED(status));
}

/*
 * Kills it at its call of that number, or at the last, if that comes earlier:
 * when it has written its reply, and is about to read. Tells whether it was.
 */
static bool
kill_worker_at_call(pid_t pid, int number)
{
	bool has_written = false, last = false;
	int status;

	while (number-- > 0 && !last) {
		long call = step_to_call(pid, &status);

		assert_true(call >= 0);
		last = call == SYS_read && has_written;
		has_written = has_written || call == SYS_write;
	}
	kill_traced(pid);
	return last;
}

/* What becomes of the task of a worker that is killed. */
enum fate { RUN_BY_ANOTHER, LOST, DONE };

static enum fate
fate_of(struct result *result, pid_t worker)
{
	const struct value *value;
	struct error *error = result_get(result, CHILD_LIMIT, &value);

	if (error) {
		error_free(error);
		must_be_lost(result, worker);
		return LOST;
	}
	return integer_at(value, 0) == worker ? DONE : RUN_BY_ANOTHER;
}

/* Gives a list of the worker's process id, and its argument. */
static struct error *
give_pid_and_echo(const struct value *arguments, struct value **result)
{
	const struct value *argument;

	TRY(value_at(arguments, 0, &argument));
	*result = value_list(value_integer(getpid()), value_copy(argument));
	return NULL;
}

/* Larger than the pipes, so that it takes more than one call each way. */
static struct value *
large_value(void)
{
	static const char bytes[1 << 18];

	return value_bytes(bytes, sizeof(bytes));
}

/*
 * Kills the worker of a pool at the call of that number that it makes for a
 * task, and checks that the next task is done. Tells whether it was the last.
 */
static bool
lose_worker_at_call(
	struct pool *pool, pid_t *worker, int number, enum fate *fate)
{
	SCOPED(result) result = NULL;
	SCOPED(result) next = NULL;
	const struct value *value;
	bool last;

	trace(*worker);
	MUST(pool_apply_async(pool, give_pid_and_echo,
		value_list(large_value()), NULL, &result));
	MUST(pool_apply_async(pool, give_pid, value_empty_list(), NULL, &next));
	last = kill_worker_at_call(*worker, number);
	*fate = fate_of(result, *worker);
	MUST(result_get(next, CHILD_LIMIT, &value));
	assert_int_not_equal(integer_of(value), *worker);
	*worker = (pid_t)integer_of(value);
	return last;
}

/*
 * As long as the task has not come whole, another worker runs it; from then on
 * it is lost, until the reply has left whole. With how many calls it comes and
 * leaves depends on the pool, too.
 */
IN_CHILD(worker_killed_at_any_call_costs_its_task_at_most)
{
	SCOPED(pool) pool = NULL;
	SCOPED(value) pid = NULL;
	int counts[] = {0, 0, 0};
	enum fate fate;
	bool last = false;
	pid_t worker;

	MUST(pool_new(1, &pool));
	MUST(pool_apply(pool, give_pid, value_empty_list(), &pid));
	worker = (pid_t)integer_of(pid);
	for (int number = 1; !last; number++) {
		last = lose_worker_at_call(pool, &worker, number, &fate);
		if (number == 1)
			assert_int_equal(fate, RUN_BY_ANOTHER);
		if (last)
			assert_int_equal(fate, DONE);
		counts[fate]++;
	}
	assert_true(counts[RUN_BY_ANOTHER] > 0);
	assert_true(counts[LOST] > 0);
	assert_true(counts[DONE] > 0);
}

/*
 * Kills a zygote, which has a worker to replace, at its call of that number, or
 * where it waits again. Tells whether it was that.
 */
static bool
kill_zygote_at_call(pid_t pid, int number)
{
	bool has_forked = false, last = false;
	int status;

	while (number-- > 0 && !last) {
		long call = step_to_call(pid, &status);

		assert_true(call >= 0);
		last = call == SYS_poll && has_forked;
		has_forked = has_forked || call == SYS_clone;
	}
	/* Which is a child of this process: the pool reaps it. */
	kill_process(pid);
	return last;
}

/* The pool learns of it, and nobody is left, the newest worker included. */
static bool
lose_zygote_at_call(int number)
{
	SCOPED(result) result = NULL;
	struct error *error = NULL;
	struct pool *pool;
	pid_t worker, zygote;
	bool last;

	open_wires();
	MUST(pool_new(1, &pool));
	MUST(pool_apply_async(pool, hold, integers(0, 1), NULL, &result));
	worker = (pid_t)wire_receive(&reports);
	zygote = parent_of_process(worker);
	trace(zygote);
	kill_process(worker);
	last = kill_zygote_at_call(zygote, number);
	error = result_get(result, CHILD_LIMIT, NULL);
	assert_non_null(error);
	assert_true(error->kind == WorkerLostError ||
		    error->kind == ConnectionError);
	error_free(error);
	/* A new worker may have begun, and be killed before it can answer. */
	error = NULL;
	while (!error)
		error = pool_apply(pool, square, integers(0, 1), NULL);
	if (error->kind == WorkerLostError) {
		error_free(error);
		error = pool_apply(pool, square, integers(0, 1), NULL);
	}
	MUST_RAISE_WITH(ConnectionError, "the pool's zygote", error);
	pool_free(pool);
	await_all_children();
	wire_must_end(&reports, 0);
	wire_close(&gate);
	return last;
}

IN_CHILD(zygote_killed_at_any_call_breaks_the_pool_and_leaves_nobody)
{
	int number = 1;

	while (!lose_zygote_at_call(number))
		number++;
	/* Or it was not traced. */
	assert_true(number > 5);
}

/* All that there is, from its beginning to its end. */
static void
live_and_end(void *unused)
{
	struct manager *manager;
	struct condition *condition;
	struct pool *pool;

	(void)unused;
	assert_int_equal(ptrace(PTRACE_TRACEME, 0, 0, 0), 0);
	raise(SIGSTOP);
	MUST(manager_new(&manager));
	MUST(manager_condition(manager, &condition));
	MUST(pool_new(2, &pool));
	MUST(condition_acquire(condition));
	MUST(pool_apply(pool, give_pid_and_echo,
		value_list(value_condition(condition)), NULL));
	MUST(condition_release(condition));
	pool_free(pool);
	condition_free(condition);
	manager_free(manager);
	_exit(0);
}

/* Whoever lost its parent comes to this process, and ends by itself. */
static void
must_all_end_well(void)
{
	int status;

	while (waitpid(-1, &status, 0) > 0)
		assert_int_equal(status, 0);
	assert_int_equal(errno, ECHILD);
}

/* Kills it at its call of that number; false if it made fewer, and ended. */
static bool
kill_program_at_call(int number)
{
	pid_t pid = child_start(live_and_end, NULL);
	int status;

	assert_int_equal(waitpid(pid, &status, __WALL), pid);
	assert_true(WIFSTOPPED(status));
	assert_int_equal(ptrace(PTRACE_SETOPTIONS, pid, 0,
				 PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL),
		0);
	while (number-- > 0)
		if (step_to_call(pid, &status) < 0) {
			assert_int_equal(status, 0);
			return false;
		}
	kill_traced(pid);
	return true;
}

IN_CHILD(main_process_killed_at_any_call_leaves_nothing)
{
	char directory[] = "/tmp/test-steps-XXXXXX";
	bool killed = true;
	int number = 0;

	assert_non_null(mkdtemp(directory));
	setenv("TMPDIR", directory, 1);
	for (; killed; number++) {
		killed = kill_program_at_call(number);
		must_all_end_well();
		assert_int_equal(entry_count(directory), 0);
	}
	assert_int_equal(rmdir(directory), 0);
	/* Or it was not traced. */
	assert_true(number > 20);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			worker_killed_at_any_call_costs_its_task_at_most),
		cmocka_unit_test(
			zygote_killed_at_any_call_breaks_the_pool_and_leaves_nobody),
		cmocka_unit_test(
			main_process_killed_at_any_call_leaves_nothing),
	};

	return cmocka_run_group_tests_name(
		       "faults_steps", tests, adopt_orphans, kill_orphans) != 0;
}
