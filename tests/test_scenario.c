/* test_scenario.c - what a program's main stands on. */
#include "scenario.h"

#include "hear.h"
#include "must.h"
#include "post.h"
#include "sys.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* CMocka wants these four before it. */
#include <cmocka.h>

#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* A command line, the program's name included; NULL ends it. */
#define WORDS_LIMIT 8

static struct options
read_options(char *const *words)
{
	char *argv[WORDS_LIMIT + 2] = {"program"};
	int argc = 1;

	while (words[argc - 1]) {
		argv[argc] = words[argc - 1];
		argc++;
	}
	return scenario_options(argc, argv);
}

/* What a child drew, with options of its own; in shared memory. */
struct drawing {
	char *words[WORDS_LIMIT];
	double drawn[100];
};

static void
read_options_and_draw(void *context)
{
	struct drawing *drawing = context;

	read_options(drawing->words);
	for (int task = 0; task < 100; task++)
		drawing->drawn[task] = draw(task);
}

/* Lets two children draw, with a seed or, if that is NULL, without. */
static struct drawing *
draw_twice(char *seed, char *other_seed)
{
	struct drawing *drawings;
	void *memory;

	MUST(sys_map_shared(2 * sizeof(*drawings), &memory));
	drawings = memory;
	if (seed) {
		drawings[0].words[0] = drawings[1].words[0] = "--seed";
		drawings[0].words[1] = seed;
		drawings[1].words[1] = other_seed;
	}
	child_must_succeed(read_options_and_draw, &drawings[0]);
	child_must_succeed(read_options_and_draw, &drawings[1]);
	return drawings;
}

static void
forget_drawings(struct drawing *drawings)
{
	sys_unmap_shared(drawings, 2 * sizeof(*drawings));
}

static void
draw_repeats_itself_with_a_seed(void **state)
{
	struct drawing *drawings = draw_twice("42", "42");

	(void)state;
	assert_memory_equal(drawings[0].drawn, drawings[1].drawn,
		sizeof(drawings[0].drawn));
	forget_drawings(drawings);
}

static void
draw_differs_with_another_seed(void **state)
{
	struct drawing *drawings = draw_twice("0", "18446744073709551615");

	(void)state;
	for (int task = 0; task < 100; task++)
		assert_true(drawings[0].drawn[task] != drawings[1].drawn[task]);
	forget_drawings(drawings);
}

static void
draw_differs_in_each_run_without_a_seed(void **state)
{
	struct drawing *drawings = draw_twice(NULL, NULL);

	(void)state;
	assert_memory_not_equal(drawings[0].drawn, drawings[1].drawn,
		sizeof(drawings[0].drawn));
	forget_drawings(drawings);
}

static void
each_task_draws_its_own(void **state)
{
	struct drawing *drawings = draw_twice("1", "2");
	const double *drawn = drawings[0].drawn;

	(void)state;
	for (int task = 0; task < 100; task++)
		for (int other = 0; other < task; other++)
			assert_true(drawn[task] != drawn[other]);
	forget_drawings(drawings);
}

static void
draw_is_uniform_below_1(void **state)
{
	int tenths[10] = {0};

	(void)state;
	for (long long task = -5000; task < 5000; task++) {
		double drawn = draw(task);

		assert_true(drawn >= 0 && drawn < 1);
		tenths[(int)(drawn * 10)]++;
	}
	/* Ten times the standard deviation, whatever the seed. */
	for (int i = 0; i < 10; i++)
		assert_in_range(tenths[i], 700, 1300);
}

static void
real_text_is_python_s_repr(void **state)
{
	static const struct {
		double real;
		const char *text;
	} known[] = {{0.0, "0.0"}, {5e-324, "5e-324"},
		{2.2250738585072014e-308, "2.2250738585072014e-308"},
		{1e-308, "1e-308"}, {1e-100, "1e-100"},
		{0x1p-53, "1.1102230246251565e-16"}, {1e-7, "1e-07"},
		{9.5367431640625e-07, "9.5367431640625e-07"}, {1e-5, "1e-05"},
		{5e-5, "5e-05"}, {9.999e-5, "9.999e-05"}, {1e-4, "0.0001"},
		{0.000123, "0.000123"},
		{0.032243443984690034, "0.032243443984690034"}, {0.1, "0.1"},
		{0.123456789, "0.123456789"}, {0.2, "0.2"}, {0.25, "0.25"},
		{0.1 + 0.2, "0.30000000000000004"},
		{1.0 / 3, "0.3333333333333333"}, {0.5, "0.5"},
		{2.0 / 3, "0.6666666666666666"},
		{0.79999999999999993, "0.7999999999999999"},
		{1 - 0x1p-53, "0.9999999999999999"}};

	(void)state;
	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
		assert_string_equal(
			real_text(known[i].real).digits, known[i].text);
}

/*
 * Below a power of 2 doubles lie closer together than above it, so that the
 * nearest text of 16 digits may belong to the neighbour below, and the next
 * one up is the shortest.
 */
