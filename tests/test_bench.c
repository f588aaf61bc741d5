/*
 * test_bench.c - that build/bench measures what it lists and prints it as it
 * says, what it says where something is missing, hangs or is wrong, and that
 * nothing of it is left. How fast anything was is none of its business. BUILD
 * in the environment is the folder of the built programs, "build" if unset.
 */
#include "hear.h"

#include "must.h"
#include "wire.h"

#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#define ARGUMENTS_LIMIT 6

/* How the program is called. */
struct call {
	char *arguments[ARGUMENTS_LIMIT];
	/* Where it finds others; NULL for where this program does. */
	const char *path;
	/* Where it runs, and prints; NULL for where this program does. */
	const char *folder, *output;
};

/* A place where there is no program. */
static const char nowhere[] = "/nonexistent";

static void
bench(void *context)
{
	const struct call *call = context;
	char *arguments[ARGUMENTS_LIMIT + 2] = {"bench"};
	char file[PATH_MAX + 8];

	for (int i = 0; i < ARGUMENTS_LIMIT; i++)
		arguments[i + 1] = call->arguments[i];
	if (call->path)
		setenv("PATH", call->path, 1);
	if (!realpath(build_folder(), file))
		_exit(1);
	strcat(file, "/bench");
	if (call->output)
		dup2(open(call->output, O_WRONLY), STDOUT_FILENO);
	if (call->folder && chdir(call->folder) < 0)
		_exit(1);
	execv(file, arguments);
}

/* Hears what it writes to a descriptor; ends when all of its processes did. */
static struct heard
hear_bench(int descriptor, struct call call)
{
	return hear(descriptor, bench, &call);
}

static void
must_exit_with(const struct heard *heard, int status)
{
	assert_true(WIFEXITED(heard->status));
	assert_int_equal(WEXITSTATUS(heard->status), status);
}

static bool
is_listed(const struct heard *list, const char *name)
{
	size_t length = strlen(name);
	const char *line = list->text;

	while (line) {
		if (strncmp(line, name, length) == 0 && line[length] == ' ')
			return true;
		line = strchr(line, '\n');
		line = line ? line + 1 : NULL;
	}
	return false;
}

/* A whole number or a real, not below 0. */
static bool
is_number(const char *text)
{
	char *end;
	double number = strtod(text, &end);

	return end > text && *end == '\0' && number >= 0;
}

/* Takes a row apart; gives how many fields it has. */
static int
split(char *row, char *fields[], int most)
{
	int count = 0;
	char *field;

	while ((field = strsep(&row, ",")))
		if (count++ < most)
			fields[count - 1] = field;
	return count;
}

/* Takes the first line off what was heard. */
static char *
next_line(char **rest)
{
	char *line = strsep(rest, "\n");

	return line && *line ? line : NULL;
}

static void
wrong_options_are_refused(void **state)
{
	static const struct {
		struct call call;
		const char *message;
	} wrong[] = {
		{{.arguments = {"--rounds", "0"}},
			"bench: --rounds: '0' is not a whole number from 1 to "
			"1000\n"},
		{{.arguments = {"--limit", "soon"}},
			"bench: --limit: 'soon' is not a number of seconds "
			"from 0.001 to 86400\n"},
		{{.arguments = {"--only", "speed"}},
			"bench: --only: 'speed' is not a name that --list "
			"gives\n"},
		{{.arguments = {"--growth", "--only", "map"}},
			"bench: --only: 'map' is not a name that --growth "
			"--list gives\n"},
		{{.arguments = {"fast"}},
			"bench: 'fast' is one word too many: there are only "
			"options, see --help\n"},
	};
	struct heard heard;

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		heard = hear_bench(STDERR_FILENO, wrong[i].call);
		must_exit_with(&heard, 2);
		assert_string_equal(heard.text, wrong[i].message);
	}
}

