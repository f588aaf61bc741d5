/*
 * submission.h - one call of a pool: its items, split into chunks, and what
 * became of each, until the last is heard of and the result is settled.
 */
#ifndef FORKLORE_SUBMISSION_H
#define FORKLORE_SUBMISSION_H

#include "worker.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/queue.h>

struct buffer;
struct error;
struct reader;
struct result;
struct value;

struct submission {
	struct result *result;
	task_function *task;
	/* Whether each item is a list of arguments. */
	bool starred;
	/* Whether the outcome is the one item's value, not a list. */
	bool single;
	/*
	 * Whether there is nothing to do: whoever submits it settles it.
	 */
	bool at_once;
	/* The items, a list; and in another, in their places, the results. */
	struct value *items;
	struct value *values;
	size_t count;
	size_t chunk_size;
	/* The first item that is in no chunk yet. */
	size_t next;
	/* How many items have not been heard of. */
	size_t missing;
	/* The first error of any chunk. */
	struct error *error;
	/* Its entry in the record of the run, or 0. */
	uint64_t entry;
	TAILQ_ENTRY(submission) link;
};

TAILQ_HEAD(submission_list, submission);

/* Some items of a submission, to be run by one worker at one go. */
struct chunk {
	struct submission *submission;
	size_t first;
	size_t count;
};

/*
 * Takes the items, a list, and the pool's share of a result. chunk_size is at
 * least 1.
 */
struct submission *submission_new(struct result *result, task_function *task,
	struct value *items, size_t chunk_size);

/* Frees a submission whose result nobody waits for; NULL is fine. */
void submission_free(struct submission *submission);

/* Whether all of its items are in chunks. */
bool submission_all_given(const struct submission *submission);

/* Makes the next chunk; there must be one. */
struct chunk submission_next_chunk(struct submission *submission);

/* Whether every item has been heard of: it is then to be settled. */
bool submission_complete(const struct submission *submission);

/*
 * Settles the result with the values or the first error, which calls its
 * callback, and frees the submission.
 */
void submission_settle(struct submission *submission);

/* The same at once with an error, which is taken, whatever is still missing. */
void submission_abandon(struct submission *submission, struct error *error);

/*
 * Writes a chunk down for a worker. Raises what encoding an item raises; the
 * buffer then holds a part of it.
 */
struct error *
chunk_encode(const struct chunk *chunk, uint64_t number, struct buffer *buffer);

/* Ends a chunk with what a worker's reply says, or with an error, taken. */
void chunk_end(
	const struct chunk *chunk, enum reply_kind kind, struct reader *reply);
void chunk_fail(const struct chunk *chunk, struct error *error);

#endif
