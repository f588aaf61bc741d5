#include "child.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* CMocka wants these four before it. */
#include <cmocka.h>

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

double
child_limit(void)
{
	const char *patience = getenv("FORKLORE_PATIENCE");

	return patience ? 30 * atof(patience) : 30;
}

const char *
build_folder(void)
{
	const char *folder = getenv("BUILD");

	return folder ? folder : "build";
}

static void
forget_cmocka(void)
{
	static const int handled[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGSYS};

	for (size_t i = 0; i < sizeof(handled) / sizeof(*handled); i++)
		signal(handled[i], SIG_DFL);
	/* A failed assert aborts, instead of jumping to the test runner. */
	setenv("CMOCKA_TEST_ABORT", "1", 1);
}

pid_t
child_start(child_main *run, void *context)
{
	pid_t parent = getpid();
	pid_t pid;

	fflush(NULL);
	pid = fork();
	assert_true(pid >= 0);
	if (pid > 0)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
	forget_cmocka();
	run(context);
	fflush(NULL);
	_exit(0);
}

/* Waits until a child has ended, but not for ever; tells whether it has. */
static bool
await_end(pid_t pid)
{
	const struct timespec moment = {.tv_nsec = 1000 * 1000};
	int process = (int)syscall(SYS_pidfd_open, pid, 0);
	struct pollfd ended = {.fd = process, .events = POLLIN};
	siginfo_t info = {.si_pid = 0};
	int ready;

	if (process >= 0) {
		do
			ready = poll(&ended, 1, (int)(CHILD_LIMIT * 1000));
		while (ready < 0 && errno == EINTR);
		close(process);
		return ready > 0;
	}
	/* valgrind knows no such descriptors: look now and again. */
	assert_int_equal(errno, ENOSYS);
	for (int i = 0; i < CHILD_LIMIT * 1000; i++) {
		assert_int_equal(waitid(P_PID, (id_t)pid, &info,
					 WEXITED | WNOHANG | WNOWAIT),
			0);
		if (info.si_pid == pid)
			return true;
		nanosleep(&moment, NULL);
	}
	return false;
}

int
child_wait(pid_t pid)
{
	bool has_ended = await_end(pid);
	int status;

	if (!has_ended)
		kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (!has_ended)
		fail_msg("the child hangs");
	return status;
}

void
child_must_succeed(child_main *run, void *context)
{
	assert_int_equal(child_wait(child_start(run, context)), 0);
}

void
child_kill(pid_t pid)
{
	kill(pid, SIGKILL);
	child_wait(pid);
}

void
child_start_over(const char *argument)
{
	char path[4096] = "";

	/* Under valgrind the link leads to this program, but only if read. */
	assert_true(readlink("/proc/self/exe", path, sizeof(path) - 1) > 0);
	execl(path, path, argument, (char *)NULL);
	fail_msg("%s does not start", path);
}
