/*
 * test_transcript.c - the transcript checker as a program.
 *
 * TRANSCRIPT in the environment names the program, "build/transcript" if
 * unset. Everything happens in a temporary folder, in which "script" is what
 * the checker runs and "x.txt" is the transcript. What is to be seen of
 * processes is seen through a fifo that they hold open: once its end has come,
 * all of them are gone.
 */

#include "text.h"

#include <fcntl.h>
#include <ftw.h>
#include <glob.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { HANG = 300 }; /* seconds after which the tests are given up */

#define HELLO "== stdout\nhello\n== stderr\n== exit 0\n"
#define NOTHING "== stdout\n== stderr\n== exit 0\n"

static char folder[] = "/tmp/test_transcript.XXXXXX";
static int root; /* the folder to go back to */

static void
put(const char *file, const char *content)
{
	FILE *stream = fopen(file, "w");

	assert_non_null(stream);
	assert_true(fputs(content, stream) >= 0);
	assert_int_equal(fclose(stream), 0);
}

static void
assert_file(const char *file, const char *content)
{
	struct text text = {0};

	assert_int_equal(text_read(&text, file), 0);
	assert_string_equal(text.length > 0 ? text.bytes : "", content);
	text_fini(&text);
}

static void
assert_file_has(const char *file, const char *part)
{
	struct text text = {0};

	assert_int_equal(text_read(&text, file), 0);
	if (!strstr(text.length > 0 ? text.bytes : "", part))
		fail_msg("\"%s\" is not in %s:\n%s", part, file,
			text.length > 0 ? text.bytes : "");
	text_fini(&text);
}

