/*
 * test_report.c - who waits for what, in programs that are made here, and in
 * what state a program may be that says so.
 *
 * The test puts the board up before it starts a program, and so can read there
 * how far the program is.
 */
#include "report.h"

#include "lines.h"
#include "reports.h"

#include "board.h"
#include "condition.h"
#include "manager.h"
#include "pool.h"
#include "result.h"
#include "scenario.h"
#include "sys.h"
#include "timeout.h"
#include "value.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/time.h>

static struct outcome outcome;

/* A word to the test, or to the process that starts others in a program. */
static struct post told;

static void
report_at_interrupt(void)
{
	MUST(report_when_it_hangs(FOREVER));
}

static void
sleep_for_good(void)
{
	for (;;)
		pause();
}

/* Runs a program that interrupts itself, and brings its report in form. */
static void
run(child_main *program)
{
	program_run(program, NULL, &outcome);
	must_die_of(SIGINT, &outcome);
	make_literal(outcome.err);
}

/* Runs a program until its main thread is at something, and interrupts it. */
static void
interrupt_when(enum activity activity, child_main *program)
{
	struct program running;

	board_up();
	running = program_start(program, NULL);
	await_activity(running.pid, activity);
	kill(running.pid, SIGINT);
	outcome.out[0] = '\0';
	program_end(&running, &outcome);
	must_die_of(SIGINT, &outcome);
	make_literal(outcome.err);
}

static void
interrupt_itself(void *unused)
{
	(void)unused;
	report_at_interrupt();
	raise(SIGINT);
}

IN_CHILD(report_of_a_program_that_runs_says_so)
{
	run(interrupt_itself);
	assert_string_equal(outcome.err,
		"test_report: interrupted after T s. Who waits for what:\n"
		" main pid P runs its own code\n");
}

static void
pause_for_long(void *unused)
{
	(void)unused;
	report_at_interrupt();
	pause_for(1000);
}

IN_CHILD(report_tells_who_sleeps)
{
	interrupt_when(ACTIVITY_SLEEP, pause_for_long);
	must_say(&outcome, " main pid P sleeps, for T s");
}

static void
fill(int descriptor)
{
	static const char bytes[4096];

	fcntl(descriptor, F_SETFL, O_NONBLOCK);
	while (write(descriptor, bytes, sizeof(bytes)) > 0)
		;
	fcntl(descriptor, F_SETFL, 0);
}

static void
say_what_nobody_reads(void *unused)
{
	struct post deaf = post_open();

	(void)unused;
	fill(deaf.ends[1]);
	dup2(deaf.ends[1], STDOUT_FILENO);
	report_at_interrupt();
	say("hello");
}

IN_CHILD(report_tells_whose_output_is_not_read)
{
	interrupt_when(ACTIVITY_PRINT, say_what_nobody_reads);
	must_say(&outcome,
		" main pid P waits for its output to be read, for T s");
}

static struct error *
run_own_code(const struct value *arguments, struct value **returned)
{
	(void)arguments;
	(void)returned;
	post_send(&told, 't');
	sleep_for_good();
	return NULL;
}

static void
join_a_pool_that_works(void *unused)
{
	struct value *items = value_empty_list();
	struct result *result;
	struct pool *pool;

	(void)unused;
	report_at_interrupt();
	MUST(pool_new(1, &pool));
	value_append(items, value_integer(0));
	MUST(pool_map_async(
		pool, run_own_code, items, DEFAULT_CHUNK_SIZE, NULL, &result));
	post_await(&told);
	MUST(pool_close(pool));
	MUST(pool_join(pool));
}

IN_CHILD(report_tells_who_joins_a_pool_and_which_worker_runs)
{
	told = post_open();
	interrupt_when(ACTIVITY_AWAIT_POOL, join_a_pool_that_works);
	must_say(&outcome,
		" main pid P waits for the end of a pool's work, for T s");
	must_say(&outcome, " worker 1 pid P runs its own code");
	post_close(&told);
}

