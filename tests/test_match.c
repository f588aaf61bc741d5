/* test_match.c - what a transcript accepts, what it rejects, and its errors. */

#include "capture.h"
#include "match.h"
#include "pattern.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static struct text
text_of(const char *string)
{
	struct text text = {0};

	text_add(&text, string, strlen(string));
	return text;
}

/* Gives the difference, which the caller frees, or NULL. */
static char *
compare(const char *source, const char *out, const char *err, int status)
{
	struct text text = text_of(source);
	struct outcome outcome = {
		.streams = {text_of(out), text_of(err)}, .status = status};
	char *complaint = NULL, *difference;
	struct transcript *transcript =
		transcript_parse("x.txt", &text, &complaint);

	if (!transcript)
		fail_msg("%s", complaint);
	difference = transcript_difference(transcript, &outcome);
	transcript_free(transcript);
	outcome_fini(&outcome);
	text_fini(&text);
	return difference;
}

static bool
agrees(const char *source, const char *out, const char *err, int status)
{
	char *difference = compare(source, out, err, status);
	bool agrees = difference == NULL;

	free(difference);
	return agrees;
}

/* Tells whether these lines of a transcript stand for this stdout. */
static bool
fits(const char *lines, const char *out)
{
	struct text source = text_of("== stdout\n");
	bool result;

	text_printf(&source, "%s== stderr\n== exit 0\n", lines);
	result = agrees(source.bytes, out, "", 0);
	text_fini(&source);
	return result;
}

static void
lines_match_whole_and_to_the_byte(void **state)
{
	(void)state;
	assert_true(fits("", ""));
	assert_true(fits("a\n\nb\n", "a\n\nb\n"));
	assert_true(fits("caf\xc3\xa9\t\r\n", "caf\xc3\xa9\t\r\n"));
	assert_false(fits("a\n", ""));
	assert_false(fits("", "a\n"));
	assert_false(fits("", "\n"));
	assert_false(fits("a\n", "a"));
	assert_false(fits("a\n", "a\n\n"));
	assert_false(fits("a\n", "a\nb"));
	assert_false(fits("a\n", "A\n"));
	assert_false(fits("a\n", " a\n"));
	assert_false(fits("a\n", "a \n"));
	assert_false(fits("a\n", "a\r\n"));
	assert_false(fits("a\nb\n", "b\na\n"));
	assert_false(fits("a\n", "a\na\n"));
}

static void
lines_with_a_nul_match_to_the_byte(void **state)
{
	static const char source[] = "== stdout\na\0b\n== stderr\n== exit 0\n";
	struct text text = {0};
	struct outcome outcome = {0};
	char *complaint, *difference;
	struct transcript *transcript;

	(void)state;
	text_add(&text, source, sizeof source - 1);
	transcript = transcript_parse("x.txt", &text, &complaint);
	assert_non_null(transcript);
	text_add(&outcome.streams[0], "a\0b\n", 4);
	assert_null(transcript_difference(transcript, &outcome));
	outcome.streams[0].bytes[2] = 'c';
	difference = transcript_difference(transcript, &outcome);
	assert_non_null(strstr(difference, "+ a\\x00c (with escapes)\n"));
	free(difference);
	transcript_free(transcript);
	outcome_fini(&outcome);
	text_fini(&text);
}

static void
units_are_numbers_as_python_prints_them(void **state)
{
	static const char *const good[] = {"0.0", "0.5", "0.1", "0.0001",
		"0.00012", "5e-05", "9.999e-05", "1e-10", "1e-100", "5e-324",
		"0.032243443984690034", "0.30000000000000004",
		"0.9999999999999999", "5.684341886080802e-14",
		"2.2250738585072014e-308", "1.1102230246251565e-16"};
	static const char *const bad[] = {"", "0", ".5", "0.", "1", "1.0",
		"1.5", "-0.25", "-0.0", "+0.5", "nan", "inf", "00.5", "0.50",
		"0.00", "0.00001", "0.1000000000000000055", "0.5e-05", "5e-5",
		"5e-04", "5e-005", "5E-05", "5.0e-05", "5e05",
		"0.99999999999999999", "1e-400", "0x0.8p0", " 0.5", "0.5 ",
		"0,5", "5e-", "e-05", "0.0.5", "0.10000000000000001",
		"0.99999999999999994448884876874"};

	(void)state;
	for (size_t i = 0; i < COUNT(good); i++)
		if (!is_unit(good[i], strlen(good[i])))
			fail_msg("rejects %s", good[i]);
	for (size_t i = 0; i < COUNT(bad); i++)
		if (is_unit(bad[i], strlen(bad[i])))
			fail_msg("accepts %s", bad[i]);
}

