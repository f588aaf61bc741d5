/*
 * test_documents.c - what README.md and docs/ say is true, as far as a program
 * can see.
 *
 *     test_documents       that no document is forgotten, and that each kind of
 *                          lie would be found
 *     test_documents FILE  one document
 *
 * claims.h says what is looked at.
 *
 * BUILD in the environment is the folder of the built programs, "build" if
 * unset. Commands that say build/ get that one.
 */

#include "claims.h"
#include "commands.h"
#include "drawing.h"
#include "excerpt.h"
#include "words.h"

#include <glob.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* The tree is the same for all tests: what a group sets up. */
static int
set_up(void **state)
{
	static struct tree tree;
	char *complaint = tree_read(&tree, build_folder());

	*state = &tree;
	if (complaint)
		print_error("%s\n", complaint);
	free(complaint);
	return complaint ? -1 : 0;
}

static int
tear_down(void **state)
{
	tree_fini(*state);
	return 0;
}

static const char *document_name;

static void
what_the_document_says_is_true(void **state)
{
	struct text text = {0}, complaints;

#ifdef __SANITIZE_THREAD__
	/* It keeps signals back, and with them what the documents show. */
	skip();
#endif
	if (text_read(&text, document_name) != 0)
		fail_msg("%s cannot be read; run this where it is",
			document_name);
	complaints = document_complaints(*state, document_name, &text);
	text_fini(&text);
	if (complaints.length > 0)
		fputs(complaints.bytes, stderr);
	assert_int_equal(complaints.length, 0);
}

static const char graph[] = "tests/graph.ninja";

/* Gives the target that this line of the graph belongs to; to be freed. */
static char *
target_of_line(const char *text, const char *line)
{
	static const char start[] = "\nbuild ";
	const char *target = text, *next;

	while ((next = strstr(target + 1, start)) && next < line)
		target = next;
	target += strlen(start);
	return text_format("%.*s", (int)strcspn(target, ":"), target);
}

/* Fails unless the log of a document is among those that are looked at. */
static void
must_be_counted(const char *list, const char *log, const char *file)
{
	char *entry = text_format("\n  %s ", log);

	if (!strstr(list, entry))
		fail_msg("%s: $b/test leaves out the log of %s", graph, file);
	free(entry);
}

static void
every_document_is_checked(void **state)
{
	struct text text = {0};
	const char *list;
	glob_t found;

	(void)state;
	assert_int_equal(text_read(&text, graph), 0);
	list = strstr(text.bytes, "build $b/test: report ");
	assert_non_null(list);
	assert_int_equal(glob("*.md", 0, NULL, &found), 0);
	assert_int_equal(glob("docs/*.md", GLOB_APPEND, NULL, &found), 0);
	for (size_t i = 0; i < found.gl_pathc; i++) {
		const char *file = found.gl_pathv[i];
		char *line = text_format("\n  arguments = %s\n", file), *log;
		const char *place = strstr(text.bytes, line);

		if (!place)
			fail_msg("%s has no line '  arguments = %s'", graph,
				file);
		log = target_of_line(text.bytes, place);
		must_be_counted(list, log, file);
		free(log);
		free(line);
	}
	globfree(&found);
	text_fini(&text);
}

/* What follows shows that the tests above can fail. */

/* Complaints of a document that says this contain that one; "": there is none.
 */
static void
must_complain(const struct tree *tree, const char *said, const char *complaint)
{
	struct text text = {0}, complaints;
	const char *made;

	text_printf(&text, "%s", said);
	complaints = document_complaints(tree, "a.md", &text);
	made = complaints.length > 0 ? complaints.bytes : "";
	if (*complaint ? !strstr(made, complaint) : *made != '\0')
		fail_msg("said:\n%s\nexpected:\n%s\ncame:\n%s", said, complaint,
			made);
	text_fini(&complaints);
	text_fini(&text);
}

static void
what_is_there_may_be_named(void **state)
{
	must_complain(*state,
		"`common/pool.h` and `common/`, `docs/*.md`, `/proc`\n"
		"`build/`, `build/transcript FILE`, `scenarios/NAME.c`\n"
		"`build.ninja`, `sh tests/demo.sh`\n"
		"`ninja`, `ninja demo`, `--limit SECONDS`, `TRY(call)`\n"
		"`result_get()`, `Tasks begin.`, `waits for tasks`\n",
		"");
}

static void
path_that_is_not_there_is_found(void **state)
{
	must_complain(*state, "\n`common/poll.h`\n",
		"a.md:2: there is no 'common/poll.h'\n");
	must_complain(*state, "\n    python3 docs/python/none.py\n",
		"a.md:2: there is no 'docs/python/none.py'\n");
	must_complain(*state, "`build/scenarios/silent`\n",
		"a.md:1: nothing builds 'build/scenarios/silent'\n");
	must_complain(*state, "`expected/NAME.text`\n",
		"a.md:1: there is no 'expected/fork_global.text'\n");
}

