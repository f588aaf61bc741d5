/*
 * test_faults_steps.c - processes that are killed at every one of their system
 * calls: a worker from before it reads its task until it wants the next one, a
 * zygote that replaces a worker, and the main thread of a program that has all.
 *
 * Between two system calls a process changes nothing that others see, but for
 * memory that it shares. The test traces it, and counts; it is skipped where no
 * process can be traced.
 */
#include "condition.h"
#include "faults.h"
#include "manager.h"
#include "pool.h"
#include "result.h"
#include "steps.h"
#include "tasks.h"
#include "value.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <unistd.h>

/*
 * Each step is taken in a child, of a program that is new: at which call it is
 * to be killed, and how the child tells what came of it.
 */
static int number;
static struct wire told;

static long long
take_step(void (*step)(void))
{
	child_must_succeed(run_alone, &step);
	return wire_receive(&told);
}

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

	assert_true(process_await(pid, 'S'));
	assert_int_equal(
		ptrace(PTRACE_SEIZE, pid, 0, PTRACE_O_TRACESYSGOOD), 0);
	assert_int_equal(ptrace(PTRACE_INTERRUPT, pid, 0, 0), 0);
	assert_int_equal(waitpid(pid, &status, __WALL), pid);
	assert_true(WIFSTOPPED(status));
}

/*
 * Kills it at its call of that number, or at the last, if that comes earlier:
 * when it has asked for its task and written its reply, and is about to read.
 * Tells whether it was, and whether it was about to ask.
 */
static bool
kill_worker_at_call(pid_t pid, bool *asks)
{
	int status, written = 0;
	bool last = false;

	*asks = false;
	for (int i = 0; i < number && !last; i++) {
		long call = step_to_call(pid, &status);

		assert_true(call >= 0);
		last = call == SYS_read && written > 1;
		*asks = call == SYS_write && written == 0;
		written += call == SYS_write;
	}
	kill_traced(pid);
	return last;
}

/*
 * What becomes of the task of a worker that is killed. At its last call it is
 * done.
 */
enum fate { RUN_BY_ANOTHER, LOST, DONE, LAST };

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

/* Kills the worker of a pool at its call of that number for a task. */
static void
lose_worker(void)
{
	SCOPED(pool) pool = NULL;
	SCOPED(result) result = NULL;
	SCOPED(value) pid = NULL;
	SCOPED(value) next = NULL;
	enum fate fate;
	pid_t worker;
	bool last, asks;

	MUST(pool_new(1, &pool));
	MUST(pool_apply(pool, give_pid, value_empty_list(), &pid));
	worker = (pid_t)integer_of(pid);
	trace(worker);
	MUST(pool_apply_async(pool, give_pid_and_echo,
		value_list(large_value()), NULL, &result));
	last = kill_worker_at_call(worker, &asks);
	fate = fate_of(result, worker);
	MUST(pool_apply(pool, give_pid, value_empty_list(), &next));
	assert_int_not_equal(integer_of(next), worker);
	if (last)
		assert_int_equal(fate, DONE);
	if (asks)
		assert_int_equal(fate, RUN_BY_ANOTHER);
	wire_send(&told, last ? LAST : fate);
}

/*
 * As long as the task has not come whole, another worker runs it; from then on
 * it is lost, until the reply has left whole. With how many calls it comes and
 * leaves depends on the pool, too.
 */
static void
worker_killed_at_any_call_costs_its_task_at_most(void **state)
{
	int counts[LAST + 1] = {0};

	(void)state;
	if (!walking_is_possible())
		skip();
	wire_open(&told);
	for (number = 1; counts[LAST] == 0; number++) {
		long long fate = take_step(lose_worker);

		counts[fate]++;
		if (number == 1)
			assert_int_equal(fate, RUN_BY_ANOTHER);
	}
	assert_true(counts[RUN_BY_ANOTHER] > 0);
	assert_true(counts[LOST] > 0);
	wire_close(&told);
}

/* Where poll() is not a system call, the C library makes another for it. */
static bool
is_poll(long call)
{
#ifdef SYS_poll
	return call == SYS_poll;
#else
	return call == SYS_ppoll;
#endif
}

/*
 * Kills a zygote, which has a worker to replace, at its call of that number, or
 * where it waits again. Tells whether it was that.
 */
static bool
kill_zygote_at_call(pid_t pid)
{
	bool has_forked = false, last = false;
	int status;

	for (int i = 0; i < number && !last; i++) {
		long call = step_to_call(pid, &status);

		assert_true(call >= 0);
		last = is_poll(call) && has_forked;
		has_forked = has_forked || call == SYS_clone;
	}
	/* Which is a child of this process: the pool reaps it. */
	kill_process(pid);
	return last;
}

