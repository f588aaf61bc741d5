/*
 * gale.c - the process that kills, and that watches over the storm.
 *
 * It is the parent of the main process and has no thread and no part in the
 * pool, so that nothing that goes wrong there keeps it from killing, from
 * seeing that nothing moves, and from clearing away what is left.
 *
 * A pid may stand for another process as soon as the worker that had it is
 * reaped. So it takes hold of a process by a descriptor first (pidfd_open),
 * then looks whether that pid belongs to a child of the zygote, and kills by
 * the descriptor: if the pid changed hands in between, nobody is hit.
 */
#include "storm.h"

#include "process.h"
#include "sys.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* How long the left-overs of a main process that was killed have to end. */
#define CLEARANCE 10.0

const char *
doing_name(enum doing doing)
{
	static const char *const names[] = {
		[DOING_BETWEEN] = "between tasks",
		[DOING_COMPUTING] = "computing",
		[DOING_ACQUIRING] = "acquiring",
		[DOING_HOLDING] = "holding",
		[DOING_WAITING] = "waiting",
		[DOING_RELEASING] = "releasing",
	};

	return names[doing];
}

/* Whether the process of a descriptor has ended, or does so in time. */
static bool
ends_within(int process, double seconds)
{
	struct pollfd entry = {.fd = process, .events = POLLIN};
	struct timespec time = {.tv_sec = (time_t)seconds};

	time.tv_nsec = (long)((seconds - (double)time.tv_sec) * 1e9);
	return ppoll(&entry, 1, &time, NULL) > 0;
}

/* Any of the workers there are; NULL if there are none. */
static struct slot *
choose(uint64_t chance)
{
	struct slot *there[2 * WORKERS_LIMIT];
	size_t count = 0;

	for (size_t i = 0; i < 2 * WORKERS_LIMIT; i++)
		if (stage->slots[i].pid)
			there[count++] = &stage->slots[i];
	return count > 0 ? there[chance % count] : NULL;
}

/*
 * The kill is written down before it is done: the main process may hear of it
 * at once. What the worker was doing is read when it is dead for sure.
 */
static void
kill_by_descriptor(struct slot *slot, pid_t pid, int process)
{
	atomic_fetch_add(&stage->fates[pid].kills, 1);
	if (syscall(SYS_pidfd_send_signal, process, SIGKILL, NULL, 0) != 0) {
		atomic_fetch_sub(&stage->fates[pid].kills, 1);
		return;
	}
	ends_within(process, CLEARANCE);
	atomic_fetch_add(&stage->kills[slot->doing], 1);
}

/* A slot whose worker is dead has told all it had to tell. */
static void
clear(struct slot *slot)
{
	atomic_store(&slot->doing, DOING_BETWEEN);
	atomic_store(&slot->pid, 0);
}

static void
strike(uint64_t chance)
{
	struct slot *slot = choose(chance);
	pid_t pid = slot ? slot->pid : 0;
	int process;

	if (!slot)
		return;
	process = (int)syscall(SYS_pidfd_open, pid, 0);
	if (process >= 0 && process_parent(pid) == stage->zygote)
		kill_by_descriptor(slot, pid, process);
	if (process >= 0)
		close(process);
	clear(slot);
}

static void
strike_if_raging(uint64_t chance)
{
	/* In this order: gale_calm() does it the other way around. */
	atomic_store(&stage->striking, true);
	if (stage->raging)
		strike(chance);
	atomic_store(&stage->striking, false);
}

void
gale_rage(void)
{
	atomic_store(&stage->raging, true);
}

void
gale_calm(void)
{
	atomic_store(&stage->raging, false);
	while (stage->striking)
		sys_sleep(0.00005);
}

void
gale_stop(struct slot *slot)
{
	process_stop(slot->pid);
}

void
gale_kill_stopped(struct slot *slot)
{
	int process = (int)syscall(SYS_pidfd_open, slot->pid, 0);

	kill_by_descriptor(slot, slot->pid, process);
	close(process);
	clear(slot);
}

static void
tell_of_hang(const struct storm *storm)
{
	fprintf(stderr, "storm: %s hangs, seed %llu: %s\n",
		mode_name(storm->mode), (unsigned long long)storm->seed,
		stage->step);
	fprintf(stderr, "storm: tokens %ld, halves %ld and %ld\n",
		stage->tokens, stage->left, stage->right);
	for (size_t i = 0; i < 2 * WORKERS_LIMIT; i++) {
		const struct slot *slot = &stage->slots[i];
		char state;

		if (!slot->pid)
			continue;
		state = process_state(slot->pid);
		fprintf(stderr, "storm: worker of pid %d: %s (state %c)\n",
			(int)slot->pid, doing_name(slot->doing),
			state ? state : '-');
	}
}

/*
 * Who lost its parent has become a child of this process. Tells whether there
 * is any; kills what does not end by itself.
 */
static bool
clear_away(void)
{
	double deadline = sys_deadline(CLEARANCE);
	bool any = false;
	pid_t pid;

	while ((pid = waitpid(-1, NULL, WNOHANG)) >= 0) {
		any = true;
		if (pid > 0)
			continue;
		if (sys_remaining(deadline) <= 0)
			process_kill_children();
		sys_sleep(0.001);
	}
	return any;
}

/* Blows until the main process has ended; false if it had to be killed. */
static bool
blow(const struct storm *storm, int process)
{
	for (uint64_t i = 0;; i++) {
		uint64_t chance = storm_draw(storm->seed, i, storm->mode);

		/* Between 1 and 4 ms. */
		if (ends_within(process, 0.001 + (double)(chance % 3001) / 1e6))
			return true;
		strike_if_raging(chance >> 16);
		if (sys_now() > stage->deadline)
			return false;
	}
}

int
gale_blow(const struct storm *storm, pid_t main_process)
{
	int process = (int)syscall(SYS_pidfd_open, main_process, 0);
	bool ended = blow(storm, process);
	int status;

	if (!ended) {
		tell_of_hang(storm);
		kill(main_process, SIGKILL);
	}
	close(process);
	while (waitpid(main_process, &status, 0) < 0 && errno == EINTR)
		;
	if (clear_away() && status == 0) {
		fprintf(stderr, "storm: a process was left behind\n");
		return 1;
	}
	return status != 0;
}
