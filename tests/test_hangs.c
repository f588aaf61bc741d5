/*
 * test_hangs.c - what the scenarios say when they hang, and that nothing is
 * left of them. BUILD in the environment is the folder of the built programs,
 * "build" if unset.
 */
#include "reports.h"

#include <signal.h>

/* The draws that belong to this are below 0.03: the tasks sleep no longer. */
#define SEED "630062"

/* A delay, in seconds, that no test lives to see the end of. */
#define AGES "1000"

/* Only a wrong report takes so many seconds to be given up. */
#define LONGEST 8.0

static struct outcome outcome;

/* The path of a built program, in memory of its own. */
static char *
built(const char *name)
{
	char *path;

	assert_true(asprintf(&path, "%s/%s", build_folder(), name) > 0);
	return path;
}

/* Runs a program to its end. */
static void
run(const char *name, char *const *arguments)
{
	char *argv[16] = {built(name)};

	for (size_t i = 0; arguments[i]; i++)
		argv[i + 1] = arguments[i];
	program_run(run_command, argv, &outcome);
	free(argv[0]);
}

/*
 * Runs a program that hangs with ever more time, until its report is the one
 * that is expected: on a slow machine it may not have come that far. Its delay
 * is a quarter of that. What it has printed to standard output has so many
 * lines.
 */
static void
must_report(const char *name, char *workers, int lines, const char *expected)
{
	char limit[16], delay[16];
	char *const arguments[] = {"--limit", limit, "--delay", delay,
		"--workers", workers, "--tasks", "4", "--seed", SEED, NULL};
	int line_count = 0;

	for (double seconds = 0.5; seconds <= LONGEST; seconds *= 2) {
		snprintf(limit, sizeof(limit), "%g", seconds);
		snprintf(delay, sizeof(delay), "%g", seconds / 4);
		run(name, arguments);
		must_exit(124, &outcome);
		make_literal(outcome.err);
		if (strcmp(outcome.err, expected) == 0)
			break;
	}
	assert_string_equal(outcome.err, expected);
	assert_null(strstr(outcome.out, "waits for"));
	for (const char *byte = outcome.out; *byte; byte++)
		line_count += *byte == '\n';
	assert_int_equal(line_count, lines);
}

IN_CHILD(program_that_notifies_first_says_that_the_wake_up_was_lost)
{
	must_report("tests/lost_wake_up", "4", 4,
		"lost_wake_up: no end after T s. Who waits for what:\n"
		" handler pid P waits for workers' replies and for work, "
		"for T s\n"
		" main pid P waits to be notified by condition 1, for T s\n"
		" manager pid P waits for requests, for T s\n"
		" worker 1 pid P waits to be notified by condition 2, for T s\n"
		" worker 2 pid P waits to be notified by condition 2, for T s\n"
		" worker 3 pid P waits to be notified by condition 2, for T s\n"
		" worker 4 pid P waits to be notified by condition 2, for T s\n"
		" zygote pid P waits for orders and for workers' ends, for "
		"T s\n"
		"Condition 1, in shared memory: nobody has its lock.\n"
		" 1 waits to be notified. The last notify, by main (pid P) T s "
		"ago, woke 0; 1 began to wait after it, and missed it.\n"
		"Condition 2, hosted by manager (pid P): nobody has its lock.\n"
		" 4 wait to be notified. The last notify, by main (pid P) T s "
		"ago, woke 0; 4 began to wait after it, and missed it.\n");
}

IN_CHILD(fork_global_with_two_workers_says_who_came_too_late)
{
	must_report("scenarios/fork_global", "2", 7,
		"fork_global: no end after T s. Who waits for what:\n"
		" handler pid P waits for workers' replies and for work, "
		"for T s\n"
		" main pid P waits for a result, for T s\n"
		" worker 1 pid P waits to be notified by condition 1, for T s\n"
		" worker 2 pid P waits to be notified by condition 1, for T s\n"
		" zygote pid P waits for orders and for workers' ends, for "
		"T s\n"
		"Condition 1, in shared memory: nobody has its lock.\n"
		" 2 wait to be notified. The last notify, by main (pid P) T s "
		"ago, woke 2; 2 began to wait after it, and missed it.\n");
}