/* The pool learns of it, and nobody is left, the newest worker included. */
static void
lose_zygote(void)
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
	zygote = process_parent(worker);
	trace(zygote);
	kill_process(worker);
	last = kill_zygote_at_call(zygote);
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
	wire_send(&told, last);
}

static void
zygote_killed_at_any_call_breaks_the_pool_and_leaves_nobody(void **state)
{
	(void)state;
	if (!walking_is_possible())
		skip();
	wire_open(&told);
	number = 1;
	while (!take_step(lose_zygote))
		number++;
	/* Or it was not traced. */
	assert_true(number > 5);
	wire_close(&told);
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

/* Kills it at its call of that number; false if it made fewer, and ended. */
static bool
kill_program_at_call(void)
{
	pid_t pid = child_start(live_and_end, NULL);
	int status;

	assert_int_equal(waitpid(pid, &status, __WALL), pid);
	assert_true(WIFSTOPPED(status));
	assert_int_equal(ptrace(PTRACE_SETOPTIONS, pid, 0,
				 PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL),
		0);
	for (int i = 0; i < number; i++)
		if (step_to_call(pid, &status) < 0) {
			assert_int_equal(status, 0);
			return false;
		}
	kill_traced(pid);
	return true;
}

/* It may be killed at any moment; what follows is its creator's to see to. */
static void
make_manager(void *unused)
{
	struct manager *manager = NULL;
	struct error *error;

	(void)unused;
	assert_int_equal(ptrace(PTRACE_TRACEME, 0, 0, 0), 0);
	raise(SIGSTOP);
	error = manager_new(&manager);
	assert_true(!error || error->kind == ConnectionError);
	error_free(error);
	manager_free(manager);
	_exit(0);
}

/* Follows the one fork of a traced process, which is then free. */
static pid_t
follow_fork(pid_t parent)
{
	unsigned long child;
	int status;

	assert_int_equal(waitpid(parent, &status, __WALL), parent);
	assert_int_equal(ptrace(PTRACE_SETOPTIONS, parent, 0,
				 PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEFORK),
		0);
	assert_int_equal(ptrace(PTRACE_CONT, parent, 0, 0), 0);
	assert_int_equal(waitpid(parent, &status, __WALL), parent);
	assert_int_equal(status >> 8, SIGTRAP | PTRACE_EVENT_FORK << 8);
	assert_int_equal(ptrace(PTRACE_GETEVENTMSG, parent, 0, &child), 0);
	assert_int_equal(ptrace(PTRACE_DETACH, parent, 0, 0), 0);
	assert_int_equal(waitpid((pid_t)child, &status, __WALL), (pid_t)child);
	return (pid_t)child;
}

static bool
is_epoll_wait(long call)
{
#ifdef SYS_epoll_wait
	if (call == SYS_epoll_wait)
		return true;
#endif
	return call == SYS_epoll_pwait;
}

/* Kills a manager at its call of that number, or at its first wait. */
static void
lose_manager(void)
{
	char directory[] = "/tmp/test-steps-XXXXXX";
	bool waits = false;
	pid_t creator, server;
	int status;

	assert_non_null(mkdtemp(directory));
	setenv("TMPDIR", directory, 1);
	creator = child_start(make_manager, NULL);
	server = follow_fork(creator);
	for (int i = 0; i < number && !waits; i++) {
		long call = step_to_call(server, &status);

		assert_true(call >= 0);
		waits = is_epoll_wait(call);
	}
	kill_traced(server);
	assert_int_equal(child_wait(creator), 0);
	assert_int_equal(rmdir(directory), 0);
	wire_send(&told, !waits);
}

static void
manager_killed_at_any_call_until_it_serves_leaves_nothing(void **state)
{
	(void)state;
	if (!walking_is_possible())
		skip();
	wire_open(&told);
	number = 1;
	while (take_step(lose_manager))
		number++;
	/* Or it was not traced. */
	assert_true(number > 10);
	wire_close(&told);
}

static void
lose_program(void)
{
	char directory[] = "/tmp/test-steps-XXXXXX";
	bool killed;

	assert_non_null(mkdtemp(directory));
	setenv("TMPDIR", directory, 1);
	killed = kill_program_at_call();
	must_all_end_well();
	assert_int_equal(rmdir(directory), 0);
	wire_send(&told, killed);
}

static void
main_process_killed_at_any_call_leaves_nothing(void **state)
{
	(void)state;
	if (!walking_is_possible())
		skip();
	wire_open(&told);
	number = 0;
	while (take_step(lose_program))
		number++;
	/* Or it was not traced. */
	assert_true(number > 20);
	wire_close(&told);
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
		cmocka_unit_test(
			manager_killed_at_any_call_until_it_serves_leaves_nothing),
	};

	return cmocka_run_group_tests_name(
		       "faults_steps", tests, adopt_orphans, kill_orphans) != 0;
}