static void
units_stand_anywhere_in_a_line(void **state)
{
	(void)state;
	assert_true(fits("<unit>\n", "0.5\n"));
	assert_true(fits("a <unit>.\n", "a 0.5.\n"));
	assert_true(fits("a <unit>5\n", "a 0.255\n"));
	assert_true(fits("<unit> to <unit>!\n", "0.0 to 5e-05!\n"));
	assert_true(fits("<unit><unit>\n", "0.10.2\n"));
	assert_true(fits("<<unit>>\n", "<0.5>\n"));
	assert_false(fits("a <unit>\n", "a <unit>\n"));
	assert_false(fits("a <unit>\n", "a \n"));
	assert_false(fits("a <unit>\n", "a 1.0\n"));
	assert_false(fits("a <unit>\n", "a 0.5 \n"));
	assert_false(fits("a <unit>\n", "a 0.5"));
	assert_false(fits("<unit> to <unit>\n", "0.5 to \n"));
	assert_false(fits("<unit><unit>\n", "0.1\n"));
}

static void
what_is_no_word_in_brackets_stands_for_itself(void **state)
{
	(void)state;
	assert_true(fits("<> < unit> <Unit> <UNIT> <3> a<b\n",
		"<> < unit> <Unit> <UNIT> <3> a<b\n"));
	assert_true(fits("a [end]\n[end] b\n==\n===== x\n==x\n",
		"a [end]\n[end] b\n==\n===== x\n==x\n"));
	assert_true(fits(" ...\n  ....\n", " ...\n  ....\n"));
}

static void
a_backslash_takes_the_rest_to_the_letter(void **state)
{
	(void)state;
	assert_true(fits("\\[any order]\n\\[x]\n\\[end]\n",
		"[any order]\n[x]\n[end]\n"));
	assert_true(fits("\\== stderr\n\\\n\\\\\n", "== stderr\n\n\\\n"));
	assert_true(fits("\\a <unit> <module>\n", "a <unit> <module>\n"));
	assert_false(fits("\\a <unit>\n", "a 0.5\n"));
	assert_true(fits("\\  ...\n", "  ...\n"));
	assert_false(fits("\\  ...\n", "  a frame\n"));
	assert_false(fits("\\a\n", "\\a\n"));
	assert_true(fits("[any order]\n\\[end]\n\\  ...\na\n[end]\n",
		"a\n  ...\n[end]\n"));
}

static void
dots_stand_for_one_or_more_indented_lines(void **state)
{
	(void)state;
	assert_true(fits("a\n  ...\nb\n", "a\n  x\nb\n"));
	assert_true(fits("a\n  ...\nb\n", "a\n  x\n    y\n  z\nb\n"));
	assert_true(fits("  ...\n", "  ...\n"));
	assert_false(fits("a\n  ...\nb\n", "a\nb\n"));
	assert_false(fits("a\n  ...\nb\n", "a\n x\nb\n"));
	assert_false(fits("a\n  ...\nb\n", "a\n  x\n\nb\n"));
	assert_false(fits("a\n  ...\nb\n", "a\n  x\nc\n"));
	assert_false(fits("  ...\n", "  x"));
}

static void
dots_leave_indented_lines_to_those_who_need_them(void **state)
{
	(void)state;
	assert_true(fits("  ...\n  last\n", "  a\n  b\n  last\n"));
	assert_true(fits("  ...\n  ...\n", "  a\n  b\n"));
	assert_true(fits("  ...\n  m\n  ...\n", "  m\n  m\n  m\n"));
	assert_true(fits(
		"  ...\n[any order]\n  x\n  y\n[end]\n", "  a\n  y\n  x\n"));
	assert_false(fits("  ...\n  ...\n", "  a\n"));
	assert_false(fits("  ...\n  last\n", "  last\n"));
}

