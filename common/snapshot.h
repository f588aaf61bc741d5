/*
 * snapshot.h - who lives, and is at what, at one moment: the board, read once,
 * and what /proc says of each process. A signal handler may take it: nothing
 * here allocates, locks or calls stdio.
 */
#ifndef FORKLORE_SNAPSHOT_H
#define FORKLORE_SNAPSHOT_H

#include "board.h"

#include <stdbool.h>

/* How a process is. If there is no /proc, a living one is taken to run. */
enum process_state { PROCESS_LIVES, PROCESS_STOPPED, PROCESS_GONE };

/* A thread of a process that lives, as it was then. */
struct thread {
	pid_t process;
	enum process_state state;
	char place[BOARD_PLACE_SIZE];
	enum activity activity;
	uint64_t condition;
	double since;
};

struct snapshot {
	/* In the order of their processes. */
	struct thread threads[BOARD_LINES];
	size_t count;
};

/* Takes all threads that have a line on the board. */
void snapshot_take(struct snapshot *snapshot, const struct board *board);

/* The first thread of a process; NULL if it has none. */
const struct thread *
snapshot_thread_of(const struct snapshot *snapshot, pid_t process);

/* How a process is at this moment. */
enum process_state snapshot_process(pid_t process);

#endif