static void
real_text_of_powers_of_2_is_python_s_repr(void **state)
{
	(void)state;
	assert_string_equal(real_text(0x1p-24).digits, "5.960464477539063e-08");
	assert_string_equal(real_text(0x1p-44).digits, "5.684341886080802e-14");
	assert_string_equal(
		real_text(0x1p-1017).digits, "7.120236347223045e-307");
}

/* How many digits a text has, leading zeros aside. */
static int
count_digits(const char *text)
{
	int count = 0;

	for (; *text && *text != 'e'; text++)
		if (*text >= '0' && *text <= '9' && (count || *text != '0'))
			count++;
	return count;
}

static void
real_text_reads_back_and_no_shorter_text_does(void **state)
{
	(void)state;
	for (long long task = 0; task < 20000; task++) {
		/* From all sizes, down to 1e-19. */
		double real = ldexp(draw(task), -(int)(task % 10) * 7);
		struct real_text text = real_text(real);
		int digits = count_digits(text.digits);
		char shorter[400];

		assert_true(strtod(text.digits, NULL) == real);
		snprintf(shorter, sizeof(shorter), "%.*g", digits - 1, real);
		if (digits > 1 && strtod(shorter, NULL) == real)
			fail_msg("%s, though %s will do", text.digits, shorter);
	}
}

static void
say_a_few_lines(void *context)
{
	(void)context;
	say("Task %d waiting...", 3);
	say("%s", "");
	say("100%%");
}

static void
say_writes_each_line_by_one_write(void **state)
{
	struct heard heard = hear(STDOUT_FILENO, say_a_few_lines, NULL);

	(void)state;
	assert_string_equal(heard.text, "Task 3 waiting...\n\n100%\n");
	assert_int_equal(heard.writes, 3);
	assert_int_equal(heard.status, 0);
}

static void
say_a_long_line(void *context)
{
	(void)context;
	say("%6000d", 7);
}

static void
say_writes_a_long_line_by_one_write(void **state)
{
	struct heard heard = hear(STDOUT_FILENO, say_a_long_line, NULL);

	(void)state;
	assert_int_equal(heard.length, 6001);
	assert_string_equal(heard.text + 5999, "7\n");
	assert_int_equal(heard.writes, 1);
	assert_int_equal(heard.status, 0);
}

static void
say_it_to_a_full_device(void *context)
{
	(void)context;
	dup2(open("/dev/full", O_WRONLY), STDOUT_FILENO);
	say("Tasks begin.");
}

static void
say_it_to_nobody(void *context)
{
	(void)context;
	close(STDOUT_FILENO);
	say("Tasks begin.");
}

static void
say_ends_the_process_where_it_cannot_write(void **state)
{
	struct heard full = hear(STDERR_FILENO, say_it_to_a_full_device, NULL);
	struct heard closed = hear(STDERR_FILENO, say_it_to_nobody, NULL);

	(void)state;
	assert_true(WIFEXITED(full.status));
	assert_int_equal(WEXITSTATUS(full.status), 1);
	assert_non_null(strstr(full.text, ": cannot write to standard output: "
					  "No space left on device\n"));
	assert_true(WIFEXITED(closed.status));
	assert_int_equal(WEXITSTATUS(closed.status), 1);
	assert_non_null(strstr(closed.text, ": Bad file descriptor\n"));
}

static void
options_have_defaults(void **state)
{
	struct options options = read_options((char *[]){NULL});

	(void)state;
	assert_int_equal(options.tasks, 4);
	assert_int_equal(options.workers, 4);
	assert_true(options.delay == 1);
}

static void
options_say_what_they_say(void **state)
{
	struct options options = read_options((char *[]){"--tasks", "7",
		"--workers=1", "--delay", "0.25", "--seed", "5", NULL});

	(void)state;
	assert_int_equal(options.tasks, 7);
	assert_int_equal(options.workers, 1);
	assert_true(options.delay == 0.25);
	options = read_options((char *[]){"--delay=0", NULL});
	assert_true(options.delay == 0);
	assert_int_equal(options.tasks, 4);
}

static void
pass_options(void *context)
{
	read_options(context);
}

/* The words must end the program with one line that names the culprit. */
static void
must_be_refused(char *const *words, const char *culprit)
{
	struct heard heard = hear(STDERR_FILENO, pass_options, (void *)words);
	const char *end = strchr(heard.text, '\n');

	if (!WIFEXITED(heard.status) || WEXITSTATUS(heard.status) != 2)
		fail_msg("%s: status %x", words[0], (unsigned)heard.status);
	if (!strstr(heard.text, culprit))
		fail_msg("%s is not named: %s", culprit, heard.text);
	if (!end || end[1])
		fail_msg("%s: not one line: %s", words[0], heard.text);
}