static void
a_block_takes_its_lines_in_any_order(void **state)
{
	static const char block[] = "x\n[any order]\na\nb\nc\n[end]\ny\n";

	(void)state;
	assert_true(fits(block, "x\na\nb\nc\ny\n"));
	assert_true(fits(block, "x\na\nc\nb\ny\n"));
	assert_true(fits(block, "x\nb\na\nc\ny\n"));
	assert_true(fits(block, "x\nb\nc\na\ny\n"));
	assert_true(fits(block, "x\nc\na\nb\ny\n"));
	assert_true(fits(block, "x\nc\nb\na\ny\n"));
	assert_false(fits(block, "x\na\nb\nb\ny\n"));
	assert_false(fits(block, "x\na\nb\ny\n"));
	assert_false(fits(block, "x\na\nb\nc\nc\ny\n"));
	assert_false(fits(block, "a\nx\nb\nc\ny\n"));
	assert_false(fits(block, "x\na\nb\ny\nc\n"));
	assert_false(fits(block, "x\na\nb\nc\n"));
	assert_false(fits("[any order]\na\n[end]\n", "a"));
}

static void
overlapping_patterns_are_paired_whatever_came_first(void **state)
{
	static const char pair[] = "[any order]\n<unit>\n0.5\n[end]\n";
	static const char chain[] =
		"[any order]\n<unit><unit>\n0.<unit>\n0.0.5\n[end]\n";

	(void)state;
	assert_true(fits(pair, "0.5\n0.25\n"));
	assert_true(fits(pair, "0.25\n0.5\n"));
	assert_true(fits(pair, "0.5\n0.5\n"));
	assert_false(fits(pair, "0.25\n0.25\n"));
	assert_true(fits("[any order]\n0.5\n<unit>\n[end]\n", "0.5\n0.25\n"));
	assert_true(fits(chain, "0.0.5\n0.0.25\n0.10.2\n"));
	assert_true(fits(chain, "0.10.2\n0.0.5\n0.0.25\n"));
	assert_false(fits(chain, "0.10.2\n0.10.2\n0.0.5\n"));
	assert_true(fits("[any order]\na\na\nb\n[end]\n", "a\nb\na\n"));
	assert_false(fits("[any order]\na\na\nb\n[end]\n", "a\nb\nb\n"));
}

static void
the_streams_are_not_confused(void **state)
{
	static const char source[] = "== stdout\na\n== stderr\nb\n== exit 0\n";

	(void)state;
	assert_true(agrees(source, "a\n", "b\n", 0));
	assert_false(agrees(source, "b\n", "a\n", 0));
	assert_false(agrees(source, "a\nb\n", "", 0));
	assert_false(agrees(source, "a\n", "", 0));
}

static void
the_exit_status_counts(void **state)
{
	static const char source[] = "== stdout\n== stderr\n== ";
	static const struct {
		const char *end;
		int status;
	} ends[] = {
		{"exit 0\n", W_EXITCODE(0, 0)},
		{"exit 1\n", W_EXITCODE(1, 0)},
		{"exit 255\n", W_EXITCODE(255, 0)},
		{"killed SIGKILL\n", W_EXITCODE(0, 9)},
		{"killed SIGTERM\n", W_EXITCODE(0, 15)},
		{"killed SIGHUP\n", W_EXITCODE(0, 1)},
		{"killed 40\n", W_EXITCODE(0, 40)},
	};
	struct text text = {0};

	(void)state;
	for (size_t i = 0; i < COUNT(ends); i++)
		for (size_t k = 0; k < COUNT(ends); k++) {
			text_printf(&text, "%s%s", source, ends[i].end);
			assert_int_equal(
				agrees(text.bytes, "", "", ends[k].status),
				i == k);
			text_fini(&text);
		}
	assert_true(agrees("== stdout\n== stderr\n== killed SIGABRT\n", "", "",
		W_EXITCODE(0, 6) | WCOREFLAG));
}