IN_CHILD(manager_proxy_with_two_workers_says_who_came_too_late)
{
	must_report("scenarios/manager_proxy", "2", 7,
		"manager_proxy: no end after T s. Who waits for what:\n"
		" handler pid P waits for workers' replies and for work, "
		"for T s\n"
		" main pid P waits for a result, for T s\n"
		" manager pid P waits for requests, for T s\n"
		" worker 1 pid P waits to be notified by condition 1, for T s\n"
		" worker 2 pid P waits to be notified by condition 1, for T s\n"
		" zygote pid P waits for orders and for workers' ends, for "
		"T s\n"
		"Condition 1, hosted by manager (pid P): nobody has its lock.\n"
		" 2 wait to be notified. The last notify, by main (pid P) T s "
		"ago, woke 2; 2 began to wait after it, and missed it.\n");
}

IN_CHILD(stopped_holder_says_who_is_stopped_and_has_the_lock)
{
	must_report("tests/stopped_holder", "1", 1,
		"stopped_holder: no end after T s. Who waits for what:\n"
		" handler pid P waits for workers' replies and for work, "
		"for T s\n"
		" main pid P waits for the lock of condition 1, for T s\n"
		" worker 1 pid P is stopped, until SIGCONT, where it runs its "
		"own code\n"
		" zygote pid P waits for orders and for workers' ends, for "
		"T s\n"
		"Condition 1, in shared memory: worker 1 (pid P), which is "
		"stopped, has its lock; 1 waits for it.\n"
		" 0 wait to be notified. There was no notify yet.\n");
}

/* The others may have begun to wait before, or want the lock: it is luck. */
IN_CHILD(stopped_holder_says_how_many_want_the_lock)
{
	char limit[16], delay[16];
	char *const arguments[] = {"--limit", limit, "--delay", delay, NULL};
	int for_lock = 0, for_notify = 0;

	for (double seconds = 0.5; seconds <= LONGEST; seconds *= 2) {
		const char *lock;

		snprintf(limit, sizeof(limit), "%g", seconds);
		snprintf(delay, sizeof(delay), "%g", seconds / 4);
		run("tests/stopped_holder", arguments);
		must_exit(124, &outcome);
		lock = strstr(outcome.err, "which is stopped, has its lock; ");
		if (!lock)
			continue;
		for_lock = atoi(strchr(lock, ';') + 1);
		for_notify = atoi(strchr(lock, '\n'));
		if (for_lock + for_notify == 4)
			break;
	}
	assert_int_equal(for_lock + for_notify, 4);
	assert_true(for_lock >= 1);
}

IN_CHILD(program_that_ends_in_time_is_as_without_a_limit)
{
	char *transcript = built("transcript");
	char *scenario = built("scenarios/fork_global");
	char *argv[] = {transcript, "expected/fork_global.txt", scenario,
		"--limit", "1000", NULL};

	program_run(run_command, argv, &outcome);
	must_exit(0, &outcome);
	assert_string_equal(outcome.out, "");
	assert_string_equal(outcome.err, "");
	free(scenario);
	free(transcript);
}

IN_CHILD(bad_limit_is_refused_in_one_line)
{
	char *const bad[] = {
		"0", "-1", "nan", "inf", "x", "86401", "", "1s", "0.0009"};
	char expected[128];

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		char *const arguments[] = {"--limit", bad[i], NULL};

		run("scenarios/fork_global", arguments);
		must_exit(2, &outcome);
		snprintf(expected, sizeof(expected),
			"fork_global: --limit: '%s' is not a number of seconds "
			"from 0.001 to 86400\n",
			bad[i]);
		assert_string_equal(outcome.err, expected);
		assert_string_equal(outcome.out, "");
	}
}

/* Which signals a program finds ignored, or blocked, when it starts. */
struct start {
	char **argv;
	int ignored, blocked;
	/* Whether it has a process group of its own, as in a shell. */
	bool grouped;
};

