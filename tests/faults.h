/*
 * faults.h - how a test brings other processes to a known point, where it then
 * kills them; and what it expects of the tasks that were lost with them.
 */
#ifndef FORKLORE_FAULTS_H
#define FORKLORE_FAULTS_H

#include "must.h"
#include "pool.h"
#include "process.h"
#include "result.h"
#include "tasks.h"

#include <signal.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/types.h>
#include <unistd.h>

static inline void
kill_process(pid_t pid)
{
	assert_int_equal(kill(pid, SIGKILL), 0);
}

/* How many bytes stand in a pipe, of which this is either end. */
static inline int
bytes_in_pipe(int end)
{
	int bytes = -1;

	assert_int_equal(ioctl(end, FIONREAD, &bytes), 0);
	return bytes;
}

static inline void
await_bytes(int end)
{
	while (bytes_in_pipe(end) == 0)
		look_again_soon();
}

static inline void
await_empty_pipe(int end)
{
	while (bytes_in_pipe(end) > 0)
		look_again_soon();
}

static inline void
await_full_pipe(int end)
{
	while (bytes_in_pipe(end) < fcntl(end, F_GETPIPE_SZ))
		look_again_soon();
}

/*
 * Waits until all processes have ended that lost their parent, which comes to
 * this process, and checks that each did by itself; gives how many there were.
 */
static inline int
must_all_end_well(void)
{
	int status, count = 0;

	for (; waitpid(-1, &status, 0) > 0; count++)
		assert_int_equal(status, 0);
	assert_int_equal(errno, ECHILD);
	return count;
}

/*
 * Checks that a result is the loss of the worker with this process id, which
 * was killed with SIGKILL.
 */
static inline void
must_be_lost(struct result *result, pid_t pid)
{
	struct error *error = result_get(result, CHILD_LIMIT, NULL);
	char message[128];
	int worker = 0;

	if (error)
		sscanf(error->message, "worker %d ", &worker);
	snprintf(message, sizeof(message),
		"worker %d (pid %d) was killed by SIGKILL (signal 9) while it "
		"ran a task",
		worker, (int)pid);
	MUST_RAISE_EXACTLY(error, WorkerLostError, message);
}

#endif