static void
target_that_is_not_there_is_found(void **state)
{
	must_complain(*state, "`ninja tests`\n",
		"a.md:1: ninja has no target 'tests'\n");
	must_complain(*state, "\n    ninja tes && build/transcript --help\n",
		"a.md:2: ninja has no target 'tes'\n");
}

static void
option_that_is_not_there_is_found(void **state)
{
	must_complain(*state, "`--task N`\n",
		"a.md:1: no program has an option '--task'\n");
	must_complain(*state, "`build/transcript --updates FILE`\n",
		"a.md:1: no program has an option '--updates'\n");
}

static void
name_that_is_not_there_is_found(void **state)
{
	must_complain(*state, "`result_got()`\n",
		"a.md:1: no header in common/ and no scenario has "
		"'result_got()'\n");
	must_complain(*state, "`zygot`\n",
		"a.md:1: 'zygot' stands nowhere in the sources\n");
	must_complain(*state, "`in encode_list [handler]`\n",
		"a.md:1: 'in encode_list [handler]' stands nowhere in the "
		"sources\n");
	must_complain(*state,
		"`in encode_list [handler]`\n\n"
		"    build/scenarios/get_reraise\n",
		"");
	must_complain(*state, "it `runs and never closes\n",
		"a.md:1: 'runs and never closes' stands nowhere in the "
		"sources\n");
}

static void
command_that_fails_is_found(void **state)
{
	must_complain(*state,
		"\n    build/scenarios/silent_failure --tasks 0\n",
		"a.md:2: 'build/scenarios/silent_failure --tasks 0' ended "
		"with exit 2, not with exit 0");
	must_complain(*state, "\n    diff LICENSE LICENSE\n",
		"a.md:2: 'diff LICENSE LICENSE' ended with exit 0, not with "
		"exit 1");
}

/* A command that prints two lines. */
static const char two_lines[] =
	"```\nbuild/scenarios/silent_failure --delay 0\n```\n";

static void
quotation_is_compared(void **state)
{
	char *right = text_format(
		"%s\n    Tasks  begin.\n    Tasks done.\n", two_lines);
	char *wrong = text_format(
		"%sso\n\n    Tasks begin.\n    Tasks end.\n", two_lines);
	char *turned = text_format(
		"%s```\nTasks done.\nTasks begin.\n```\n", two_lines);

	must_complain(*state, right, "");
	must_complain(*state, wrong,
		"a.md:6:   not printed in this place:\n  - Tasks end.\n");
	must_complain(*state, turned,
		"a.md:5:   not printed in this place:\n  - Tasks begin.\n");
	free(right);
	free(wrong);
	free(turned);
}

static void
quotation_of_nothing_is_found(void **state)
{
	must_complain(*state, "\n    Tasks begin.\n",
		"a.md:2: before this quotation stands no command");
	must_complain(*state, "\n    ninja demo\n\n    Tasks begin.\n",
		"a.md:4: before this quotation stands no command");
}

static void
diff_is_quoted_whole(void **state)
{
	static const char diff[] = "\n    diff -u scenarios/silent_failure.c "
				   "scenarios/get_reraise.c\n\n```diff\n";
	char *right = text_format("%s"
				  "-\tresult_wait(result, FOREVER);\n"
				  "+\tTRY(result_get(result, FOREVER, NULL));\n"
				  "```\n",
		diff);
	char *half = text_format(
		"%s+\tTRY(result_get(result, FOREVER, NULL));\n```\n", diff);
	char *wrong = text_format("%s"
				  "-\tresult_wait(result, 0);\n"
				  "+\tTRY(result_get(result, FOREVER, NULL));\n"
				  "```\n",
		diff);

	must_complain(*state, right, "");
	must_complain(*state, half,
		"a.md:2: '-\tresult_wait(result, FOREVER);' is left out of "
		"'diff -u ");
	must_complain(*state, wrong, "a.md:5:   not printed in this place:\n");
	free(right);
	free(half);
	free(wrong);
}

