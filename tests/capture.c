/*
 * capture.c - see capture.h.
 *
 * As a subreaper this process inherits every orphan among the command's
 * descendants. So while any of them lives, it has a child; and once
 * waitpid says that there is none, all have ended, and what they wrote is in
 * the pipes. Signals come through a descriptor, so that one poll waits for
 * everything there is to wait for: output, ends, interruptions, the limit.
 */

#include "capture.h"

#include "children.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* stdout's and stderr's pipe, and one for the errno of a failed start. */
enum { REPORT = 2, PIPES = 3 };

struct capture {
	struct outcome *outcome;
	pid_t command;
	bool ended;             /* the command, though maybe not the others */
	int streams[2];         /* read ends, -1 after the end of file */
	int signals;            /* SIGCHLD, and those that interrupt */
	sigset_t watched, mask; /* the same, and the caller's mask */
	double limit, deadline; /* in seconds: length, point in time */
};

static double
now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

/* A signal that is ignored, as under nohup, stays ignored. */
static void
watch_signals(struct capture *capture)
{
	static const int interruptions[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
	struct sigaction action;

	sigemptyset(&capture->watched);
	sigaddset(&capture->watched, SIGCHLD);
	for (int i = 0; i < 4; i++) {
		sigaction(interruptions[i], NULL, &action);
		if (action.sa_handler != SIG_IGN)
			sigaddset(&capture->watched, interruptions[i]);
	}
	/* Ignored, it would make the children vanish without a status. */
	signal(SIGCHLD, SIG_DFL);
	sigprocmask(SIG_BLOCK, &capture->watched, &capture->mask);
	capture->signals = signalfd(-1, &capture->watched, SFD_CLOEXEC);
}

/* In the child: becomes the command, or reports the errno and ends. */
_Noreturn static void
become_command(const struct capture *capture, int pipes[PIPES][2],
	char *const argv[], pid_t parent)
{
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	int error;

	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent) /* which died before it could be noticed */
		_exit(2);
	if (null >= 0 && dup2(null, 0) >= 0 && dup2(pipes[0][1], 1) >= 0 &&
		dup2(pipes[1][1], 2) >= 0) {
		sigprocmask(SIG_SETMASK, &capture->mask, NULL);
		execvp(argv[0], argv);
	}
	error = errno;
	if (write(pipes[REPORT][1], &error, sizeof error) < 0)
		_exit(3);
	_exit(2);
}

static void
close_end(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

/* Starts the command; gives an errno, or 0 once it runs. */
static int
start_in_pipes(struct capture *capture, int pipes[PIPES][2], char *const argv[])
{
	pid_t parent = getpid();
	int error = 0;

	for (int i = 0; i < PIPES; i++)
		if (pipe2(pipes[i], O_CLOEXEC) < 0)
			return errno;
	for (int i = 0; i < 2; i++)
		fcntl(pipes[i][0], F_SETFL, O_NONBLOCK);
	capture->command = fork();
	if (capture->command < 0)
		return errno;
	if (capture->command == 0)
		become_command(capture, pipes, argv, parent);
	for (int i = 0; i < PIPES; i++)
		close_end(&pipes[i][1]);
	/* The end of file means that exec has closed the other end. */
	if (read(pipes[REPORT][0], &error, sizeof error) > 0)
		waitpid(capture->command, NULL, 0);
	return error;
}

/* Gives NULL, or a complaint. */
static char *
start(struct capture *capture, char *const argv[])
{
	int pipes[PIPES][2] = {{-1, -1}, {-1, -1}, {-1, -1}};
	int error;

	if (access("/proc/self/stat", R_OK) < 0)
		return text_format("needs /proc to keep watch on processes");
	if (capture->signals < 0 || prctl(PR_SET_CHILD_SUBREAPER, 1) < 0)
		return text_format(
			"cannot keep watch on processes: %s", strerror(errno));
	error = start_in_pipes(capture, pipes, argv);
	for (int i = 0; i < 2 && !error; i++) {
		capture->streams[i] = pipes[i][0];
		pipes[i][0] = -1;
	}
	for (int i = 0; i < PIPES; i++) {
		close_end(&pipes[i][0]);
		close_end(&pipes[i][1]);
	}
	return error ? text_format(
			       "cannot start %s: %s", argv[0], strerror(error))
		     : NULL;
}

static void
note_end(struct capture *capture, pid_t pid, int status)
{
	if (pid != capture->command)
		return;
	capture->ended = true;
	capture->outcome->status = status;
}

/* Takes note of those that have ended; tells whether any is left. */
static bool
reap(struct capture *capture)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		note_end(capture, pid, status);
	return pid == 0;
}