static void
stay(void *unused)
{
	(void)unused;
	sleep_for_good();
}

static void
await_a_child_that_stays(void *unused)
{
	(void)unused;
	report_at_interrupt();
	board_reap(child_start(stay, NULL));
}

IN_CHILD(report_tells_who_waits_for_the_end_of_a_process)
{
	interrupt_when(ACTIVITY_AWAIT_EXIT, await_a_child_that_stays);
	must_say(&outcome,
		" main pid P waits for the end of a process, for T s");
}

static struct condition *condition;

static void
acquire(void)
{
	MUST(condition_acquire(condition));
}

static void
be_waiter(void *unused)
{
	(void)unused;
	board_take_line("waiter");
	acquire();
	post_send(&told, 'w');
	MUST(condition_wait(condition, FOREVER, NULL));
}

static void
notify_and_stop(void *unused)
{
	(void)unused;
	board_take_line("holder");
	acquire();
	MUST(condition_notify(condition, 1));
	raise(SIGSTOP);
}

static void
be_taker(void *unused)
{
	(void)unused;
	board_take_line("taker");
	acquire();
}

/*
 * A holder notified one of two waiters and is stopped, with the lock, which
 * somebody else wants too.
 */
static void
hang_on_a_stopped_holder(void)
{
	pid_t waiter, taker;
	int status;

	told = post_open();
	waiter = child_start(be_waiter, NULL);
	post_await(&told);
	child_start(be_waiter, NULL);
	post_await(&told);
	/* Who gets the lock now knows that both wait. */
	acquire();
	MUST(condition_release(condition));
	assert_true(waitpid(child_start(notify_and_stop, NULL), &status,
			    WUNTRACED) > 0);
	taker = child_start(be_taker, NULL);
	await_activity(taker, ACTIVITY_AWAIT_LOCK);
	await_activity(waiter, ACTIVITY_AWAIT_LOCK);
	raise(SIGINT);
}

static void
hang_with_a_manager(void *unused)
{
	struct manager *manager;

	(void)unused;
	report_at_interrupt();
	MUST(manager_new(&manager));
	MUST(manager_condition(manager, &condition));
	hang_on_a_stopped_holder();
}

static void
hang_in_shared_memory(void *unused)
{
	(void)unused;
	report_at_interrupt();
	MUST(condition_new(&condition));
	hang_on_a_stopped_holder();
}

static void
must_tell_of_a_stopped_holder(void)
{
	must_say(&outcome, " holder pid P is stopped, until SIGCONT, where it "
			   "runs its own code");
	must_say(&outcome, " main pid P runs its own code");
	must_say(&outcome,
		" taker pid P waits for the lock of condition 1, for T s");
	must_say(&outcome,
		" waiter pid P waits for the lock of condition 1, for T s");
	must_say(&outcome,
		" waiter pid P waits to be notified by condition 1, for T s");
	must_say(&outcome,
		" 1 waits to be notified. The last notify, by holder (pid P), "
		"which is stopped, T s ago, woke 1.");
}

IN_CHILD(report_tells_of_a_stopped_client_that_has_the_lock)
{
	run(hang_with_a_manager);
	must_tell_of_a_stopped_holder();
	must_say(&outcome,
		"Condition 1, hosted by manager (pid P): holder (pid P), which "
		"is stopped, has its lock; 2 wait for it.");
}

IN_CHILD(report_tells_of_a_stopped_process_that_has_the_lock)
{
	run(hang_in_shared_memory);
	must_tell_of_a_stopped_holder();
	must_say(&outcome,
		"Condition 1, in shared memory: holder (pid P), which is "
		"stopped, has its lock; 2 wait for it.");
}

static void
end_at_once(void *unused)
{
	(void)unused;
}

static pid_t
make_process_that_ended(void)
{
	pid_t child = child_start(end_at_once, NULL);

	child_wait(child);
	return child;
}