static void
diagram_is_quoted_whole(void **state)
{
	static const char commands[] =
		"\n    build/scenarios/silent_failure --delay 0 --tasks 1 "
		"--trace build/drawn.json\n"
		"    build/timeline --mermaid --only output "
		"build/drawn.json\n\n"
		"```mermaid\nsequenceDiagram\n    participant main as main\n";
	static const char begin[] = "    Note over main: \"Tasks begin.\"\n",
			  done[] = "    Note over main: \"Tasks done.\"\n";
	char *right = text_format("%s%s%s```\n", commands, begin, done);
	char *half = text_format("%s%s```\n", commands, begin);
	char *turned = text_format("%s%s%s```\n", commands, done, begin);

	must_complain(*state, right, "");
	must_complain(*state, half, "a.md:6:   not printed in this place:\n");
	must_complain(*state, turned, "a.md:6:   not printed in this place:\n");
	free(right);
	free(half);
	free(turned);
}

/* Whether the quotation stands in what was printed. */
static bool
stands_in(const char *quotation, const char *printed)
{
	struct text texts[2] = {{0}, {0}};
	char *difference;
	bool stands;

	text_printf(&texts[0], "%s", quotation);
	text_printf(&texts[1], "%s", printed);
	difference = excerpt_difference(&texts[0], &texts[1]);
	stands = !difference;
	free(difference);
	text_fini(&texts[0]);
	text_fini(&texts[1]);
	return stands;
}

static void
what_changes_between_runs_may_differ(void **state)
{
	(void)state;
	assert_true(stands_in("  main       pid 7     waits, for 3.0 s\n",
		"  main       pid 12345 waits, for 12.5 s\n"));
	assert_true(stands_in("by worker 2 (pid 7), 1.0 s ago\n",
		"by worker 14 (pid 88), 0.2 s ago\n"));
	assert_true(stands_in("2  1   35.6  main\n", "2 1 7.9 main\n"));
	assert_true(stands_in("Task 0 completed with 0.25\n",
		"Task 0 completed with 5e-05\n"));
	assert_true(stands_in("Task 1 waiting\nTask 0 waiting\nEnd.\n",
		"Task 0 waiting\nTask 1 waiting\nEnd.\n"));
	assert_true(stands_in(" 1     3.1  sleep\n       ...  |  |\n"
			      " 2   1 1004.5  |   wakes\n",
		" 1     0.9  sleep\n 2   1   10.6  |   wakes\n"));
	assert_true(
		stands_in("worker 1 pid 5 is stopped\nworker 2 pid 6 runs\n",
			"worker 1 pid 3 runs\nworker 2 pid 4 is stopped\n"));
}

static void
what_does_not_change_must_be_the_same(void **state)
{
	(void)state;
	assert_false(stands_in("main pid 7 waits\n", "main pid 7 runs\n"));
	assert_false(stands_in("woke 0; 4 began\n", "woke 1; 3 began\n"));
	assert_false(stands_in("Task 0 waiting\n", "Task 1 waiting\n"));
	assert_false(stands_in("condition 1\n", "condition 2\n"));
	assert_false(stands_in("2  1   35.6  main\n", "2 3 7.9 main\n"));
	assert_false(stands_in("2 1 0.5 | wakes\n", "2 1 0.5 wakes\n"));
	assert_false(stands_in("a\nc\n", "a\nb\nc\n"));
	assert_false(stands_in("Task 0\nTask 0\n", "Task 0\nTask 1\n"));
	assert_false(stands_in("b\na\n", "a\nb\n"));
	assert_false(stands_in("a\nb\n", "a\n"));
}

/* A diagram of two participants, with places for one more line at each end. */
static const char drawn[] = "sequenceDiagram\n"
			    "    participant main as main\n"
			    "    participant worker1 as worker 1\n"
			    "    Note over main: sleeps\n"
			    "    main->>worker1: woken\n"
			    "    Note over main: release\n"
			    "    Note over worker1: drew 0.25\n";

/* Whether this stands for the same diagram. */
static bool
is_drawn(const char *other)
{
	struct text texts[2] = {{0}, {0}};
	char *difference;
	bool same;

	text_printf(&texts[0], "%s", other);
	text_printf(&texts[1], "%s", drawn);
	difference = drawing_difference(&texts[0], &texts[1]);
	same = !difference;
	free(difference);
	text_fini(&texts[0]);
	text_fini(&texts[1]);
	return same;
}

/* The diagram with one part in the place of another. */
static bool
is_drawn_with(const char *part, const char *instead)
{
	const char *start = strstr(drawn, part);
	char *other;
	bool same;

	assert_non_null(start);
	other = text_format("%.*s%s%s", (int)(start - drawn), drawn, instead,
		start + strlen(part));
	same = is_drawn(other);
	free(other);
	return same;
}

static void
order_at_two_participants_may_differ(void **state)
{
	(void)state;
	assert_true(is_drawn(drawn));
	assert_true(is_drawn_with("0.25", "0.75"));
	assert_true(is_drawn_with("main->>worker1: woken\n"
				  "    Note over main: release\n",
		"Note over main: release\n    main->>worker1: woken\n"));
}

