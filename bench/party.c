#include "party.h"

#include "error.h"
#include "sys.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

/* How long who is asked to end may take, in seconds. */
#define GRACE 1

/* What a party says of its measurement. */
struct answer {
	bool failed;
	enum error_kind kind;
	double value;
	char message[480];
};

struct measurer {
	measure_function *measure;
	const struct trial *trial;
	int answers;
};

/* Waits for the end of the lifeline, and ends all of the party with itself. */
static void
guard_party(int lifeline)
{
	double deadline;
	char byte;

	signal(SIGTERM, SIG_IGN);
	while (read(lifeline, &byte, 1) < 0 && errno == EINTR)
		;
	kill(0, SIGTERM);
	deadline = sys_deadline(GRACE);
	while (waitpid(-1, NULL, WNOHANG) >= 0 && sys_remaining(deadline) > 0)
		sys_sleep(0.001);
	kill(0, SIGKILL);
}

static void
begin_party(int lifeline, void (*run)(void *context), void *context)
{
	struct error *error;
	pid_t pid;

	setsid();
	/* Who loses its parent becomes a child of the guard. */
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	error = sys_fork(-1, &pid);
	if (error || pid > 0) {
		error_free(error);
		/* Whoever waits for an answer sees the end of the stream. */
		lifeline = dup2(lifeline, STDERR_FILENO + 1);
		closefrom(lifeline + 1);
		guard_party(lifeline);
	}
	close(lifeline);
	run(context);
	_exit(0);
}

struct error *
party_start(struct party *party, void (*run)(void *context), void *context)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) < 0)
		return RAISE_ERRNO("pipe");
	party->lifeline = sys_private(ends[1]);
	TRY(sys_fork(-1, &party->guard));
	if (party->guard == 0)
		begin_party(ends[0], run, context);
	close(ends[0]);
	return NULL;
}

void
party_end(struct party *party)
{
	sys_close(party->lifeline);
	/* The guard ends with all, unless somebody else has killed it. */
	waitid(P_PID, (id_t)party->guard, NULL, WEXITED | WNOWAIT);
	kill(-party->guard, SIGKILL);
	/* Orphans of the party are children of this process by then. */
	while (waitpid(-party->guard, NULL, 0) > 0 || errno == EINTR)
		;
}

static void
run_measurer(void *context)
{
	const struct measurer *measurer = context;
	struct answer answer = {.failed = false};
	struct error *error;
	ssize_t sent;

	/* No process that is forked now keeps the stream from ending. */
	sys_private(measurer->answers);
	error = measurer->measure(measurer->trial, &answer.value);
	if (error) {
		answer.failed = true;
		answer.kind = error->kind;
		snprintf(answer.message, sizeof(answer.message), "%s",
			error->message);
	}
	sent = write(measurer->answers, &answer, sizeof(answer));
	_exit(sent != (ssize_t)sizeof(answer));
}

struct error *
party_await(int descriptor, double limit)
{
	struct pollfd entry = {.fd = descriptor, .events = POLLIN};
	double deadline = sys_deadline(limit);
	int ready;

	do
		ready = poll(&entry, 1, sys_remaining_milliseconds(deadline));
	while (ready < 0 && errno == EINTR);
	if (ready == 0)
		return RAISE(TimeoutError, "no end within %g s", limit);
	return NULL;
}

static struct error *
await_answer(int answers, double limit, double *value)
{
	struct answer answer;

	TRY(party_await(answers, limit));
	/* So little arrives whole. */
	if (read(answers, &answer, sizeof(answer)) != (ssize_t)sizeof(answer))
		return RAISE(RuntimeError, "ended without an answer");
	if (answer.failed)
		return RAISE(answer.kind, "%s", answer.message);
	*value = answer.value;
	return NULL;
}

struct error *
party_measure(measure_function *measure, const struct trial *trial,
	double limit, double *value)
{
	struct measurer measurer = {.measure = measure, .trial = trial};
	struct party party;
	struct error *error;
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) < 0)
		return RAISE_ERRNO("pipe");
	sys_private(ends[0]);
	measurer.answers = ends[1];
	error = TRACED(party_start(&party, run_measurer, &measurer));
	close(ends[1]);
	if (!error) {
		error = TRACED(await_answer(ends[0], limit, value));
		party_end(&party);
	}
	sys_close(ends[0]);
	return error;
}