/* Runs a command line in the shell, to the files out and err. */
static int
shell(const char *line)
{
	char *command = text_format("{ %s ; } >out 2>err", line);
	int status = system(command);

	free(command);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

/* Runs the checker on the transcript and the script. */
static int
check(const char *transcript, const char *script)
{
	put("x.txt", transcript);
	put("script", script);
	return shell("$TRANSCRIPT x.txt sh script");
}

static int
update(const char *script)
{
	put("script", script);
	return shell("$TRANSCRIPT --update x.txt sh script");
}

static void
assert_one_line_on_stderr(const char *part)
{
	struct text text = {0};

	assert_file("out", "");
	assert_file_has("err", part);
	assert_int_equal(text_read(&text, "err"), 0);
	assert_ptr_equal(
		strchr(text.bytes, '\n'), text.bytes + text.length - 1);
	text_fini(&text);
}

/* A fifo that can be read at once, whoever opens the other end. */
static int
open_fifo(void)
{
	int fifo;

	unlink("fifo");
	assert_int_equal(mkfifo("fifo", 0600), 0);
	fifo = open("fifo", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	assert_true(fifo >= 0);
	return fifo;
}

/* Nobody holds the other end any more: not even a read has to wait. */
static void
assert_all_gone(int fifo)
{
	char buffer[64];
	ssize_t length;

	while ((length = read(fifo, buffer, sizeof buffer)) > 0)
		;
	assert_int_equal(length, 0);
	close(fifo);
}

static void
a_match_is_silent(void **state)
{
	(void)state;
	assert_int_equal(check(HELLO, "echo hello"), 0);
	assert_file("out", "");
	assert_file("err", "");
	assert_int_equal(check("== stdout\n== stderr\noh\n== exit 3\n",
				 "echo oh >&2; exit 3"),
		0);
}

static void
a_difference_is_printed(void **state)
{
	(void)state;
	assert_int_equal(check(HELLO, "echo hallo"), 1);
	assert_file("out", "x.txt:2: stdout differs in line 1:\n"
			   "- hello\n+ hallo\n");
	assert_file("err", "");
	assert_int_equal(check(HELLO, "echo hello; exit 1"), 1);
	assert_file("out", "x.txt:4: the exit status differs:\n"
			   "- == exit 0\n+ == exit 1\n");
	assert_int_equal(check(HELLO, "printf hello"), 1);
	assert_file_has("out", "+ hello (no final newline)\n");
}

static void
the_signal_that_kills_is_named(void **state)
{
	(void)state;
	assert_int_equal(check("== stdout\n== stderr\n== killed SIGTERM\n",
				 "kill -TERM $$"),
		0);
	assert_int_equal(check("== stdout\n== stderr\n== killed SIGINT\n",
				 "kill -INT $$"),
		0);
	assert_int_equal(check(NOTHING, "kill -KILL $$"), 1);
	assert_file_has("out", "+ == killed SIGKILL\n");
}

static void
stdin_is_empty(void **state)
{
	(void)state;
	assert_int_equal(check(HELLO, "cat; echo hello"), 0);
}

static void
options_of_the_command_are_left_alone(void **state)
{
	(void)state;
	put("x.txt", "== stdout\n--limit --update -- --help\n"
		     "== stderr\n== exit 0\n");
	put("script", "echo \"$@\"");
	assert_int_equal(shell("$TRANSCRIPT --limit=60 x.txt sh script "
			       "--limit --update -- --help"),
		0);
}

static void
what_cannot_be_checked_is_said_in_one_line(void **state)
{
	static const struct {
		const char *line, *problem;
	} cases[] = {
		{"$TRANSCRIPT none.txt true", "none.txt: No such file"},
		{"$TRANSCRIPT . true", "Is a directory"},
		{"$TRANSCRIPT good.txt ./none", "cannot start ./none: No such"},
		{"$TRANSCRIPT good.txt ./good.txt", "Permission denied"},
		{"$TRANSCRIPT mark.txt true", "mark.txt:2: unknown mark"},
		{"$TRANSCRIPT part.txt true", "part.txt:2: the file ends"},
		{"$TRANSCRIPT", "needs a file and a command"},
		{"$TRANSCRIPT good.txt", "needs a file and a command"},
		{"$TRANSCRIPT --limit=0 good.txt true", "more than 0"},
		{"$TRANSCRIPT --limit=1s good.txt true", "not `1s'"},
		{"$TRANSCRIPT --limit=nan good.txt true", "not `nan'"},
		{"$TRANSCRIPT --update mark.txt true", "unknown mark"},
		{"$TRANSCRIPT --update good.txt ./none", "cannot start"},
		{"$TRANSCRIPT --update none/x.txt true", "cannot be written"},
		{"$TRANSCRIPT --update good.txt printf x",
			"stdout has no final newline"},
	};

	(void)state;
	put("good.txt", NOTHING);
	put("mark.txt", "== stdout\n[any]\n== stderr\n== exit 0\n");
	put("part.txt", "== stdout\n");
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		assert_int_equal(shell(cases[i].line), 2);
		assert_one_line_on_stderr(cases[i].problem);
	}
	assert_file("good.txt", NOTHING);
	assert_int_equal(shell("$TRANSCRIPT --bad good.txt true"), 2);
}

static void
help_and_version_are_given(void **state)
{
	(void)state;
	assert_int_equal(shell("$TRANSCRIPT --help"), 0);
	assert_file_has("out", "EXPECTED COMMAND [ARG...]");
	assert_int_equal(shell("$TRANSCRIPT --version"), 0);
	assert_file_has("out", "transcript");
}

static void
full_pipes_do_not_block(void **state)
{
	static const char script[] =
		"many() { head -c 1000000 /dev/zero | tr '\\0' x; echo; }\n"
		"many >&2; many; many >&2; many\n";

	(void)state;
	unlink("x.txt");
	assert_int_equal(update(script), 0);
	assert_int_equal(shell("$TRANSCRIPT x.txt sh script"), 0);
}

static void
endless_output_is_a_mismatch(void **state)
{
	(void)state;
	assert_int_equal(check(NOTHING, "yes >&2"), 1);
	assert_file_has("out", "wrote more than 16 MiB to stderr");
	assert_int_equal(update("yes"), 2);
	assert_one_line_on_stderr("too large for a transcript");
}

static void
the_limit_ends_the_command_and_its_descendants(void **state)
{
	int fifo = open_fifo();

	(void)state;
	put("x.txt", HELLO);
	put("script", "exec 9>fifo\n"
		      "sleep 1000 &\n"
		      "setsid sh -c 'sleep 1000 & setsid sleep 1000' &\n"
		      "trap '' TERM INT HUP\n"
		      "echo hello; wait; sleep 1000\n");
	assert_int_equal(shell("$TRANSCRIPT --limit=0.5 x.txt sh script"), 1);
	assert_file_has("out", "still ran after 0.5 s, and was killed");
	assert_all_gone(fifo);
}

static void
a_process_left_behind_is_waited_for(void **state)
{
	int fifo = open_fifo();

	(void)state;
	assert_int_equal(check("== stdout\nfirst\nlate\n== stderr\n"
			       "== exit 0\n",
				 "echo first\n"
				 "(setsid sh -c 'sleep 0.2; echo late') &\n"),
		0);
	assert_int_equal(
		check(NOTHING, "setsid sleep 0.2 >/dev/null 2>&1 9>fifo &"), 0);
	assert_all_gone(fifo);
}

static void
a_process_left_behind_for_good_is_a_mismatch(void **state)
{
	int fifo = open_fifo();

	(void)state;
	put("x.txt", HELLO);
	put("script", "exec 9>fifo\n"
		      "sleep 1000 >/dev/null 2>&1 &\n"
		      "setsid sleep 1000 &\n"
		      "echo hello\n");
	assert_int_equal(shell("$TRANSCRIPT --limit=2 x.txt sh script"), 1);
	assert_file("out",
		"x.txt: it left 2 processes behind, still there 2 s after "
		"the start, and killed\n");
	assert_all_gone(fifo);
}

/*
 * Starts the checker on the script, and waits until that says in the fifo that
 * it is ready: to open the fifo takes both sides.
 */
static pid_t
start_checker(int *fifo)
{
	const char *checker = getenv("TRANSCRIPT");
	char byte;
	pid_t pid;

	unlink("fifo");
	assert_int_equal(mkfifo("fifo", 0600), 0);
	pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		execl(checker, checker, "x.txt", "sh", "script", NULL);
		_exit(127);
	}
	assert_true(pid > 0);
	*fifo = open("fifo", O_RDONLY | O_CLOEXEC);
	assert_int_equal(read(*fifo, &byte, 1), 1);
	return pid;
}