static void
diagram_that_shows_something_else_is_found(void **state)
{
	(void)state;
	assert_false(is_drawn_with("sequenceDiagram", "flowchart LR"));
	assert_false(is_drawn_with("as main", "as handler"));
	assert_false(is_drawn_with("woken", "notified"));
	assert_false(is_drawn_with("main->>", "worker2->>"));
	assert_false(is_drawn_with("    Note over main: sleeps\n", ""));
	assert_false(is_drawn_with("    Note over worker1: drew 0.25\n", ""));
	assert_false(is_drawn_with(
		"sleeps\n", "sleeps\n    Note over main: wakes\n"));
	assert_false(is_drawn_with("sleeps\n    main->>worker1: woken\n"
				   "    Note over main: release\n",
		"release\n    main->>worker1: woken\n"
		"    Note over main: sleeps\n"));
}

static void
diagram_of_no_command_is_found(void **state)
{
	must_complain(*state, "```mermaid\nflowchart LR\n  A --> B\n```\n", "");
	must_complain(*state, "```mermaid\nsequenceDiagram\n  A->>B: so\n```\n",
		"a.md:2: before this drawing stands no command with "
		"--mermaid\n");
}

/* What it prints after 0.2 s cannot come within its first limit. */
static void
command_that_hangs_gets_more_time(void **state)
{
	must_complain(*state,
		"\n    build/scenarios/fork_global --workers 1 --delay 0.2 "
		"--limit 0.1\n\n    Tasks begin.\n",
		"");
}

static void
packages_are_compared(void **state)
{
	static const char command[] =
		"\n    $(command -v sudo) apt-get install -y gcc bc\n";

	must_complain(*state, command,
		"a.md:2: 'ninja-build' is installed by .ci/run, but not "
		"here\n");
	must_complain(
		*state, command, "a.md:2: 'bc' is not installed by .ci/run\n");
}

static void
link_that_leads_nowhere_is_found(void **state)
{
	must_complain(*state,
		"[a](LICENSE) and [b](docs/tracing.md#the-file), [c](#d)\n"
		"[e](https://example.org/)\n",
		"");
	must_complain(*state, "[a](LICENSE) [b](docs/trace.md#the-file)\n",
		"a.md:1: a link leads to 'docs/trace.md', which is not "
		"there\n");
}

static void
rows_of_scenarios_are_compared(void **state)
{
	must_complain(*state,
		"| `get_reraise` | `Tasks begin.` and exit 1 | so |\n", "");
	must_complain(*state, "| `get_reraise` | `Tasks done.` | so |\n",
		"a.md:1: the transcript has no line 'Tasks done.' there\n");
	must_complain(*state, "| `get_reraise` | exit 0 | so |\n",
		"a.md:1: the transcript has another exit\n");
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(every_document_is_checked),
	cmocka_unit_test(what_is_there_may_be_named),
	cmocka_unit_test(path_that_is_not_there_is_found),
	cmocka_unit_test(target_that_is_not_there_is_found),
	cmocka_unit_test(option_that_is_not_there_is_found),
	cmocka_unit_test(name_that_is_not_there_is_found),
	cmocka_unit_test(command_that_fails_is_found),
	cmocka_unit_test(quotation_is_compared),
	cmocka_unit_test(quotation_of_nothing_is_found),
	cmocka_unit_test(diff_is_quoted_whole),
	cmocka_unit_test(diagram_is_quoted_whole),
	cmocka_unit_test(what_changes_between_runs_may_differ),
	cmocka_unit_test(what_does_not_change_must_be_the_same),
	cmocka_unit_test(order_at_two_participants_may_differ),
	cmocka_unit_test(diagram_that_shows_something_else_is_found),
	cmocka_unit_test(diagram_of_no_command_is_found),
	cmocka_unit_test(command_that_hangs_gets_more_time),
	cmocka_unit_test(packages_are_compared),
	cmocka_unit_test(link_that_leads_nowhere_is_found),
	cmocka_unit_test(rows_of_scenarios_are_compared),
};

static const struct CMUnitTest document_tests[] = {
	cmocka_unit_test(what_the_document_says_is_true),
};

int
main(int argc, char **argv)
{
	if (argc > 2 || (argc == 2 && argv[1][0] == '-')) {
		fprintf(stderr, "usage: test_documents [FILE]\n");
		return 2;
	}
	document_name = argv[1];
	if (argc == 2)
		return cmocka_run_group_tests_name(document_name,
			       document_tests, set_up, tear_down) != 0;
	return cmocka_run_group_tests_name(
		       "documents", tests, set_up, tear_down) != 0;
}
