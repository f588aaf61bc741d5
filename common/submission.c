#include "submission.h"

#include "buffer.h"
#include "encoding.h"
#include "error.h"
#include "panic.h"
#include "result.h"
#include "trace.h"
#include "value.h"

#include <stdlib.h>

struct submission *
submission_new(struct result *result, task_function *task, struct value *items,
	size_t chunk_size)
{
	struct submission *submission =
		must_have(calloc(1, sizeof(*submission)));

	submission->result = result;
	submission->task = task;
	submission->items = items;
	submission->count = value_count(items);
	submission->missing = submission->count;
	submission->chunk_size = chunk_size;
	submission->values = value_nothings(submission->count);
	return submission;
}

void
submission_free(struct submission *submission)
{
	if (!submission)
		return;
	value_free(submission->values);
	value_free(submission->items);
	error_free(submission->error);
	result_free(submission->result);
	free(submission);
}

bool
submission_all_given(const struct submission *submission)
{
	return submission->next == submission->count;
}

struct chunk
submission_next_chunk(struct submission *submission)
{
	size_t left = submission->count - submission->next;
	struct chunk chunk = {
		.submission = submission,
		.first = submission->next,
		.count = left < submission->chunk_size ? left
						       : submission->chunk_size,
	};

	submission->next += chunk.count;
	return chunk;
}

bool
submission_complete(const struct submission *submission)
{
	return submission->missing == 0;
}

/* Takes the values out of a submission, as the callers want to have them. */
static struct value *
take_values(struct submission *submission)
{
	struct value *values = submission->values;

	if (submission->single)
		return value_take(values, 0);
	submission->values = NULL;
	return values;
}

void
submission_settle(struct submission *submission)
{
	struct result *result = submission->result;
	struct error *error = submission->error;

	submission->result = NULL;
	submission->error = NULL;
	if (error)
		result_fail(result, error);
	else
		result_succeed(result, take_values(submission));
	submission_free(submission);
}

/* Takes an error, and keeps it if it is the first. */
static void
keep_first(struct submission *submission, struct error *error)
{
	if (submission->error) {
		error_free(error);
		return;
	}
	trace_error(error, .kind = TRACE_ERROR_STORED, .cause = trace_latest(),
		.submission = submission->entry);
	submission->error = error;
}

void
submission_abandon(struct submission *submission, struct error *error)
{
	keep_first(submission, error);
	submission_settle(submission);
}

struct error *
chunk_encode(const struct chunk *chunk, uint64_t number, struct buffer *buffer)
{
	const struct submission *submission = chunk->submission;
	const struct value *items = submission->items;

	chunk_head_put(
		&(struct chunk_head){
			.number = number,
			.task = submission->task,
			.starred = submission->starred,
			.count = chunk->count,
		},
		buffer);
	TRY(encode_items(items, chunk->first, chunk->count, buffer));
	return NULL;
}

void
chunk_fail(const struct chunk *chunk, struct error *error)
{
	struct submission *submission = chunk->submission;

	submission->missing -= chunk->count;
	keep_first(submission, error);
}

static struct error *
take_reply(
	const struct chunk *chunk, enum reply_kind kind, struct reader *reply)
{
	struct error *error;

	if (kind == REPLY_ERROR) {
		TRY(decode_error(reply, &error));
		return error;
	}
	TRY(decode_items(
		reply, chunk->submission->values, chunk->first, chunk->count));
	TRY(reader_end(reply));
	return NULL;
}

void
chunk_end(const struct chunk *chunk, enum reply_kind kind, struct reader *reply)
{
	struct error *error = take_reply(chunk, kind, reply);

	if (error)
		chunk_fail(chunk, error);
	else
		chunk->submission->missing -= chunk->count;
}
