/*
 * trace.h - the record of a run: what each thread of each process did, when,
 * and what caused it.
 *
 * The record is a log in shared memory, opened before any process is forked. An
 * entry is claimed by one addition, filled in, and completed by one store: what
 * was completed is never lost, whoever is killed, and what was not is left out.
 * Where no record is kept, each call is one branch. scribe.h writes it down.
 */
#ifndef FORKLORE_TRACE_H
#define FORKLORE_TRACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct error;
struct value;

enum trace_kind {
	/* An entry that was claimed, but never completed. */
	TRACE_NONE,
	/* Processes and threads: what makes them, their first and last. */
	TRACE_FORK,
	TRACE_THREAD,
	TRACE_START,
	TRACE_EXIT,
	/* Tasks, and the messages between a pool and its workers. */
	TRACE_SUBMIT,
	TRACE_ENCODE,
	TRACE_SEND,
	TRACE_RECEIVE,
	TRACE_TASK_START,
	TRACE_TASK_END,
	/* A result: settled; awaited, until it is ready or time is up. */
	TRACE_SETTLE,
	TRACE_AWAIT,
	TRACE_READY,
	TRACE_ERROR_BORN,
	TRACE_ERROR_STORED,
	TRACE_ERROR_SEEN,
	/* A condition. */
	TRACE_ACQUIRE,
	TRACE_BLOCKED,
	TRACE_ACQUIRED,
	TRACE_WAIT,
	TRACE_WOKEN,
	TRACE_TIMED_OUT,
	TRACE_NOTIFY,
	TRACE_RELEASE,
	/* What else a manager is asked; its reply; a call that raised. */
	TRACE_REQUEST,
	TRACE_REPLY,
	TRACE_FAILED,
	/* The program's own. */
	TRACE_PRINT,
	TRACE_SLEEP,
	TRACE_WAKE,
	TRACE_KIND_COUNT,
};

/* How many entries there is room for. */
#define TRACE_ROOM ((uint64_t)1 << 16)

#define TRACE_PLACE_SIZE 32
#define TRACE_TEXT_SIZE 128
#define TRACE_CALLERS 12

/* What is told of a happening; what does not belong to its kind is 0. */
struct happening {
	/* Where in the library; filled in by trace(). */
	const char *file;
	int line;
	enum trace_kind kind;
	/*
	 * The number of the entry that caused it; and, for a manager's reply,
	 * of the one that this reply is due to in the end.
	 */
	uint64_t cause;
	uint64_t origin;
	/* As the board knows it. */
	uint64_t condition;
	/* The entry of a submission; its first task and how many; the chunk. */
	uint64_t submission;
	uint64_t task, tasks;
	uint64_t chunk;
	/* How many were woken. */
	uint64_t woken;
	/* A child, and its status as waitpid() gives it. */
	pid_t child;
	int status;
	/* A line, an error, an observer; cut off if it is long. NULL is "". */
	const char *text;
};

/* An entry of the log. */
struct entry {
	/* A trace_kind; stored last. */
	_Atomic uint32_t kind;
	/* On sys_now()'s clock. */
	double time;
	pid_t process;
	/* As sys_thread() gives it. */
	uint64_t thread;
	char place[TRACE_PLACE_SIZE];
	char text[TRACE_TEXT_SIZE];
	/* May still be changed by trace_woken() and trace_child(). */
	struct happening told;
	/* Return addresses, the innermost first, if a program called. */
	int caller_count;
	void *callers[TRACE_CALLERS];
	/* Where an error was made, unless this is "". */
	char born_in[48];
	int born_at;
};

/* The log, all zero but for what was claimed. */
struct log {
	/* How many entries were ever claimed, also those beyond the room. */
	_Atomic uint64_t claimed;
	struct entry entries[TRACE_ROOM];
};

/* The log, or NULL. Read it through trace_is_open(). */
extern struct log *trace_log;

/*
 * Opens the record, for this process and all that it will fork, for good; once
 * more does nothing. Raises OSError.
 */
struct error *trace_open(void);

static inline bool
trace_is_open(void)
{
	return __builtin_expect(trace_log != NULL, 0);
}

/*
 * Records that something happens in the calling thread:
 *
 *     trace(.kind = TRACE_NOTIFY, .condition = number);
 *
 * Gives the number of its entry, from 1 upwards; 0 if there is none. A cause is
 * recorded before its effect, so it has the lower number. May be called in a
 * signal handler, for TRACE_EXIT.
 */
#define trace(...)                                                             \
	(trace_is_open() ? trace_record(                                       \
				   &(const struct happening){.file = __FILE__, \
					   .line = __LINE__,                   \
					   __VA_ARGS__},                       \
				   NULL)                                       \
			 : 0)

/* The same of an error: it is the text, and where it was made is kept. */
#define trace_error(error, ...)                                                \
	(trace_is_open() ? trace_record(                                       \
				   &(const struct happening){.file = __FILE__, \
					   .line = __LINE__,                   \
					   __VA_ARGS__},                       \
				   (error))                                    \
			 : 0)

/* The same of a condition, by its number on the board, and its cause or 0. */
#define trace_condition(what, number, why) \
	trace(.kind = (what), .condition = (number), .cause = (why))

uint64_t
trace_record(const struct happening *happening, const struct error *error);

/* A value in a few words, for the text of an entry. */
struct brief {
	char text[32];
};

struct brief trace_brief(const struct value *value);

/* The number of the calling thread's latest entry, or 0. */
uint64_t trace_latest(void);

/*
 * The first entry of the calling thread, which runs at this place from now on.
 * It is caused by the one that trace_come_from() names; in a forked child, by
 * the latest of the thread that forked.
 */
void trace_start(void);
void trace_come_from(uint64_t cause);

/* The entry of a number, complete; NULL for 0 and for what there is not. */
const struct entry *trace_entry(uint64_t number);

/* Adds to an entry what was not known before: whom a notify woke; a child. */
void trace_woken(uint64_t number, uint64_t woken);
void trace_child(uint64_t number, pid_t child);

/*
 * While a record is kept, lines are printed one by one in the order in which
 * they are recorded: whoever prints does so between these two.
 */
void trace_begin_line(void);
void trace_end_line(void);

#endif