static void
run_with_signals(void *context)
{
	const struct start *start = context;
	sigset_t blocked;

	sigemptyset(&blocked);
	if (start->blocked)
		sigaddset(&blocked, start->blocked);
	if (start->ignored)
		signal(start->ignored, SIG_IGN);
	if (start->grouped)
		setpgid(0, 0);
	sigprocmask(SIG_SETMASK, &blocked, NULL);
	run_command(start->argv);
}

/* Starts a scenario that hangs, and waits until all its tasks have begun. */
static struct program
start_to_hang(const char *name, struct start start)
{
	char *argv[] = {built(name), "--delay", AGES, NULL};
	struct program program;

	start.argv = argv;
	program = program_start(run_with_signals, &start);
	await_words(&program, "waiting...\n", 4, &outcome);
	free(argv[0]);
	return program;
}

/* Reads the report, of which no process that has ended is a part. */
static void
interrupted_must_report(const struct program *program)
{
	program_end(program, &outcome);
	must_die_of(SIGINT, &outcome);
	make_literal(outcome.err);
	assert_non_null(strstr(
		outcome.err, ": interrupted after T s. Who waits for what:\n"));
	assert_non_null(strstr(outcome.err, " worker 4 pid P "));
}

static void
interrupt_must_report(const char *name, struct start start)
{
	struct program program = start_to_hang(name, start);

	kill(start.grouped ? -program.pid : program.pid, SIGINT);
	interrupted_must_report(&program);
}

IN_CHILD(interrupt_is_what_the_program_dies_of)
{
	interrupt_must_report("scenarios/fork_global", (struct start){0});
}

IN_CHILD(interrupt_is_what_the_program_with_a_manager_dies_of)
{
	interrupt_must_report("scenarios/manager_proxy", (struct start){0});
}

/* Ctrl-C is for all of a shell's job; the others leave it to main. */
IN_CHILD(interrupt_of_all_processes_is_reported_by_main)
{
	interrupt_must_report(
		"scenarios/manager_proxy", (struct start){.grouped = true});
}

IN_CHILD(interrupt_is_heeded_even_if_it_was_ignored)
{
	interrupt_must_report(
		"scenarios/fork_global", (struct start){.ignored = SIGINT});
}

IN_CHILD(interrupt_is_heeded_even_if_it_was_blocked)
{
	interrupt_must_report(
		"scenarios/fork_global", (struct start){.blocked = SIGINT});
}

static void
limit_must_hold(int ignored, int blocked)
{
	char *argv[] = {built("scenarios/fork_global"), "--delay", AGES,
		"--limit", "0.1", NULL};
	struct start start = {argv, ignored, blocked, false};

	program_run(run_with_signals, &start, &outcome);
	must_exit(124, &outcome);
	assert_non_null(strstr(outcome.err, ": no end after "));
	free(argv[0]);
}

IN_CHILD(limit_holds_even_if_its_signal_was_ignored)
{
	limit_must_hold(SIGALRM, 0);
}

IN_CHILD(limit_holds_even_if_its_signal_was_blocked)
{
	limit_must_hold(0, SIGALRM);
}

/* Ends the program whatever it does when it starts. */
IN_CHILD(limit_as_short_as_can_be_ends_the_program_well)
{
	char *const arguments[] = {"--delay", AGES, "--limit", "0.001", NULL};

	for (int i = 0; i < 20; i++) {
		run("scenarios/manager_proxy", arguments);
		must_exit(124, &outcome);
		assert_non_null(strstr(outcome.err, ": no end after "));
	}
}

/* Of the main process's children, the one that has children, or has none. */
static pid_t
find_child(pid_t pid, bool zygote)
{
	pid_t children[2], any;

	assert_int_equal(process_children(pid, children, 2), 2);
	return children[(process_children(children[0], &any, 1) > 0) != zygote];
}

static void
stopped_child_must_be_told_of(bool zygote, const char *line)
{
	struct program program =
		start_to_hang("scenarios/manager_proxy", (struct start){0});

	assert_true(process_stop(find_child(program.pid, zygote)));
	kill(program.pid, SIGINT);
	interrupted_must_report(&program);
	if (!strstr(outcome.err, line))
		fail_msg("no '%s' in:\n%s", line, outcome.err);
}