static void
an_interrupted_checker_leaves_nothing(void **state)
{
	static const int signals[] = {SIGINT, SIGTERM, SIGHUP};

	(void)state;
	put("x.txt", NOTHING);
	put("script", "trap '' TERM INT HUP\n"
		      "exec 9>fifo\n"
		      "setsid sleep 1000 &\n"
		      "echo ready >&9; sleep 1000\n");
	for (int i = 0; i < 3; i++) {
		int fifo, status;
		pid_t pid = start_checker(&fifo);

		assert_int_equal(kill(pid, signals[i]), 0);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFSIGNALED(status));
		assert_int_equal(WTERMSIG(status), signals[i]);
		fcntl(fifo, F_SETFL, O_NONBLOCK);
		assert_all_gone(fifo);
	}
}

static void
a_killed_checker_takes_the_command_along(void **state)
{
	int fifo, status;
	pid_t pid;

	(void)state;
	put("x.txt", NOTHING);
	put("script", "exec 9>fifo; echo ready >&9; exec sleep 1000\n");
	pid = start_checker(&fifo);
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_all_gone(fifo); /* waits, as the death signal takes a moment */
}

static void
update_makes_a_file(void **state)
{
	(void)state;
	unlink("x.txt");
	assert_int_equal(update("echo hello; echo '[end]'; echo '<x>' >&2\n"
				"kill $$"),
		0);
	assert_file("x.txt", "== stdout\nhello\n\\[end]\n== stderr\n\\<x>\n"
			     "== killed SIGTERM\n");
	assert_file("out", "x.txt:\n+ == stdout\n+ hello\n+ \\[end]\n"
			   "+ == stderr\n+ \\<x>\n+ == killed SIGTERM\n");
	assert_int_equal(shell("$TRANSCRIPT x.txt sh script"), 0);
}

static void
update_leaves_a_good_file_alone(void **state)
{
	static const char old[] = "== stdout\n\\hello\n[any order]\nb\n"
				  "<unit>\n[end]\n  ...\n"
				  "== stderr\n== exit 0\n";

	(void)state;
	put("x.txt", old);
	assert_int_equal(update("echo hello; echo 0.5; echo b; echo '  x'"), 0);
	assert_file("out", "x.txt: nothing to change\n");
	assert_file("x.txt", old);
}

