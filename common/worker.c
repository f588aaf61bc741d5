#include "worker.h"

#include "board.h"
#include "channel.h"
#include "encoding.h"
#include "error.h"
#include "shelf.h"
#include "trace.h"
#include "value.h"

#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

static bool is_worker;

bool
worker_is_current(void)
{
	return is_worker;
}

/* Function pointers mean the same in all processes forked from one. */
void
chunk_head_put(const struct chunk_head *head, struct buffer *buffer)
{
	buffer_put_number(buffer, head->number);
	buffer_put_number(buffer, (uintptr_t)head->task);
	buffer_put_byte(buffer, head->starred);
	buffer_put_number(buffer, head->count);
}

struct error *
chunk_head_take(struct reader *reader, struct chunk_head *head)
{
	uint64_t task;
	uint8_t starred;

	TRY(reader_take_number(reader, &head->number));
	TRY(reader_take_number(reader, &task));
	TRY(reader_take_byte(reader, &starred));
	TRY(reader_take_number(reader, &head->count));
	head->task = (task_function *)(uintptr_t)task;
	head->starred = starred;
	return NULL;
}

/* Says of an error that it kept a result from being sent; takes it. */
static struct error *
maybe_encoding_error(struct error *reason)
{
	struct error *error = RAISE(MaybeEncodingError,
		"Error sending result. Reason: %s: %s",
		error_kind_name(reason->kind), reason->message);

	error_free(reason);
	return error;
}

static struct error *
encode_result(const struct value *result, struct buffer *reply)
{
	struct error *reason = encode_value(result, reply);

	return reason ? maybe_encoding_error(reason) : NULL;
}

static struct error *
end_reply(struct channel *channel)
{
	struct error *reason = channel_end(channel);

	return reason ? maybe_encoding_error(reason) : NULL;
}

/*
 * Runs one task with what belongs to it, and appends its result to a reply.
 * alone is a list of one, for the task's item.
 */
static struct error *
run_task(const struct chunk_head *head, struct reader *items,
	struct value *alone, struct buffer *reply)
{
	const struct value *arguments = alone;
	SCOPED(value) result = NULL;

	TRY(decode_items(items, alone, 0, 1));
	if (head->starred)
		TRY(value_at(alone, 0, &arguments));
	TRY(head->task(arguments, &result));
	trace(.kind = TRACE_TASK_END, .chunk = head->number,
		.text = result ? trace_brief(result).text : "nothing");
	TRY(encode_result(result, reply));
	return NULL;
}

static struct error *
run_tasks(const struct chunk_head *head, struct reader *items,
	struct buffer *reply)
{
	SCOPED(value) alone = value_nothings(1);

	buffer_put_byte(reply, REPLY_VALUES);
	for (uint64_t i = 0; i < head->count; i++) {
		trace(.kind = TRACE_TASK_START, .task = i,
			.chunk = head->number);
		TRY(run_task(head, items, alone, reply));
	}
	return NULL;
}

/* What a worker needs to get its chunks. */
struct desk {
	const struct worker_plan *plan;
	size_t seat;
	struct channel channel;
	/* What was taken off the shelf. */
	struct buffer taken;
};

static struct error *
send_reply(struct channel *channel)
{
	struct error *error;

	board_begin(ACTIVITY_AWAIT_ROOM, 0);
	error = TRACED(channel_flush(channel));
	board_end();
	return error;
}

/* Sends what leads to nothing that a record would tell of. */
static struct error *
send_kind(struct channel *channel, enum reply_kind kind)
{
	struct buffer *reply = channel_begin(channel);

	buffer_put_byte(reply, (uint8_t)kind);
	TRY(channel_end(channel));
	TRY(send_reply(channel));
	return NULL;
}

static struct error *
send_error(struct channel *channel, enum reply_kind kind, struct error *error)
{
	struct buffer *reply = channel_begin(channel);

	buffer_put_byte(reply, (uint8_t)kind);
	encode_error(error, reply);
	error_free(error);
	trace(.kind = TRACE_SEND, .text = "error");
	TRY(channel_end(channel));
	TRY(send_reply(channel));
	return NULL;
}

static struct error *
serve_chunk(
	struct channel *channel, struct reader chunk, _Atomic uint64_t *begun)
{
	struct chunk_head head;
	struct error *error;

	TRY(chunk_head_take(&chunk, &head));
	atomic_store(begun, head.number);
	error = run_tasks(&head, &chunk, channel_begin(channel));
	/* What the tasks printed must be out before they count as done. */
	fflush(stdout);
	if (error) {
		channel_cancel(channel);
	} else {
		trace(.kind = TRACE_SEND, .chunk = head.number,
			.text = "values");
		error = end_reply(channel);
	}
	if (error) {
		trace_error(
			error, .kind = TRACE_ERROR_BORN, .chunk = head.number);
		return send_error(channel, REPLY_ERROR, error);
	}
	TRY(send_reply(channel));
	return NULL;
}

static struct error *
receive(struct channel *channel, struct reader *message)
{
	struct error *error;

	board_begin(ACTIVITY_AWAIT_CHUNK, 0);
	error = TRACED(channel_receive(channel, message));
	board_end();
	return error;
}

/* Gets the next chunk, which lasts until the one after it. */
static struct error *
next_chunk(struct desk *desk, struct reader *chunk)
{
	struct reader wake_up;
	uint64_t cause;

	while (!shelf_take(desk->plan->shelf, desk->seat, &desk->taken, &cause))
		TRY(receive(&desk->channel, &wake_up));
	*chunk = (struct reader){desk->taken.bytes, desk->taken.length};
	if (chunk->length == 0) {
		TRY(send_kind(&desk->channel, REPLY_ASK));
		TRY(receive(&desk->channel, chunk));
	}
	trace(.kind = TRACE_RECEIVE, .cause = cause);
	return NULL;
}

/* Runs the initializer, if any, and tells how that went; raises its error. */
static struct error *
get_ready(const struct worker_plan *plan, struct channel *channel)
{
	struct error *error;

	if (plan->initializer) {
		error = TRACED(plan->initializer(plan->initializer_arguments));
		if (error) {
			TRY(send_error(
				channel, REPLY_BROKEN, error_copy(error)));
			return error;
		}
	}
	TRY(send_kind(channel, REPLY_READY));
	return NULL;
}

static struct error *
serve(struct desk *desk)
{
	const struct worker_plan *plan = desk->plan;
	struct reader chunk;

	TRY(get_ready(plan, &desk->channel));
	for (size_t served = 0;
		!plan->maximum_chunks || served < plan->maximum_chunks;
		served++) {
		TRY(next_chunk(desk, &chunk));
		TRY(serve_chunk(
			&desk->channel, chunk, &plan->begun[desk->seat]));
	}
	return NULL;
}

void
worker_run(const struct worker_plan *plan, size_t seat, int chunks, int replies)
{
	struct desk desk = {.plan = plan, .seat = seat};

	is_worker = true;
	board_take_line("worker %zu", seat + 1);
	channel_init(&desk.channel, chunks, replies, WORKER_MESSAGE_LIMIT);
	/* Whatever ends the loop, the pool has hung up or will see it. */
	error_free(serve(&desk));
	channel_fini(&desk.channel);
	buffer_fini(&desk.taken);
	fflush(stdout);
	_exit(0);
}
