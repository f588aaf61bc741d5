/*
 * reports.h - programs that hang, and what they say of it. For tests that run
 * IN_CHILD, so that a program's lost children become the test's.
 */
#ifndef FORKLORE_REPORTS_H
#define FORKLORE_REPORTS_H

#include "must.h"
#include "post.h"
#include "process.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* A program that runs, and the pipes to which it writes. */
struct program {
	pid_t pid;
	int out, err;
};

/* What it had written when all its processes had ended, and how it ended. */
struct outcome {
	char out[8192];
	char err[262144];
	int status;
};

/* For program_start(): what it does, and where it writes. */
struct beginning {
	child_main *run;
	void *context;
	int out, err;
};

static inline void
begin_program(void *context)
{
	const struct beginning *beginning = context;

	dup2(beginning->out, STDOUT_FILENO);
	dup2(beginning->err, STDERR_FILENO);
	beginning->run(beginning->context);
}

static inline struct program
program_start(child_main *run, void *context)
{
	struct post out = post_open(), err = post_open();
	struct beginning beginning = {run, context, out.ends[1], err.ends[1]};
	struct program program = {.out = out.ends[0], .err = err.ends[0]};

	program.pid = child_start(begin_program, &beginning);
	close(out.ends[1]);
	close(err.ends[1]);
	return program;
}

/* A child_main: becomes the command argv, the context. */
static inline void
run_command(void *context)
{
	char *const *argv = context;

	execv(argv[0], argv);
	_exit(127);
}

static inline void
read_to_the_end(int descriptor, char *text, size_t size)
{
	size_t length = strlen(text);
	ssize_t got;

	do {
		assert_true(length < size - 1);
		if (!becomes_readable(descriptor))
			fail_msg(
				"some process did not end; it said:\n%s", text);
		got = read(descriptor, text + length, size - 1 - length);
		assert_true(got >= 0);
		length += (size_t)got;
		text[length] = '\0';
	} while (got > 0);
	close(descriptor);
}

/* Waits for the end of a program and of all that it started. */
static inline void
program_end(const struct program *program, struct outcome *outcome)
{
	outcome->err[0] = '\0';
	read_to_the_end(program->err, outcome->err, sizeof(outcome->err));
	read_to_the_end(program->out, outcome->out, sizeof(outcome->out));
	outcome->status = child_wait(program->pid);
	while (waitpid(-1, NULL, 0) > 0 || errno == EINTR)
		;
	assert_int_equal(errno, ECHILD);
}

/* Runs a program to its end. */
static inline void
program_run(child_main *run, void *context, struct outcome *outcome)
{
	struct program program = program_start(run, context);

	outcome->out[0] = '\0';
	program_end(&program, outcome);
}

/* Reads what a program prints until it has said something so many times. */
static inline void
await_words(const struct program *program, const char *words, int times,
	struct outcome *outcome)
{
	size_t length = 0;
	int said = 0;

	while (said < times) {
		assert_true(length < sizeof(outcome->out) - 1);
		assert_true(becomes_readable(program->out));
		assert_int_equal(
			read(program->out, outcome->out + length, 1), 1);
		outcome->out[++length] = '\0';
		if (length >= strlen(words))
			said += strcmp(outcome->out + length - strlen(words),
					words) == 0;
	}
}

static inline int
compare_lines(const void *line, const void *other)
{
	return strcmp(*(char *const *)line, *(char *const *)other);
}

/* The processes stand in the order of their ids, which is luck. */
static inline void
sort_processes(char *text)
{
	char *copy = strdup(text), *to = text, *rest;
	char *lines[2048];
	size_t count = 0, last = 1;

	for (char *line = strtok_r(copy, "\n", &rest); line && count < 2048;
		line = strtok_r(NULL, "\n", &rest))
		lines[count++] = line;
	while (last < count && lines[last][0] == ' ')
		last++;
	if (last > 1)
		qsort(lines + 1, last - 1, sizeof(*lines), compare_lines);
	for (size_t i = 0; i < count; i++)
		to += sprintf(to, "%s\n", lines[i]);
	free(copy);
}

/* Whether a text begins with a time: "1.5 s". */
static inline bool
is_time(const char *text)
{
	size_t whole = strspn(text, "0123456789");
	size_t length = strspn(text, "0123456789.");

	return whole > 0 && whole < length &&
	       strncmp(text + length, " s", 2) == 0;
}

/*
 * Brings a report in a form that does not depend on luck: "pid P" for each
 * process, "T s" for each time, single spaces, the processes sorted.
 */
static inline void
make_literal(char *text)
{
	const char *from = text;
	char *to = text;

	while (*from) {
		if (strncmp(from, "pid ", 4) == 0) {
			from += 4 + strspn(from + 4, "0123456789");
			to = (char *)mempcpy(to, "pid P", 5);
		} else if (is_time(from)) {
			from += strspn(from, "0123456789.");
			*to++ = 'T';
		} else if (from[0] == ' ' && from[1] == ' ') {
			from++;
		} else {
			*to++ = *from++;
		}
	}
	*to = '\0';
	sort_processes(text);
}

/* Fails the test unless some line of a literal report is this one. */
static inline void
must_say(const struct outcome *outcome, const char *line)
{
	char *with_ends;

	assert_true(asprintf(&with_ends, "\n%s\n", line) > 0);
	if (!strstr(outcome->err, with_ends))
		fail_msg("no line '%s' in:\n%s", line, outcome->err);
	free(with_ends);
}

/* Fails the test unless a program died of a signal. */
static inline void
must_die_of(int signal, const struct outcome *outcome)
{
	if (!WIFSIGNALED(outcome->status) ||
		WTERMSIG(outcome->status) != signal)
		fail_msg("status %#x, after:\n%s", (unsigned)outcome->status,
			outcome->err);
}

/* Fails the test unless a program exited with a status. */
static inline void
must_exit(int status, const struct outcome *outcome)
{
	if (!WIFEXITED(outcome->status) ||
		WEXITSTATUS(outcome->status) != status)
		fail_msg("status %#x, after:\n%s", (unsigned)outcome->status,
			outcome->err);
}

#endif
