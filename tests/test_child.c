/* test_child.c - a failure inside of a child does turn a test red. */
#include "child.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* CMocka wants these four before it. */
#include <cmocka.h>

#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void
succeed(void *context)
{
	(void)context;
}

static void
fail_an_assert(void *context)
{
	(void)context;
	/* What the abort prints is expected, and would only confuse. */
	close(STDERR_FILENO);
	assert_true(false);
}

static void
crash(void *context)
{
	(void)context;
	raise(SIGSEGV);
}

static void
hang(void *context)
{
	(void)context;
	for (;;)
		pause();
}

static void
child_that_succeeds_has_status_0(void **state)
{
	(void)state;
	child_must_succeed(succeed, NULL);
}

static void
child_with_a_failed_assert_aborts(void **state)
{
	int status;

	(void)state;
	status = child_wait(child_start(fail_an_assert, NULL));
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGABRT);
}

static void
child_that_crashes_dies_of_it(void **state)
{
	int status;

	(void)state;
	status = child_wait(child_start(crash, NULL));
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGSEGV);
}

static void
child_kill_ends_a_child_that_hangs(void **state)
{
	pid_t pid = child_start(hang, NULL);

	(void)state;
	child_kill(pid);
	assert_int_equal(kill(pid, 0), -1);
}

/* The tests of a program that is to fail, run by the test below. */
static void
claims_that_a_failing_child_succeeds(void **state)
{
	(void)state;
	child_must_succeed(fail_an_assert, NULL);
}

static int
run_red_tests(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(claims_that_a_failing_child_succeeds),
	};

	return cmocka_run_group_tests_name("red", tests, NULL, NULL) != 0;
}

/* Runs this program again, as a process of its own, for its exit status. */
static void
be_the_red_program(void *context)
{
	(void)context;
	close(STDOUT_FILENO);
	close(STDERR_FILENO);
	unsetenv("CMOCKA_TEST_ABORT");
	child_start_over("red");
}

static void
failed_assert_in_a_child_turns_the_run_red(void **state)
{
	int status;

	(void)state;
	status = child_wait(child_start(be_the_red_program, NULL));
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 1);
}

int
main(int argc, char *argv[])
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(child_that_succeeds_has_status_0),
		cmocka_unit_test(child_with_a_failed_assert_aborts),
		cmocka_unit_test(child_that_crashes_dies_of_it),
		cmocka_unit_test(child_kill_ends_a_child_that_hangs),
		cmocka_unit_test(failed_assert_in_a_child_turns_the_run_red),
	};

	if (argc > 1 && strcmp(argv[1], "red") == 0)
		return run_red_tests();
	return cmocka_run_group_tests_name("child", tests, NULL, NULL) != 0;
}
