/*
 * worker.h - a process of a pool that runs tasks, chunk by chunk.
 *
 * The worker takes chunks off a shelf (shelf.h), and sends replies over a pipe.
 * The first reply says that it is ready, or why not; then comes one for each
 * chunk. Over another pipe come wake-ups, which are empty messages, and the
 * chunks that are too long for the shelf, each when the worker has asked for
 * it.
 */
#ifndef FORKLORE_WORKER_H
#define FORKLORE_WORKER_H

#include "task.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buffer;
struct error;
struct reader;
struct shelf;
struct value;

/* The longest chunk or reply, in bytes. */
#define WORKER_MESSAGE_LIMIT ((size_t)1 << 30)

/* What a worker is to do; it outlives the zygote. */
struct worker_plan {
	initializer_function *initializer;
	const struct value *initializer_arguments;
	/* How many chunks a worker runs before it ends; 0 for no limit. */
	size_t maximum_chunks;
	/*
	 * In shared memory, one for each seat: the number of the chunk that was
	 * last read whole by the seat's worker. What a killed worker had not
	 * begun can be given to another.
	 */
	_Atomic uint64_t *begun;
	/* Where the chunks are. */
	struct shelf *shelf;
};

/* The head of a chunk; its items follow, count encoded values. */
struct chunk_head {
	/* Tells this sending of this chunk from all others; never 0. */
	uint64_t number;
	task_function *task;
	/* Whether each item is a list of arguments, not one argument. */
	bool starred;
	uint64_t count;
};

void chunk_head_put(const struct chunk_head *head, struct buffer *buffer);
struct error *chunk_head_take(struct reader *reader, struct chunk_head *head);

/* The first byte of a reply. */
enum reply_kind {
	/* The initializer, if any, has run. */
	REPLY_READY,
	/* The initializer failed; its error follows. */
	REPLY_BROKEN,
	/* The values of a chunk follow, one for each item. */
	REPLY_VALUES,
	/* The chunk's first error follows. */
	REPLY_ERROR,
	/* The worker took a chunk that is too long, and now waits for it. */
	REPLY_ASK,
};

/*
 * Runs the worker in a seat, with the ends of its two pipes, until the pool
 * hangs up or the maximum is reached, and ends the process with status 0.
 */
_Noreturn void worker_run(
	const struct worker_plan *plan, size_t seat, int chunks, int replies);

/* Whether the calling process is a worker. */
bool worker_is_current(void);

#endif