static void
want_the_lock_of_a_process_that_ended(void *unused)
{
	struct board_note *note;

	(void)unused;
	report_at_interrupt();
	note = board_take_note(7, 0);
	board_note_owner(note, make_process_that_ended());
	board_begin(ACTIVITY_AWAIT_LOCK, 7);
	raise(SIGINT);
}

IN_CHILD(report_tells_of_an_owner_that_has_ended)
{
	run(want_the_lock_of_a_process_that_ended);
	must_say(&outcome,
		"Condition 1, in shared memory: a process (pid P), which has "
		"ended, has its lock; 1 waits for it.");
}

static void
stop_itself(void *unused)
{
	(void)unused;
	raise(SIGSTOP);
}

static void
ask_a_stopped_and_an_ended_manager(void *unused)
{
	pid_t manager = child_start(stop_itself, NULL);
	int status;

	(void)unused;
	report_at_interrupt();
	waitpid(manager, &status, WUNTRACED);
	board_note_owner(board_take_note(7, manager), getpid());
	board_note_owner(
		board_take_note(8, make_process_that_ended()), getpid());
	board_begin(ACTIVITY_AWAIT_LOCK, 7);
	raise(SIGINT);
}

IN_CHILD(report_tells_of_a_stopped_manager_and_not_of_one_that_ended)
{
	run(ask_a_stopped_and_an_ended_manager);
	must_say(&outcome,
		"Condition 1, hosted by a process (pid P), which is stopped: "
		"main (pid P) has its lock; 1 waits for it.");
	assert_null(strstr(outcome.err, "Condition 2"));
}

static void
wait_for_an_unknown_condition(void *unused)
{
	(void)unused;
	report_at_interrupt();
	board_begin(ACTIVITY_AWAIT_NOTIFY, 7);
	raise(SIGINT);
}

IN_CHILD(report_tells_of_a_condition_without_a_note)
{
	run(wait_for_an_unknown_condition);
	assert_string_equal(outcome.err,
		"test_report: interrupted after T s. Who waits for what:\n"
		" main pid P waits to be notified by a condition, for T s\n");
}

static void
fill_the_board(void *unused)
{
	struct board *board = board_up();

	(void)unused;
	report_at_interrupt();
	for (size_t i = 1; i < BOARD_LINES; i++) {
		board->lines[i].process = i % 2 ? getppid() : getpid();
		sprintf(board->lines[i].place, "thread %04zu", i);
		board->lines[i].activity = ACTIVITY_SLEEP;
	}
	/* One that was just claimed, and one of a process that is gone. */
	board->lines[7].activity = ACTIVITY_NONE;
	board->lines[8].process = make_process_that_ended();
	board->used = BOARD_LINES;
	raise(SIGINT);
}

IN_CHILD(report_tells_of_as_many_threads_as_the_board_has_lines)
{
	struct program program = program_start(fill_the_board, NULL);
	int process, number, last_process = 0, last_number = 0, count = 0;
	const char *line = outcome.err;

	outcome.out[0] = '\0';
	program_end(&program, &outcome);
	must_die_of(SIGINT, &outcome);
	while ((line = strstr(line, "\n  thread "))) {
		line += strlen("\n  thread ");
		assert_int_equal(
			sscanf(line, "%d pid %d", &number, &process), 2);
		assert_true(process > last_process ||
			    (process == last_process && number > last_number));
		last_process = process;
		last_number = number;
		count++;
	}
	/* One line is main's, and two tell of nobody. */
	assert_int_equal(count, BOARD_LINES - 3);
}

/* Set when a thread has begun to change the board. */
static atomic_bool changing;

