#include "steps.h"

#include "child.h"
#include "process.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* CMocka wants these four before it. */
#include <cmocka.h>

#include <signal.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <time.h>

/* How long a step may take before we look whether it sleeps. */
static const struct timespec moment = {.tv_nsec = 1000000};

/* More than there are between two markers with nothing between them. */
#define STEPS_OF_NOTHING 2000

struct route {
	void (*prepare)(void);
	void (*operation)(void);
};

static void
walk(void *context)
{
	const struct route *route = context;

	if (route->prepare)
		route->prepare();
	if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) != 0)
		return;
	raise(SIGSTOP);
	route->operation();
	raise(SIGSTOP);
}

/* Starts it; false if it may not be traced. */
static bool
start(struct walker *walker, struct route route)
{
	sigset_t children;
	int status;

	/* Their stops are announced by a signal, to be waited for. */
	sigemptyset(&children);
	sigaddset(&children, SIGCHLD);
	sigprocmask(SIG_BLOCK, &children, NULL);
	walker->asleep = false;
	walker->pid = child_start(walk, &route);
	assert_int_equal(waitpid(walker->pid, &status, 0), walker->pid);
	return WIFSTOPPED(status);
}

void
walker_start(
	struct walker *walker, void (*prepare)(void), void (*operation)(void))
{
	assert_true(start(walker, (struct route){prepare, operation}));
}

/* Waits until the step is taken, or sleeps and was not yet said to. */
static enum walk
await_step(struct walker *walker)
{
	sigset_t children;
	int status;

	sigemptyset(&children);
	sigaddset(&children, SIGCHLD);
	while (waitpid(walker->pid, &status, WNOHANG) == 0)
		if (sigtimedwait(&children, NULL, &moment) < 0 &&
			!walker->asleep && process_state(walker->pid) == 'S') {
			walker->asleep = true;
			return WALK_SLEEPS;
		}
	walker->asleep = false;
	if (!WIFSTOPPED(status) ||
		(WSTOPSIG(status) != SIGTRAP && WSTOPSIG(status) != SIGSTOP))
		fail_msg("the operation came to wait status %#x", status);
	return WSTOPSIG(status) == SIGTRAP ? WALK_STANDS : WALK_ENDED;
}

enum walk
walker_walk(struct walker *walker, long *steps)
{
	enum walk walk = walker->asleep ? await_step(walker) : WALK_STANDS;

	while (walk == WALK_STANDS && *steps > 0) {
		assert_int_equal(
			ptrace(PTRACE_SINGLESTEP, walker->pid, NULL, NULL), 0);
		--*steps;
		walk = await_step(walker);
	}
	return walk;
}

void
walker_kill(struct walker *walker)
{
	kill(walker->pid, SIGKILL);
	waitpid(walker->pid, NULL, 0);
}

static void
do_nothing(void)
{
}

bool
walking_is_possible(void)
{
	struct walker walker;
	long steps = STEPS_OF_NOTHING;
	bool possible;

#ifdef __SANITIZE_THREAD__
	return false;
#endif
	if (!start(&walker, (struct route){NULL, do_nothing}))
		return false;
	possible = ptrace(PTRACE_SINGLESTEP, walker.pid, NULL, NULL) == 0 &&
		   await_step(&walker) == WALK_STANDS &&
		   walker_walk(&walker, &steps) == WALK_ENDED;
	walker_kill(&walker);
	return possible;
}