IN_CHILD(interrupt_tells_of_a_stopped_manager_and_ends_it)
{
	stopped_child_must_be_told_of(
		false, "\n manager pid P is stopped, until SIGCONT, where it ");
}

IN_CHILD(interrupt_tells_of_a_stopped_zygote_and_ends_all)
{
	stopped_child_must_be_told_of(
		true, "\n zygote pid P is stopped, until SIGCONT, where it ");
}

static void
stopped_child_must_end(bool zygote)
{
	struct program program =
		start_to_hang("scenarios/manager_proxy", (struct start){0});

	assert_true(process_stop(find_child(program.pid, zygote)));
	kill(program.pid, SIGKILL);
	program_end(&program, &outcome);
	must_die_of(SIGKILL, &outcome);
	assert_string_equal(outcome.err, "");
}

IN_CHILD(stopped_manager_ends_when_the_main_process_is_killed)
{
	stopped_child_must_end(false);
}

IN_CHILD(stopped_zygote_ends_with_all_when_the_main_process_is_killed)
{
	stopped_child_must_end(true);
}

static void
close_standard_error_and_run(void *argv)
{
	close(STDERR_FILENO);
	run_command(argv);
}

IN_CHILD(limit_holds_where_standard_error_is_closed)
{
	char *argv[] = {built("scenarios/fork_global"), "--delay", AGES,
		"--limit", "0.1", NULL};

	program_run(close_standard_error_and_run, argv, &outcome);
	must_exit(124, &outcome);
	assert_null(strstr(outcome.out, "Who waits"));
	free(argv[0]);
}

IN_CHILD(limit_holds_where_nobody_reads_standard_error_any_more)
{
	char *argv[] = {built("scenarios/fork_global"), "--delay", AGES,
		"--limit", "0.1", NULL};
	struct program program = program_start(run_command, argv);

	close(program.err);
	program.err = open("/dev/null", O_RDONLY | O_CLOEXEC);
	outcome.out[0] = '\0';
	program_end(&program, &outcome);
	must_exit(124, &outcome);
	free(argv[0]);
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
		cmocka_unit_test(
			program_that_notifies_first_says_that_the_wake_up_was_lost),
		cmocka_unit_test(
			fork_global_with_two_workers_says_who_came_too_late),
		cmocka_unit_test(
			manager_proxy_with_two_workers_says_who_came_too_late),
		cmocka_unit_test(
			stopped_holder_says_who_is_stopped_and_has_the_lock),
		cmocka_unit_test(stopped_holder_says_how_many_want_the_lock),
		cmocka_unit_test(
			program_that_ends_in_time_is_as_without_a_limit),
		cmocka_unit_test(bad_limit_is_refused_in_one_line),
		cmocka_unit_test(interrupt_is_what_the_program_dies_of),
		cmocka_unit_test(
			interrupt_is_what_the_program_with_a_manager_dies_of),
		cmocka_unit_test(
			interrupt_of_all_processes_is_reported_by_main),
		cmocka_unit_test(interrupt_is_heeded_even_if_it_was_ignored),
		cmocka_unit_test(interrupt_is_heeded_even_if_it_was_blocked),
		cmocka_unit_test(limit_holds_even_if_its_signal_was_ignored),
		cmocka_unit_test(limit_holds_even_if_its_signal_was_blocked),
		cmocka_unit_test(
			limit_as_short_as_can_be_ends_the_program_well),
		cmocka_unit_test(
			interrupt_tells_of_a_stopped_manager_and_ends_it),
		cmocka_unit_test(
			interrupt_tells_of_a_stopped_zygote_and_ends_all),
		cmocka_unit_test(
			stopped_manager_ends_when_the_main_process_is_killed),
		cmocka_unit_test(
			stopped_zygote_ends_with_all_when_the_main_process_is_killed),
		cmocka_unit_test(limit_holds_where_standard_error_is_closed),
		cmocka_unit_test(
			limit_holds_where_nobody_reads_standard_error_any_more),
	};

	if (SIGNALS_COME_LATE)
		return cmocka_run_group_tests(none, NULL, NULL) != 0;
	return cmocka_run_group_tests(tests, adopt_orphans, kill_orphans) != 0;
}