/* Keeps freeing lines and taking them again. */
static void *
change_lines(void *unused)
{
	struct board *board = board_up();

	(void)unused;
	for (;;)
		for (size_t i = 1; i < 100; i++) {
			board->lines[i].process = getpid();
			board->lines[i].activity = ACTIVITY_SLEEP;
			board->lines[i].activity = ACTIVITY_NONE;
			board->lines[i].process = 0;
			changing = true;
		}
	return NULL;
}

static void
interrupt_while_lines_change(void *unused)
{
	pthread_t thread;

	(void)unused;
	report_at_interrupt();
	board_up()->used = 101;
	pthread_create(&thread, NULL, change_lines, NULL);
	while (!changing)
		sched_yield();
	raise(SIGINT);
}

IN_CHILD(report_survives_that_lines_come_and_go_meanwhile)
{
	for (int i = 0; i < 50; i++)
		run(interrupt_while_lines_change);
}

static void
interrupt_without_descriptors(void *unused)
{
	(void)unused;
	report_at_interrupt();
	leave_descriptors(0);
	raise(SIGINT);
}

IN_CHILD(report_needs_no_descriptors)
{
	run(interrupt_without_descriptors);
	must_say(&outcome, " main pid P runs its own code");
}

static char long_name[256];

static void
interrupt_with_a_long_name(void *unused)
{
	(void)unused;
	memset(long_name, 'x', 255);
	program_invocation_short_name = long_name;
	report_at_interrupt();
	raise(SIGINT);
}

IN_CHILD(report_has_room_for_the_longest_name)
{
	memset(long_name, 'x', 255);
	run(interrupt_with_a_long_name);
	assert_memory_equal(outcome.err, long_name, 255);
	assert_non_null(strstr(outcome.err,
		"x: interrupted after T s. Who waits for what:\n"));
}

static void
interrupt_with_impatient_stderr(void *unused)
{
	(void)unused;
	fcntl(STDERR_FILENO, F_SETFL, O_NONBLOCK);
	fill_the_board(NULL);
}

IN_CHILD(report_is_whole_where_stderr_does_not_block)
{
	struct program program =
		program_start(interrupt_with_impatient_stderr, NULL);

	fcntl(program.err, F_SETPIPE_SZ, 4096);
	outcome.out[0] = '\0';
	program_end(&program, &outcome);
	must_die_of(SIGINT, &outcome);
	make_literal(outcome.err);
	must_say(&outcome, " thread 1023 pid P sleeps, for T s");
}

/* A program that never sleeps but where it writes its report. */
static void
spin(void *deaf)
{
	dup2(((struct post *)deaf)->ends[1], STDERR_FILENO);
	report_at_interrupt();
	post_send(&told, 's');
	for (;;)
		sched_yield();
}

/* Sends a signal to a program that cannot write, and then another. */
static int
status_after(int signal, int other)
{
	struct post deaf = post_open();
	pid_t program;
	int status;

	told = post_open();
	fill(deaf.ends[1]);
	program = child_start(spin, &deaf);
	post_await(&told);
	kill(program, signal);
	post_await_sleep(program);
	kill(program, other);
	status = child_wait(program);
	post_close(&deaf);
	post_close(&told);
	return status;
}

IN_CHILD(second_interrupt_ends_a_program_whose_report_is_not_read)
{
	assert_int_equal(status_after(SIGINT, SIGINT), SIGINT);
}

IN_CHILD(interrupt_ends_a_program_whose_report_at_its_limit_is_not_read)
{
	assert_int_equal(status_after(SIGALRM, SIGINT), SIGINT);
}

IN_CHILD(limit_ends_a_program_whose_report_is_not_read)
{
	assert_int_equal(status_after(SIGINT, SIGALRM), 124 << 8);
	assert_int_equal(status_after(SIGALRM, SIGALRM), 124 << 8);
}

IN_CHILD(limit_comes_again)
{
	struct itimerval timer;

	MUST(report_when_it_hangs(1000.25));
	getitimer(ITIMER_REAL, &timer);
	assert_true(timer.it_value.tv_sec >= 999 - (long)CHILD_LIMIT);
	assert_true(timer.it_value.tv_sec <= 1000);
	assert_int_equal(timer.it_interval.tv_sec, 10);
}

