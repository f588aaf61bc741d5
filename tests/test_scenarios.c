/*
 * test_scenarios.c - every scenario does what its transcript says, and would
 * be caught if it did not.
 *
 *     test_scenarios        that none is forgotten: scenarios and test programs
 *                           are found by listing their folders, and each has to
 *                           have its check
 *     test_scenarios NAME   that the checker accepts NAME, and which mutants
 *                           of its output
 *
 * The mutants of a scenario are made in memory from one real run: each way in
 * which it can be spoilt has to be rejected, and each permutation of lines
 * that come in any order accepted. Runs in the root of the repository; BUILD
 * in the environment is the folder of the built programs, "build" if unset.
 */

#include "capture.h"
#include "match.h"
#include "mutant.h"
#include "pattern.h"

#include <ctype.h>
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static const double limit = 60; /* in seconds, which only a hang takes */

/* The file that says what is built, and what is checked. */
static const char graph[] = "tests/graph.ninja";

/* How the names of tests begin. */
static const char prefix[] = "test_";

/* The file that says what memcheck looks at. */
static const char memcheck[] = "tests/memcheck.ninja";

/* How many mutants of each kind were tried, and how many came out wrong. */
struct tally {
	const struct transcript *transcript;
	size_t tried[MUTANT_KINDS], wrong;
};

static const char *
build_folder(void)
{
	const char *folder = getenv("BUILD");

	return folder ? folder : "build";
}

static void
a_scenario_is_accepted(void **state)
{
	const char *name = *state;
	char *checker = text_format("%s/transcript", build_folder());
	char *expected = text_format("expected/%s.txt", name);
	char *scenario = text_format("%s/scenarios/%s", build_folder(), name);
	char *const argv[] = {checker, expected, scenario, NULL};
	struct outcome outcome;
	char *complaint = outcome_capture(&outcome, argv, 2 * limit);

	if (complaint)
		fail_msg("%s", complaint);
	if (outcome.trouble || outcome.status != 0 ||
		outcome.streams[0].length > 0 || outcome.streams[1].length > 0)
		fail_msg("%s%s%s", outcome.trouble ? outcome.trouble : "",
			outcome.streams[0].length ? outcome.streams[0].bytes
						  : "",
			outcome.streams[1].length ? outcome.streams[1].bytes
						  : "");
	outcome_fini(&outcome);
	free(scenario);
	free(expected);
	free(checker);
}

static void
a_scenario_has_a_transcript(void **state)
{
	char *expected = text_format("expected/%s.txt", (char *)*state);

	if (access(expected, R_OK) < 0)
		fail_msg("there is no %s", expected);
	free(expected);
}

static void
a_transcript_has_a_scenario(void **state)
{
	char *source = text_format("scenarios/%s.c", (char *)*state);

	if (access(source, R_OK) < 0)
		fail_msg("there is no %s", source);
	free(source);
}

/* Whether a file of the build has a log made. */
static bool
makes(const struct text *build, const char *log)
{
	char *rule = text_format("build $b/%s:", log);
	bool found = strstr(build->bytes, rule) != NULL;

	free(rule);
	return found;
}

/* Whether a file of the build has a log in a list that starts so. */
static bool
counts(const struct text *build, const char *start, const char *log)
{
	const char *list = strstr(build->bytes, start);
	char *entry = text_format("\n  $b/%s", log);
	const char *found = list ? strstr(list, entry) : NULL;
	bool is_whole = found && isspace((unsigned char)found[strlen(entry)]);

	free(entry);
	return is_whole;
}

/* Fails unless the build makes the log of a check, and counts it. */
static void
it_is_checked(void **state)
{
	char *log = text_format("checks/%s.log", (char *)*state);
	struct text text = {0};

	assert_int_equal(text_read(&text, graph), 0);
	assert_true(text.length > 0);
	if (!makes(&text, log))
		fail_msg("%s does not make %s", graph, log);
	if (!counts(&text, "build $b/test: report ", log))
		fail_msg("%s: $b/test leaves out %s", graph, log);
	text_fini(&text);
	free(log);
}

/* Whether a text has a name, and not as a part of a longer one. */
static bool
names(const struct text *text, const char *name)
{
	size_t length = strlen(name);
	const char *found = strstr(text->bytes, name);

	while (found &&
		(isalnum((unsigned char)found[length]) || found[length] == '_'))
		found = strstr(found + 1, name);
	return found != NULL;
}

/*
 * Fails unless memcheck looks at it, and counts that, or the list says in words
 * why not.
 */
static void
memcheck_knows_it(void **state)
{
	const char *program = *state;
	bool is_test = strncmp(program, prefix, strlen(prefix)) == 0;
	char *log = text_format(
		"%s.log", is_test ? program + strlen(prefix) : program);
	struct text text = {0};

	assert_int_equal(text_read(&text, memcheck), 0);
	assert_true(text.length > 0);
	if (!names(&text, program))
		fail_msg("%s says nothing of %s", memcheck, program);
	if (makes(&text, log) && !counts(&text, "build $b/table: table ", log))
		fail_msg("%s: $b/table leaves out %s", memcheck, log);
	text_fini(&text);
	free(log);
}

static void
try_mutant(enum mutant_kind kind, const struct outcome *mutant, void *context)
{
	struct tally *tally = context;
	char *difference = transcript_difference(tally->transcript, mutant);
	bool is_good = kind == MUTANT_PERMUTED;

	tally->tried[kind]++;
	if ((difference == NULL) != is_good) {
		tally->wrong++;
		print_error("%s, %s:\n%.*s%.*s%s",
			is_good ? "rejected" : "accepted", mutant_names[kind],
			(int)mutant->streams[0].length,
			mutant->streams[0].length ? mutant->streams[0].bytes
						  : "",
			(int)mutant->streams[1].length,
			mutant->streams[1].length ? mutant->streams[1].bytes
						  : "",
			difference ? difference : "");
	}
	free(difference);
}