static void
row_must_be_sound(char *row, const struct heard *list)
{
	char *fields[8];

	assert_int_equal(split(row, fields, 8), 8);
	assert_true(is_listed(list, fields[0]));
	assert_true(is_number(fields[2]));
	assert_true(strlen(fields[1]) > 0);
	/* Where there is no peer, nothing stands. */
	for (int i = 4; i < 8; i++)
		if (strlen(fields[3]) > 0)
			assert_true(is_number(fields[i]));
		else
			assert_string_equal(fields[i], "");
}

/* Each that is listed has a row, since what has no peer has one, too. */
static void
rows_for_programs_have_their_fields(void **state)
{
	struct heard list = hear_bench(
		STDOUT_FILENO, (struct call){.arguments = {"--list"}});
	struct heard heard = hear_bench(
		STDOUT_FILENO, (struct call){.arguments = {"--quick", "--csv"},
				       .path = nowhere});
	char last[64] = "", *rest = heard.text, *row;
	size_t figures = 0, lines = 0;

	(void)state;
	must_exit_with(&list, 0);
	must_exit_with(&heard, 0);
	assert_string_equal(next_line(&rest),
		"name,unit,ours,peer,peer_value,ratio,low,high");
	while ((row = next_line(&rest))) {
		if (strncmp(row, last, strcspn(row, ",") + 1) != 0)
			figures++;
		snprintf(last, sizeof(last), "%.*s", (int)strcspn(row, ",") + 1,
			row);
		row_must_be_sound(row, &list);
	}
	for (const char *byte = list.text; *byte; byte++)
		lines += *byte == '\n';
	assert_true(lines > 0);
	assert_int_equal(figures, lines);
}

static void
rows_of_growth_have_their_fields(void **state)
{
	struct heard heard = hear_bench(STDOUT_FILENO,
		(struct call){.arguments = {"--growth", "--quick", "--csv",
				      "--only", "results"}});
	char *rest = heard.text, *row, *fields[7];
	int count = 0;

	(void)state;
	must_exit_with(&heard, 0);
	assert_string_equal(next_line(&rest), "name,of,n,unit,value,low,high");
	for (; (row = next_line(&rest)); count++) {
		assert_int_equal(split(row, fields, 7), 7);
		assert_string_equal(fields[0], "results");
		assert_true(is_number(fields[2]));
	}
	assert_int_equal(count, 2);
}

static void
cpython_is_a_peer(void **state)
{
	struct heard heard;

	(void)state;
	if (system("command -v python3 >/dev/null") != 0)
		skip();
	heard = hear_bench(
		STDOUT_FILENO, (struct call){.arguments = {"--quick", "--csv",
						     "--only", "condition"}});
	must_exit_with(&heard, 0);
	assert_non_null(strstr(heard.text, "\ncondition,ns,"));
	assert_non_null(strstr(heard.text, ",CPython,"));
}

static void
peers_that_are_missing_are_skipped_with_a_word(void **state)
{
	struct heard heard = hear_bench(STDERR_FILENO,
		(struct call){.arguments = {"--quick", "--only", "map"},
			.path = nowhere});

	(void)state;
	must_exit_with(&heard, 0);
	assert_string_equal(heard.text,
		"bench: map: CPython is skipped: there is no python3\n"
		"bench: map: Open MPI is skipped: there is no "
		"mpirun\n");
}

/* Says that it is ready, and is gone. */
static void
a_peer_that_ends_is_left_out(void **state)
{
	char folder[] = "/tmp/bench-XXXXXX", python[64];
	struct heard heard;
	FILE *file;

	(void)state;
	assert_non_null(mkdtemp(folder));
	snprintf(python, sizeof(python), "%s/python3", folder);
	file = fopen(python, "w");
	assert_non_null(file);
	fputs("#!/bin/sh\necho ready /nonexistent\n", file);
	fclose(file);
	assert_int_equal(chmod(python, 0700), 0);
	heard = hear_bench(STDERR_FILENO,
		(struct call){.arguments = {"--quick", "--only", "condition"},
			.path = folder});
	unlink(python);
	rmdir(folder);
	must_exit_with(&heard, 1);
	assert_string_equal(heard.text, "bench: condition: CPython is "
					"left out: it has ended\n");
}