static void
update_keeps_what_still_matches(void **state)
{
	static const struct {
		const char *old, *script, *new, *changes;
	} cases[] = {
		{"a\nv <unit>\nc\n", "echo z; echo v 0.5; echo d",
			"z\nv <unit>\nd\n", "- a\n+ z\n- c\n+ d\n"},
		{"a\n  ...\nb\n", "echo a; echo '  x'; echo '  y'; echo c",
			"a\n  ...\nc\n", "- b\n+ c\n"},
		{"a\n  ...\nb\n", "echo a; echo b", "a\nb\n", "-   ...\n"},
		{"[any order]\n1 <unit>\n2 <unit>\n3 <unit>\n[end]\n",
			"echo 3 0.5; echo two; echo 1 0.5",
			"[any order]\n1 <unit>\ntwo\n3 <unit>\n[end]\n",
			"- 2 <unit>\n+ two\n"},
		{"[any order]\na\nb\nc\n[end]\nd\n",
			"echo c; echo a; echo x; echo b; echo d",
			"[any order]\na\nb\nc\nx\n[end]\nd\n", "+ x\n"},
		{"[any order]\na\nb\n[end]\nd\n", "echo y; echo x; echo d",
			"[any order]\ny\nx\n[end]\nd\n",
			"- a\n+ y\n- b\n+ x\n"},
		{"[any order]\na\nb\n[end]\nd\n", "echo d", "d\n",
			"- [any order]\n- a\n- b\n- [end]\n"},
		{"[any order]\na\nb\n[end]\n", "echo b; echo a; echo c",
			"[any order]\na\nb\n[end]\nc\n", "+ c\n"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		char *old = text_format(
			"== stdout\n%s== stderr\n== exit 0\n", cases[i].old);
		char *new = text_format(
			"== stdout\n%s== stderr\n== exit 0\n", cases[i].new);
		char *changes = text_format("x.txt:\n%s", cases[i].changes);

		put("x.txt", old);
		assert_int_equal(update(cases[i].script), 0);
		assert_file("x.txt", new);
		assert_file("out", changes);
		free(changes);
		free(new);
		free(old);
	}
}

static void
update_refuses_what_a_second_run_does_not_confirm(void **state)
{
	glob_t found;

	(void)state;
	put("x.txt", HELLO);
	put("runs", "");
	assert_int_equal(update("echo >>runs; echo run; cat runs"), 1);
	assert_file_has("out", "a second run differs");
	assert_file_has("out", "- (nothing more)\n+ (an empty line)\n");
	assert_file("x.txt", HELLO);
	assert_int_equal(glob("x.txt.*", 0, NULL, &found), GLOB_NOMATCH);
}

static void
update_refuses_a_run_in_trouble(void **state)
{
	(void)state;
	put("x.txt", HELLO);
	assert_int_equal(
		shell("$TRANSCRIPT --limit=0.1 --update x.txt sleep 1000"), 1);
	assert_file("out", "x.txt: not updated: it still ran after 0.1 s, and "
			   "was killed\n");
	assert_file("x.txt", HELLO);
}

static void
update_keeps_the_mode_of_the_file(void **state)
{
	struct stat status;

	(void)state;
	put("x.txt", HELLO);
	assert_int_equal(chmod("x.txt", 0640), 0);
	assert_int_equal(update("echo hi"), 0);
	assert_int_equal(stat("x.txt", &status), 0);
	assert_int_equal(status.st_mode & 0777, 0640);
}

static int
enter_folder(void **state)
{
	const char *program = getenv("TRANSCRIPT");
	char *path = realpath(program ? program : "build/transcript", NULL);

	(void)state;
	root = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (!path || root < 0 || !mkdtemp(folder) || chdir(folder) < 0 ||
		setenv("TRANSCRIPT", path, 1) < 0)
		return -1;
	free(path);
	/* What is ignored, as under nohup, would be inherited as such. */
	signal(SIGINT, SIG_DFL);
	signal(SIGTERM, SIG_DFL);
	signal(SIGHUP, SIG_DFL);
	alarm(HANG);
	return 0;
}

static int
remove_entry(const char *path, const struct stat *status, int type,
	struct FTW *place)
{
	(void)status;
	(void)type;
	(void)place;
	return remove(path);
}

static int
leave_folder(void **state)
{
	(void)state;
	if (fchdir(root) < 0)
		return -1;
	close(root);
	return nftw(folder, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_match_is_silent),
		cmocka_unit_test(a_difference_is_printed),
		cmocka_unit_test(the_signal_that_kills_is_named),
		cmocka_unit_test(stdin_is_empty),
		cmocka_unit_test(options_of_the_command_are_left_alone),
		cmocka_unit_test(what_cannot_be_checked_is_said_in_one_line),
		cmocka_unit_test(help_and_version_are_given),
		cmocka_unit_test(full_pipes_do_not_block),
		cmocka_unit_test(endless_output_is_a_mismatch),
		cmocka_unit_test(
			the_limit_ends_the_command_and_its_descendants),
		cmocka_unit_test(a_process_left_behind_is_waited_for),
		cmocka_unit_test(a_process_left_behind_for_good_is_a_mismatch),
		cmocka_unit_test(an_interrupted_checker_leaves_nothing),
		cmocka_unit_test(a_killed_checker_takes_the_command_along),
		cmocka_unit_test(update_makes_a_file),
		cmocka_unit_test(update_leaves_a_good_file_alone),
		cmocka_unit_test(update_keeps_what_still_matches),
		cmocka_unit_test(
			update_refuses_what_a_second_run_does_not_confirm),
		cmocka_unit_test(update_refuses_a_run_in_trouble),
		cmocka_unit_test(update_keeps_the_mode_of_the_file),
	};

	return cmocka_run_group_tests(tests, enter_folder, leave_folder) != 0;
}