static struct transcript *
read_transcript(const char *name)
{
	char *file = text_format("expected/%s.txt", name);
	struct text text = {0};
	char *complaint = NULL;
	struct transcript *transcript;

	if (text_read(&text, file) != 0)
		fail_msg("there is no %s", file);
	transcript = transcript_parse(file, &text, &complaint);
	if (!transcript)
		fail_msg("%s", complaint);
	text_fini(&text);
	free(file);
	return transcript;
}

static void
run_scenario(const char *name, const struct transcript *transcript,
	struct outcome *outcome)
{
	char *scenario = text_format("%s/scenarios/%s", build_folder(), name);
	char *const argv[] = {scenario, NULL};
	char *complaint = outcome_capture(outcome, argv, limit);
	char *difference;

	if (complaint)
		fail_msg("%s", complaint);
	difference = transcript_difference(transcript, outcome);
	if (difference)
		fail_msg("%s", difference);
	free(scenario);
}

static void
only_good_mutants_are_accepted(void **state)
{
	struct tally tally = {0};
	struct transcript *transcript = read_transcript(*state);
	struct outcome outcome;

	tally.transcript = transcript;
	run_scenario(*state, transcript, &outcome);
	mutants_visit(transcript, &outcome, try_mutant, &tally);
	for (int kind = 0; kind < MUTANT_KINDS; kind++) {
		if (tally.tried[kind] > 0)
			print_message("%6zu  %s\n", tally.tried[kind],
				mutant_names[kind]);
		else if (mutant_applies(
				 (enum mutant_kind)kind, transcript, &outcome))
			fail_msg("no %s was tried", mutant_names[kind]);
	}
	assert_int_equal(tally.wrong, 0);
	outcome_fini(&outcome);
	transcript_free(transcript);
}

/* The tests that there are to run, each with a name made for it. */
struct suite {
	struct CMUnitTest *tests;
	size_t count;
};

/* Adds a test of the scenario; takes the name, which the suite keeps. */
static void
suite_add(struct suite *suite, CMUnitTestFunction test, const char *format,
	char *name)
{
	const char *place = strstr(format, "NAME");
	struct CMUnitTest *tests = allocate(suite->count + 1, sizeof *tests);

	if (suite->count > 0)
		memcpy(tests, suite->tests, suite->count * sizeof *tests);
	free(suite->tests);
	suite->tests = tests;
	suite->tests[suite->count++] = (struct CMUnitTest){
		.name = text_format("%.*s%s%s", (int)(place - format), format,
			name, place + strlen("NAME")),
		.test_func = test,
		.initial_state = name,
	};
}

static void
suite_fini(struct suite *suite)
{
	for (size_t i = 0; i < suite->count; i++) {
		free((char *)suite->tests[i].name);
		free(suite->tests[i].initial_state);
	}
	free(suite->tests);
}

static void
add_scenario(struct suite *suite, const char *name)
{
	suite_add(suite, a_scenario_has_a_transcript, "NAME_has_a_transcript",
		text_format("%s", name));
	suite_add(suite, it_is_checked, "NAME_is_checked",
		text_format("%s", name));
	suite_add(suite, memcheck_knows_it, "memcheck_knows_NAME",
		text_format("%s", name));
}

static void
add_test(struct suite *suite, const char *file)
{
	size_t length = strlen(prefix);

	if (strncmp(file, prefix, length) != 0)
		return;
	suite_add(suite, it_is_checked, "NAME_is_checked",
		text_format("%s", file + length));
	suite_add(suite, memcheck_knows_it, "memcheck_knows_NAME",
		text_format("%s", file));
}

static void
add_transcript(struct suite *suite, const char *name)
{
	suite_add(suite, a_transcript_has_a_scenario, "NAME_has_a_scenario",
		text_format("%s", name));
}

/* Calls add for every file in the folder, without its extension. */
static size_t
add_folder(struct suite *suite, const char *folder, const char *extension,
	void (*add)(struct suite *, const char *name))
{
	struct dirent **entries;
	int count = scandir(folder, &entries, NULL, alphasort);
	size_t added = 0;

	for (int i = 0; i < count; i++) {
		char *name = entries[i]->d_name;
		char *dot = strrchr(name, '.');

		if (dot && dot != name && strcmp(dot, extension) == 0) {
			*dot = '\0';
			add(suite, name);
			added++;
		}
		free(entries[i]);
	}
	if (count >= 0)
		free(entries);
	return added;
}

static int
suite_run(const char *name, struct suite *suite)
{
	int failures = _cmocka_run_group_tests(
		name, suite->tests, suite->count, NULL, NULL);

	suite_fini(suite);
	return failures != 0;
}

int
main(int argc, char **argv)
{
	struct suite suite = {0};

	if (argc == 2 && argv[1][0] != '-') {
		suite_add(&suite, a_scenario_is_accepted, "NAME_is_accepted",
			text_format("%s", argv[1]));
		suite_add(&suite, only_good_mutants_are_accepted,
			"only_good_mutants_of_NAME_are_accepted",
			text_format("%s", argv[1]));
	} else if (argc > 1) {
		fprintf(stderr, "usage: test_scenarios [NAME]\n");
		return 2;
	} else {
		add_folder(&suite, "expected", ".txt", add_transcript);
		add_folder(&suite, "tests", ".c", add_test);
		if (add_folder(&suite, "scenarios", ".c", add_scenario) == 0) {
			fprintf(stderr, "no scenario found in scenarios/\n");
			suite_fini(&suite);
			return 1;
		}
	}
	return suite_run("scenarios", &suite);
}