/*
 * Kills the command and its descendants, and gives the number of those that
 * still ran. Whoever dies leaves its children to this process, until there
 * are none.
 */
static size_t
kill_all(struct capture *capture)
{
	size_t killed = 0;
	int status;
	pid_t pid;

	if (!capture->ended) /* else the group may be another's by now */
		kill(-capture->command, SIGKILL);
	for (;;) {
		children_kill();
		pid = waitpid(-1, &status, 0);
		if (pid < 0)
			return killed;
		note_end(capture, pid, status);
		if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)
			killed++;
	}
}

/* Reads what the pipe holds; tells whether that keeps the output limit. */
static bool
drain(struct capture *capture, int stream)
{
	static char buffer[1 << 16];
	struct text *text = &capture->outcome->streams[stream];
	ssize_t length;

	if (capture->streams[stream] < 0)
		return true;
	while ((length = read(
			capture->streams[stream], buffer, sizeof buffer)) > 0) {
		text_add(text, buffer, (size_t)length);
		if (text->length > OUTPUT_LIMIT)
			return false;
	}
	if (length == 0)
		close_end(&capture->streams[stream]);
	return true;
}

static bool
drain_both(struct capture *capture)
{
	struct outcome *outcome = capture->outcome;

	for (int stream = 0; stream < 2; stream++) {
		if (drain(capture, stream))
			continue;
		outcome->overflowed = true;
		free(outcome->trouble); /* this one comes before the limit */
		outcome->trouble = text_format(
			"it wrote more than %d MiB to %s, and was killed",
			OUTPUT_LIMIT >> 20, stream == 0 ? "stdout" : "stderr");
		return false;
	}
	return true;
}

static void
stop_at_limit(struct capture *capture)
{
	bool ended = capture->ended;
	size_t killed = kill_all(capture);

	if (!ended)
		capture->outcome->trouble =
			text_format("it still ran after %g s, and was killed",
				capture->limit);
	else if (killed > 0)
		capture->outcome->trouble = text_format(
			"it left %zu process%s behind, still there %g s after "
			"the start, and killed",
			killed, killed == 1 ? "" : "es", capture->limit);
}

/* SIGCHLD only wakes; whatever else is watched ends this process. */
static void
take_signal(struct capture *capture)
{
	struct signalfd_siginfo info;

	if (read(capture->signals, &info, sizeof info) != sizeof info ||
		info.ssi_signo == SIGCHLD)
		return;
	kill_all(capture);
	signal((int)info.ssi_signo, SIG_DFL);
	raise((int)info.ssi_signo);
	sigprocmask(SIG_SETMASK, &capture->mask, NULL);
	_exit(128 + (int)info.ssi_signo);
}

/* Waits for something to happen; gives false when the limit has passed. */
static bool
wait_for_event(struct capture *capture)
{
	struct pollfd events[] = {
		{.fd = capture->streams[0], .events = POLLIN},
		{.fd = capture->streams[1], .events = POLLIN},
		{.fd = capture->signals, .events = POLLIN},
	};
	double left = capture->deadline - now();

	if (left <= 0)
		return false;
	/* A millisecond more, lest it spin through the last fraction. */
	if (poll(events, 3, (int)(left * 1e3) + 1) > 0 && events[2].revents)
		take_signal(capture);
	return true;
}

/* Goes along until all have ended, one way or the other. */
static void
follow(struct capture *capture)
{
	bool in_time = true, fits = true;

	while (reap(capture) && in_time && fits) {
		in_time = wait_for_event(capture);
		fits = drain_both(capture);
	}
	if (!fits)
		kill_all(capture);
	else if (!in_time)
		stop_at_limit(capture);
	if (fits) /* the dead may have left something in the pipes */
		drain_both(capture);
}

char *
outcome_capture(struct outcome *outcome, char *const argv[], double limit)
{
	struct capture capture = {
		.outcome = outcome,
		.streams = {-1, -1},
		.limit = limit,
		.deadline = now() + limit,
	};
	char *complaint;

	*outcome = (struct outcome){0};
	watch_signals(&capture);
	complaint = start(&capture, argv);
	if (!complaint)
		follow(&capture);
	close_end(&capture.streams[0]);
	close_end(&capture.streams[1]);
	close_end(&capture.signals);
	sigprocmask(SIG_SETMASK, &capture.mask, NULL);
	return complaint;
}

void
outcome_fini(struct outcome *outcome)
{
	text_fini(&outcome->streams[0]);
	text_fini(&outcome->streams[1]);
	free(outcome->trouble);
	*outcome = (struct outcome){0};
}
