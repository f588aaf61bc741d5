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
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

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

int
child_wait(pid_t pid)
{
	int process = (int)syscall(SYS_pidfd_open, pid, 0);
	struct pollfd ended = {.fd = process, .events = POLLIN};
	int status, ready;

	assert_true(process >= 0);
	do
		ready = poll(&ended, 1, (int)(CHILD_LIMIT * 1000));
	while (ready < 0 && errno == EINTR);
	close(process);
	if (ready == 0)
		kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (ready == 0)
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