static void
differences_can_be_read(void **state)
{
	static const struct {
		const char *lines, *out, *difference;
	} cases[] = {
		{"a\nb\n", "a\nc\n",
			"x.txt:3: stdout differs in line 2:\n"
			"- b\n+ c\n"},
		{"a\nb\n", "a\n",
			"x.txt:3: stdout differs in line 2:\n"
			"- b\n+ (nothing more)\n"},
		{"a\n", "a\nb\n",
			"x.txt:3: stdout differs in line 2:\n"
			"- (nothing more)\n+ b\n"},
		{"a\n", "a",
			"x.txt:2: stdout differs in line 1:\n"
			"- a\n+ a (no final newline)\n"},
		{"a\n", "a \n",
			"x.txt:2: stdout differs in line 1:\n"
			"- a\n+ a\\x20 (with escapes)\n"},
		{"a\\tb\n", "a\tb\n",
			"x.txt:2: stdout differs in line 1:\n"
			"- a\\tb\n+ a\\tb (with escapes)\n"},
		{"a\n", "\n",
			"x.txt:2: stdout differs in line 1:\n"
			"- a\n+ (an empty line)\n"},
		{"\\[end]\n", "\x1b[0m\\\n",
			"x.txt:2: stdout differs in line 1:\n"
			"- [end]\n+ \\x1b[0m\\\\ (with escapes)\n"},
		{"x\n  ...\nb\n", "x\n  1\n  2\nc\n",
			"x.txt:4: stdout differs in line 4:\n- b\n+ c\n"},
		{"[any order]\na\nb\nc\n[end]\n", "c\nd\na\n",
			"x.txt:4: stdout differs in line 2, in a block of "
			"lines in any order:\n- b\n+ d\n"},
		{"v <unit>\n", "v 1.0\n",
			"x.txt:2: stdout differs in line 1:\n- v <unit>\n"
			"+ v 1.0\n(<unit> stands for a number in [0, 1) as "
			"Python prints it)\n"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		char *source = text_format("== stdout\n%s== stderr\n"
					   "== exit 0\n",
			cases[i].lines);
		char *difference = compare(source, cases[i].out, "", 0);

		assert_non_null(difference);
		assert_string_equal(difference, cases[i].difference);
		free(difference);
		free(source);
	}
}

static void
the_first_difference_notes_the_others(void **state)
{
	static const char source[] = "== stdout\na\n== stderr\n== exit 0\n";
	static const struct {
		const char *out, *err;
		int status;
		const char *difference;
	} cases[] = {
		{"b\n", "x\nError: y\n", W_EXITCODE(1, 0),
			"x.txt:2: stdout differs in line 1:\n- a\n+ b\n"
			"(stderr differs too; its last line: Error: y)\n"
			"(the exit status differs too: `== exit 1`, not "
			"`== exit 0`)\n"},
		{"a\n", "x\n", W_EXITCODE(0, 9),
			"x.txt:4: stderr differs in line 1:\n"
			"- (nothing more)\n+ x\n"
			"(the exit status differs too: `== killed SIGKILL`, "
			"not `== exit 0`)\n"},
		{"a\n", "", W_EXITCODE(3, 0),
			"x.txt:4: the exit status differs:\n"
			"- == exit 0\n+ == exit 3\n"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		char *difference = compare(
			source, cases[i].out, cases[i].err, cases[i].status);

		assert_non_null(difference);
		assert_string_equal(difference, cases[i].difference);
		free(difference);
	}
}

/* Each mistake, and what the complaint has to say of it. */
static const struct {
	const char *source, *place, *problem, *remedy;
} mistakes[] = {
	{"", "x.txt:1: ", "file ends", "`== stdout`"},
	{"a\n", "x.txt:1: ", "`a`", "`== stdout`"},
	{"== stderr\n== exit 0\n", "x.txt:1: ", "`== stderr`", "`== stdout`"},
	{"== stdout\n", "x.txt:2: ", "file ends", "`== stderr`"},
	{"== stdout\n== stdout\n", "x.txt:2: ", "`== stdout`", "`== stderr`"},
	{"== stdout\n== exit 0\n", "x.txt:2: ", "`== exit 0`", "`== stderr`"},
	{"== stdout\na\n== stder\n", "x.txt:3: ", "`== stder`", "`== stderr`"},
	{"== stdout \n", "x.txt:1: ", "`== stdout\\x20 ", "`== stdout`"},
	{"== stdout\r\n", "x.txt:1: ", "`== stdout\\r ", "`== stdout`"},
	{"== stdout\n== stderr\n", "x.txt:3: ", "file ends", "`== exit N`"},
	{"== stdout\n== stderr\n== stderr\n", "x.txt:3: ", "`== stderr`",
		"`== exit N`"},
	{"== stdout\n== stderr\n== exit 256\n", "x.txt:3: ", "`== exit 256`",
		"from 0 to 255"},
	{"== stdout\n== stderr\n== exit 00\n", "x.txt:3: ", "`== exit 00`",
		"from 0 to 255"},
	{"== stdout\n== stderr\n== killed KILL\n",
		"x.txt:3: ", "`== killed KILL`", "SIGNAME"},
	{"== stdout\n== stderr\n== exit 0", "x.txt:3: ", "last line",
		"newline"},
	{"== stdout\n== stderr\n== exit 0\n\n",
		"x.txt:4: ", "`(an empty line)`", "nothing may follow"},
	{"== stdout\n== stderr\n== exit 0\n== exit 0\n",
		"x.txt:4: ", "`== exit 0`", "nothing may follow"},
	{"== stdout\n[any oder]\n", "x.txt:2: ", "unknown mark `[any oder]`",
		"`[any order]`"},
	{"== stdout\n[]\n", "x.txt:2: ", "unknown mark `[]`", "backslash"},
	{"== stdout\n[any order]\n[a]\n", "x.txt:3: ", "unknown mark `[a]`",
		"`[end]`"},
	{"== stdout\nx <units> y\n", "x.txt:2: ", "unknown mark `<units>`",
		"`<unit>`"},
	{"== stdout\n<unit> <any-2>\n", "x.txt:2: ", "unknown mark `<any-2>`",
		"`<unit>`"},
	{"== stdout\n== stderr\n<module>\n", "x.txt:3: ", "`<module>`",
		"backslash"},
	{"== stdout\n[end]\n", "x.txt:2: ", "`[end]` that closes nothing",
		"`[any order]`"},
	{"== stdout\n[any order]\na\n", "x.txt:2: ", "never closed", "`[end]`"},
	{"== stdout\n[any order]\na\n== stderr\n", "x.txt:2: ", "never closed",
		"before line 4"},
	{"== stdout\n[any order]\na\n[any order]\n",
		"x.txt:4: ", "inside another", "`[end]`"},
	{"== stdout\n[any order]\n[end]\n", "x.txt:2: ", "no lines",
		"has to contain some"},
	{"== stdout\n[any order]\na\n  ...\n[end]\n",
		"x.txt:4: ", "`  ...` inside a block", "outside"},
};

static void
every_mistake_is_named_with_its_remedy(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(mistakes); i++) {
		struct text text = text_of(mistakes[i].source);
		char *complaint = NULL;

		assert_null(transcript_parse("x.txt", &text, &complaint));
		assert_non_null(complaint);
		if (strstr(complaint, mistakes[i].place) != complaint ||
			!strstr(complaint, mistakes[i].problem) ||
			!strstr(complaint, mistakes[i].remedy) ||
			strchr(complaint, '\n'))
			fail_msg("of \"%s\" it says: %s", mistakes[i].source,
				complaint);
		free(complaint);
		text_fini(&text);
	}
}

/* What an update writes for a line of output has to stand for that line. */
static void
lines_that_look_like_marks_need_a_backslash(void **state)
{
	static const char *const marks[] = {"\\", "\\a", "== x", "[end]",
		"[any order]", "[x]", "  ...", "a <unit>", "<module>"};
	static const char *const plain[] = {
		"", "a", "=== x", "[x] y", " ...", "<X>", "a [x]", "a\\"};

	(void)state;
	for (size_t i = 0; i < COUNT(marks); i++) {
		struct line line = {marks[i], strlen(marks[i]), true};

		assert_true(line_needs_backslash(&line));
	}
	for (size_t i = 0; i < COUNT(plain); i++) {
		struct line line = {plain[i], strlen(plain[i]), true};

		assert_false(line_needs_backslash(&line));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_match_whole_and_to_the_byte),
		cmocka_unit_test(lines_with_a_nul_match_to_the_byte),
		cmocka_unit_test(units_are_numbers_as_python_prints_them),
		cmocka_unit_test(units_stand_anywhere_in_a_line),
		cmocka_unit_test(what_is_no_word_in_brackets_stands_for_itself),
		cmocka_unit_test(a_backslash_takes_the_rest_to_the_letter),
		cmocka_unit_test(dots_stand_for_one_or_more_indented_lines),
		cmocka_unit_test(
			dots_leave_indented_lines_to_those_who_need_them),
		cmocka_unit_test(a_block_takes_its_lines_in_any_order),
		cmocka_unit_test(
			overlapping_patterns_are_paired_whatever_came_first),
		cmocka_unit_test(the_streams_are_not_confused),
		cmocka_unit_test(the_exit_status_counts),
		cmocka_unit_test(differences_can_be_read),
		cmocka_unit_test(the_first_difference_notes_the_others),
		cmocka_unit_test(every_mistake_is_named_with_its_remedy),
		cmocka_unit_test(lines_that_look_like_marks_need_a_backslash),
	};

	return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
