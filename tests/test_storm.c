/*
 * test_storm.c - a short storm of each mode (storm.c), which must end well, and
 * what the program says to wrong options. BUILD in the environment is the
 * folder of the built programs, "build" if unset.
 */
#include "hear.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

/* Becomes the storm, with the arguments given. */
static void
storm(void *arguments)
{
	char path[512];

	snprintf(path, sizeof(path), "%s/storm", build_folder());
	execv(path, arguments);
}

/* Hears what it writes to a descriptor; ends when all of its processes did. */
static struct heard
hear_storm(int descriptor, char *option, char *text)
{
	char *arguments[] = {"storm", option, text, "--tasks", "2000", NULL};

	return hear(descriptor, storm, arguments);
}

static void
must_end_well(char *mode)
{
	struct heard heard = hear_storm(STDOUT_FILENO, "--mode", mode);
	char expected[64];
	const char *last;

	assert_int_equal(heard.status, 0);
	assert_true(heard.length > 0);
	heard.text[heard.length - 1] = '\0';
	last = strrchr(heard.text, '\n');
	assert_non_null(last);
	snprintf(expected, sizeof(expected), "\n%s: ended well: ", mode);
	assert_int_equal(strncmp(last, expected, strlen(expected)), 0);
}

static void
plain_storm_ends_well(void **state)
{
	(void)state;
	must_end_well("plain");
}

static void
storm_of_a_condition_ends_well(void **state)
{
	(void)state;
	must_end_well("condition");
}

static void
storm_of_a_manager_ends_well(void **state)
{
	(void)state;
	must_end_well("manager");
}

static void
must_be_refused(char *option, char *text, const char *message)
{
	struct heard heard = hear_storm(STDERR_FILENO, option, text);

	assert_true(WIFEXITED(heard.status));
	assert_int_equal(WEXITSTATUS(heard.status), 2);
	assert_string_equal(heard.text, message);
}

static void
wrong_options_are_refused(void **state)
{
	(void)state;
	must_be_refused("--mode", "calm",
		"storm: --mode: 'calm' is not plain, condition, manager or "
		"all\n");
	must_be_refused("--workers", "0",
		"storm: --workers: '0' is not a whole number from 1 to 64\n");
	must_be_refused("--seconds", "soon",
		"storm: --seconds: 'soon' is not a whole number from 0 to "
		"1000000\n");
	must_be_refused("--seed", "-1",
		"storm: --seed: '-1' is not a whole number from 0 to "
		"18446744073709551615\n");
	must_be_refused("--mode=plain", "hard",
		"storm: 'hard' is one word too many: there are only options, "
		"see --help\n");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plain_storm_ends_well),
		cmocka_unit_test(storm_of_a_condition_ends_well),
		cmocka_unit_test(storm_of_a_manager_ends_well),
		cmocka_unit_test(wrong_options_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