static void
wrong_values_of_options_are_refused(void **state)
{
	static char *const words[][3] = {{"--tasks", "0"}, {"--tasks", "-1"},
		{"--tasks", "x"}, {"--tasks", ""}, {"--tasks", "4x"},
		{"--tasks", "4.5"}, {"--tasks", "99999999999999999999"},
		{"--workers", "0"}, {"--workers", "-4"}, {"--workers", "4 "},
		{"--delay", "-1"}, {"--delay", "nan"}, {"--delay", "inf"},
		{"--delay", ""}, {"--delay", "1s"}, {"--seed", "-1"},
		{"--seed", ""}, {"--seed", "1.5"}, {"--seed", "x"},
		{"--seed", "18446744073709551616"}};

	(void)state;
	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		must_be_refused(words[i], words[i][0]);
}

static void
unknown_option_is_refused(void **state)
{
	(void)state;
	must_be_refused((char *[]){"--taks", "4", NULL}, "--taks");
	must_be_refused((char *[]){"--taks=4", NULL}, "--taks");
}

static void
option_without_its_value_is_refused(void **state)
{
	(void)state;
	must_be_refused((char *[]){"--tasks", NULL}, "--tasks");
	must_be_refused((char *[]){"--delay", NULL}, "--delay");
}

static void
word_too_many_is_refused(void **state)
{
	(void)state;
	must_be_refused((char *[]){"four", NULL}, "four");
	must_be_refused((char *[]){"--tasks", "4", "four", NULL}, "four");
}

static void
help_and_version_are_given(void **state)
{
	struct heard help =
		hear(STDOUT_FILENO, pass_options, (char *[]){"--help", NULL});
	struct heard version = hear(
		STDOUT_FILENO, pass_options, (char *[]){"--version", NULL});

	(void)state;
	assert_int_equal(help.status, 0);
	assert_non_null(strstr(help.text, "--tasks"));
	assert_non_null(strstr(help.text, "--workers"));
	assert_non_null(strstr(help.text, "--delay"));
	assert_non_null(strstr(help.text, "--seed"));
	assert_int_equal(version.status, 0);
	assert_non_null(strchr(version.text, '\n'));
}

static void
end_well(void *context)
{
	(void)context;
	_exit(scenario_status(NULL));
}

static void
end_of_a_success_is_silent(void **state)
{
	struct heard error = hear(STDERR_FILENO, end_well, NULL);
	struct heard output = hear(STDOUT_FILENO, end_well, NULL);

	(void)state;
	assert_int_equal(error.status, 0);
	assert_string_equal(error.text, "");
	assert_string_equal(output.text, "");
}

static struct error *
error_with_frame(void)
{
	struct error *error = error_new(RuntimeError, "it broke");

	error_add_frame(
		error, &(struct frame){"a.c", 1, "run", "call()", "worker 3"});
	return error;
}

static void
end_badly(void *context)
{
	(void)context;
	_exit(scenario_status(error_with_frame()));
}

static void
end_badly_unheard(void *context)
{
	close(STDERR_FILENO);
	end_badly(context);
}

static void
end_of_a_failure_is_its_traceback(void **state)
{
	struct heard heard = hear(STDERR_FILENO, end_badly, NULL);
	struct heard output = hear(STDOUT_FILENO, end_badly_unheard, NULL);

	(void)state;
	assert_true(WIFEXITED(heard.status));
	assert_int_equal(WEXITSTATUS(heard.status), 1);
	assert_string_equal(heard.text, "Traceback (most recent call last):\n"
					"  File \"a.c\", line 1, in run "
					"[worker 3]\n"
					"    call()\n"
					"RuntimeError: it broke\n");
	assert_string_equal(output.text, "");
}

static void
pause_lasts_as_long_as_it_says(void **state)
{
	double start = sys_now();

	(void)state;
	pause_for(0);
	pause_for(-1);
	pause_for(0.02);
	assert_true(sys_now() - start >= 0.02);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(draw_repeats_itself_with_a_seed),
		cmocka_unit_test(draw_differs_with_another_seed),
		cmocka_unit_test(draw_differs_in_each_run_without_a_seed),
		cmocka_unit_test(each_task_draws_its_own),
		cmocka_unit_test(draw_is_uniform_below_1),
		cmocka_unit_test(real_text_is_python_s_repr),
		cmocka_unit_test(real_text_of_powers_of_2_is_python_s_repr),
		cmocka_unit_test(real_text_reads_back_and_no_shorter_text_does),
		cmocka_unit_test(say_writes_each_line_by_one_write),
		cmocka_unit_test(say_writes_a_long_line_by_one_write),
		cmocka_unit_test(say_ends_the_process_where_it_cannot_write),
		cmocka_unit_test(options_have_defaults),
		cmocka_unit_test(options_say_what_they_say),
		cmocka_unit_test(wrong_values_of_options_are_refused),
		cmocka_unit_test(unknown_option_is_refused),
		cmocka_unit_test(option_without_its_value_is_refused),
		cmocka_unit_test(word_too_many_is_refused),
		cmocka_unit_test(help_and_version_are_given),
		cmocka_unit_test(end_of_a_success_is_silent),
		cmocka_unit_test(end_of_a_failure_is_its_traceback),
		cmocka_unit_test(pause_lasts_as_long_as_it_says),
	};

	return cmocka_run_group_tests_name("scenario", tests, NULL, NULL) != 0;
}