static void
it_runs_in_no_other_folder(void **state)
{
	struct heard heard = hear_bench(
		STDERR_FILENO, (struct call){.arguments = {"--quick"},
				       .path = nowhere,
				       .folder = "/"});

	(void)state;
	must_exit_with(&heard, 2);
	assert_string_equal(heard.text, "bench: is to be run in the "
					"root of the repository, where "
					"bench/peer.py is\n");
}

static void
a_full_disk_is_told(void **state)
{
	struct heard heard =
		hear_bench(STDERR_FILENO, (struct call){.arguments = {"--list"},
						  .path = nowhere,
						  .output = "/dev/full"});

	(void)state;
	must_exit_with(&heard, 1);
	assert_string_equal(heard.text,
		"bench: not all could be written to standard output\n");
}

static void
what_hangs_is_named(void **state)
{
	struct heard heard = hear_bench(STDERR_FILENO,
		(struct call){
			{"--quick", "--only", "fork_global", "--limit", "0.1"},
			.path = nowhere});

	(void)state;
	must_exit_with(&heard, 1);
	assert_non_null(strstr(
		heard.text, "bench: fork_global: no end within 0.1 s\n"));
}

/* The process of a party that measures: its guard's child. */
static pid_t
await_measurer(pid_t bench_pid)
{
	pid_t guard, measurer;

	while (process_children(bench_pid, &guard, 1) == 0 ||
		process_children(guard, &measurer, 1) == 0)
		look_again_soon();
	return measurer;
}

/* All of its processes have the end of the wire with which it prints. */
static void
a_bench_that_is_killed_leaves_nothing(void **state)
{
	struct call call = {
		{"--quick", "--only", "fork_global"}, .path = nowhere};
	struct wire wire;
	pid_t pid;

	(void)state;
	wire_open(&wire);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		alarm((unsigned)CHILD_LIMIT);
		dup2(wire.out, STDOUT_FILENO);
		dup2(wire.out, STDERR_FILENO);
		bench(&call);
		_exit(1);
	}
	await_measurer(pid);
	child_kill(pid);
	close(wire.out);
	for (char bytes[512]; wire_is_readable(&wire, CHILD_LIMIT);)
		if (read(wire.in, bytes, sizeof(bytes)) <= 0) {
			close(wire.in);
			return;
		}
	fail_msg("some process goes on");
}

static void
shell(void *arguments)
{
	execv("/bin/sh", arguments);
}

static void
rows_that_are_none_are_not_drawn(void **state)
{
	char *arguments[] = {"sh", "bench/plot.sh", "bench", NULL};
	struct heard heard = hear(STDERR_FILENO, shell, arguments);

	(void)state;
	must_exit_with(&heard, 2);
	assert_string_equal(heard.text,
		"plot.sh: there is no bench/wanted.csv; measure.sh makes it\n");
}

/* Where they differ, it says how. */
static void
the_document_shows_what_was_measured(void **state)
{
	char *arguments[] = {"sh", "bench/report.sh", "--check", NULL};
	struct heard heard = hear(STDOUT_FILENO, shell, arguments);

	(void)state;
	assert_string_equal(heard.text, "");
	must_exit_with(&heard, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(wrong_options_are_refused),
		cmocka_unit_test(rows_for_programs_have_their_fields),
		cmocka_unit_test(rows_of_growth_have_their_fields),
		cmocka_unit_test(cpython_is_a_peer),
		cmocka_unit_test(
			peers_that_are_missing_are_skipped_with_a_word),
		cmocka_unit_test(a_peer_that_ends_is_left_out),
		cmocka_unit_test(it_runs_in_no_other_folder),
		cmocka_unit_test(a_full_disk_is_told),
		cmocka_unit_test(what_hangs_is_named),
		cmocka_unit_test(a_bench_that_is_killed_leaves_nothing),
		cmocka_unit_test(rows_that_are_none_are_not_drawn),
		cmocka_unit_test(the_document_shows_what_was_measured),
	};

	return cmocka_run_group_tests(tests, adopt_orphans, kill_orphans) != 0;
}