static void
raise_signal(void *signal)
{
	raise(*(int *)signal);
}

static void
raise_signals_in_children(void *unused)
{
	int signals[] = {SIGINT, SIGALRM};

	(void)unused;
	report_at_interrupt();
	for (size_t i = 0; i < 2; i++)
		assert_int_equal(
			child_wait(child_start(raise_signal, &signals[i])),
			signals[i]);
}

IN_CHILD(report_is_for_the_main_process_alone)
{
	program_run(raise_signals_in_children, NULL, &outcome);
	must_exit(0, &outcome);
	assert_string_equal(outcome.err, "");
}

static void
make_container(void *unused)
{
	(void)unused;
	if (unshare(CLONE_NEWUSER | CLONE_NEWPID) != 0)
		_exit(1);
}

/* Exits with the status of a process that is the first of a container. */
static void
contain(void *unused)
{
	pid_t first;
	int status;

	make_container(unused);
	first = fork();
	assert_true(first >= 0);
	if (first == 0)
		interrupt_itself(unused);
	waitpid(first, &status, 0);
	_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 1);
}

/* The kernel lets such a process live, whatever it raises. */
IN_CHILD(interrupt_the_first_process_of_a_container)
{
	program_run(contain, NULL, &outcome);
	must_exit(128 + SIGINT, &outcome);
}

static void
interrupt_ends_even_the_first_process_of_a_container(void **state)
{
	if (child_wait(child_start(make_container, NULL)) != 0)
		skip();
	interrupt_the_first_process_of_a_container(state);
}

static void
no_report_comes_while_signals_are_kept_back(void **state)
{
	(void)state;
	skip();
}

int
main(void)
{
	const struct CMUnitTest none[] = {
		cmocka_unit_test(no_report_comes_while_signals_are_kept_back),
	};
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(report_of_a_program_that_runs_says_so),
		cmocka_unit_test(report_tells_who_sleeps),
		cmocka_unit_test(report_tells_whose_output_is_not_read),
		cmocka_unit_test(
			report_tells_who_joins_a_pool_and_which_worker_runs),
		cmocka_unit_test(
			report_tells_who_waits_for_the_end_of_a_process),
		cmocka_unit_test(
			report_tells_of_a_stopped_client_that_has_the_lock),
		cmocka_unit_test(
			report_tells_of_a_stopped_process_that_has_the_lock),
		cmocka_unit_test(report_tells_of_an_owner_that_has_ended),
		cmocka_unit_test(
			report_tells_of_a_stopped_manager_and_not_of_one_that_ended),
		cmocka_unit_test(report_tells_of_a_condition_without_a_note),
		cmocka_unit_test(
			report_tells_of_as_many_threads_as_the_board_has_lines),
		cmocka_unit_test(
			report_survives_that_lines_come_and_go_meanwhile),
		cmocka_unit_test(report_needs_no_descriptors),
		cmocka_unit_test(report_has_room_for_the_longest_name),
		cmocka_unit_test(report_is_whole_where_stderr_does_not_block),
		cmocka_unit_test(
			second_interrupt_ends_a_program_whose_report_is_not_read),
		cmocka_unit_test(
			interrupt_ends_a_program_whose_report_at_its_limit_is_not_read),
		cmocka_unit_test(limit_ends_a_program_whose_report_is_not_read),
		cmocka_unit_test(limit_comes_again),
		cmocka_unit_test(report_is_for_the_main_process_alone),
		cmocka_unit_test(
			interrupt_ends_even_the_first_process_of_a_container),
	};

	if (SIGNALS_COME_LATE)
		return cmocka_run_group_tests(none, NULL, NULL) != 0;
	return cmocka_run_group_tests(tests, adopt_orphans, kill_orphans) != 0;
}
