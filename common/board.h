/*
 * board.h - what each thread of each process is doing, for whoever asks why
 * nothing moves.
 *
 * The board lies in shared memory, and is put up before any process is forked.
 * A thread has a line on it, where it writes what it waits for before it
 * blocks. A condition has a note on it: who has its lock, and what its last
 * notify was. A process that is killed leaves its lines as they stand; the
 * reader asks the kernel who lives. Where no board is up, nothing is written.
 *
 * Processes and threads are also recorded here, where a record is kept
 * (trace.h): what makes them, how they start, and how they end.
 */
#ifndef FORKLORE_BOARD_H
#define FORKLORE_BOARD_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct error;

/* What a thread is at, or waits for. */
enum activity {
	/* The line belongs to nobody yet. */
	ACTIVITY_NONE,
	ACTIVITY_RUN,
	ACTIVITY_SLEEP,
	ACTIVITY_PRINT,
	/* These two name a condition. */
	ACTIVITY_AWAIT_LOCK,
	ACTIVITY_AWAIT_NOTIFY,
	ACTIVITY_AWAIT_MANAGER,
	ACTIVITY_AWAIT_RESULT,
	ACTIVITY_AWAIT_POOL,
	ACTIVITY_AWAIT_EXIT,
	/* What the library's own processes and threads wait for. */
	ACTIVITY_AWAIT_CHUNK,
	ACTIVITY_AWAIT_ROOM,
	ACTIVITY_AWAIT_REPLIES,
	ACTIVITY_AWAIT_ORDERS,
	ACTIVITY_AWAIT_REQUESTS,
	ACTIVITY_COUNT,
};

#define BOARD_PLACE_SIZE 32
#define BOARD_LINES 1024
#define BOARD_NOTES 256

/* A thread. Only the thread itself writes here, but for board_promote(). */
struct board_line {
	/* 0 is a line that is free. */
	_Atomic pid_t process;
	/* As error_place() gave it: "worker 2". */
	char place[BOARD_PLACE_SIZE];
	_Atomic enum activity activity;
	/* The number of the condition that it is about, or 0. */
	_Atomic uint64_t condition;
	/* When it began, on sys_now()'s clock. */
	_Atomic double since;
};

/* A condition. Written by whoever has its lock, or by its manager. */
struct board_note {
	/* 0 is a note that is free. */
	_Atomic uint64_t number;
	/* The manager's process that hosts it, or 0: it is in shared memory. */
	_Atomic pid_t manager;
	/* The process that has the lock, or 0. */
	_Atomic pid_t owner;
	/* The last notify: when, or 0 for none; by whom, how many it woke. */
	_Atomic double notified;
	_Atomic pid_t notifier;
	_Atomic size_t woken;
};

/* The board, all zero where nothing was ever written. */
struct board {
	/* How many lines were ever taken: the others are free. */
	_Atomic size_t used;
	struct board_line lines[BOARD_LINES];
	struct board_note notes[BOARD_NOTES];
};

/*
 * Puts the board up, for this process and all that it will fork, for good; once
 * more does nothing. Raises OSError.
 */
struct error *board_put_up(void);

/* The board, or NULL where none is up. */
const struct board *board_read(void);

/*
 * Names the place where the calling thread runs, as error_set_place() does, and
 * takes a line for it, until the thread ends. A thread that never calls this
 * writes nothing. Where all lines are taken by processes that live, it gets
 * none.
 */
void
board_take_line(const char *format, ...) __attribute__((format(printf, 1, 2)));

/*
 * Says that the calling thread is about to block, and for which reason; and
 * that it goes on. condition is the number of the condition it waits for, or 0.
 */
void board_begin(enum activity activity, uint64_t condition);
void board_end(void);

/*
 * For a manager: a thread of that process, which waited to be notified by that
 * condition, has been notified, and waits for the lock from now on.
 */
void board_promote(pid_t process, uint64_t condition);

/*
 * Takes a process off the board that has been reaped, with a status as
 * waitpid() gives it: its lines, and the notes of what it hosted.
 */
void board_forget(pid_t process, int status);

/* Forks, as sys_fork() does. */
struct error *board_fork(int kept, pid_t *child);

/* Waits for the end of a child, as sys_reap() does, and forgets it. */
void board_reap(pid_t child);

/*
 * Takes a note for a condition that is made; its number is not 0. Gives NULL
 * where no board is up, or no note is free: all calls with it do nothing then.
 */
struct board_note *board_take_note(uint64_t number, pid_t manager);
void board_free_note(struct board_note *note);

/* A process has the lock now, or nobody: 0. */
static inline void board_note_owner(struct board_note *note, pid_t owner);

/* A process notified, and woke so many. */
void board_note_notify(struct board_note *note, pid_t notifier, size_t woken);

static inline void
board_note_owner(struct board_note *note, pid_t owner)
{
	if (note)
		atomic_store_explicit(
			&note->owner, owner, memory_order_relaxed);
}

#endif
