/* fuzz_message.c - what manager, workers and pool tell each other. */
#include "fuzz.h"

#include "encoding.h"
#include "error.h"
#include "request.h"
#include "result.h"
#include "submission.h"
#include "value.h"
#include "worker.h"

void
fuzz_request(struct reader input)
{
	struct reader rest = input;
	struct buffer written = {0};
	struct request request;
	struct error *error = request_take(&rest, &request);

	if (!error) {
		request_put(&request, &written);
		MUST_HOLD(fuzz_equal(&written, input));
	}
	buffer_fini(&written);
	error_free(error);
}

/* A reply that is an error is raised, like one that is none at all. */
void
fuzz_reply(struct reader input)
{
	struct buffer written = {0}, again = {0};
	struct reader rest = input;
	uint64_t number;
	struct error *raised = reply_take(&rest, &number);

	if (!raised) {
		reply_put(number, &written);
		MUST_HOLD(fuzz_equal(&written, input));
	} else {
		struct error *second;

		reply_put_error(raised, &written);
		rest = fuzz_reader(&written);
		second = reply_take(&rest, &number);
		MUST_HOLD(second);
		reply_put_error(second, &again);
		MUST_HOLD(fuzz_equal(&again, fuzz_reader(&written)));
		error_free(second);
	}
	error_free(raised);
	buffer_fini(&written);
	buffer_fini(&again);
}

/* Any byte but 0 stands for true, so only the second writing is the same. */
void
fuzz_chunk(struct reader input)
{
	struct buffer written = {0};
	struct chunk_head head, same;
	struct reader rest = input;
	struct error *error = chunk_head_take(&rest, &head);

	if (!error) {
		chunk_head_put(&head, &written);
		MUST_HOLD(written.length == input.length - rest.length);
		rest = fuzz_reader(&written);
		MUST_HOLD(!chunk_head_take(&rest, &same));
		MUST_HOLD(same.number == head.number &&
			  same.task == head.task &&
			  same.starred == head.starred &&
			  same.count == head.count);
	}
	buffer_fini(&written);
	error_free(error);
}

/* What was taken for a chunk's values is what the reply said. */
static void
values_must_be(const struct chunk *chunk, struct reader reply)
{
	struct buffer written = {0};

	MUST_HOLD(!encode_items(chunk->submission->values, chunk->first,
		chunk->count, &written));
	MUST_HOLD(fuzz_equal(&written, reply));
	buffer_fini(&written);
}

/* The values or the error of a submission of some items, in two chunks. */
void
fuzz_outcome(struct reader input)
{
	struct value *items = value_empty_list();
	size_t count = fuzz_byte(&input) % 8;
	struct submission *submission;

	for (size_t i = 0; i < count; i++)
		value_append(items, value_nothing());
	submission = submission_new(NULL, NULL, items, count / 2 + 1);
	while (!submission_all_given(submission)) {
		struct chunk chunk = submission_next_chunk(submission);
		size_t missing = submission->missing;
		bool good = fuzz_byte(&input) % 2;
		struct reader reply = fuzz_bytes(&input, fuzz_byte(&input) * 4);
		struct reader whole = reply;

		chunk_end(&chunk, good ? REPLY_VALUES : REPLY_ERROR, &reply);
		MUST_HOLD(submission->missing == missing - chunk.count);
		MUST_HOLD(good || submission->error);
		if (!submission->error)
			values_must_be(&chunk, whole);
	}
	MUST_HOLD(submission_complete(submission));
	MUST_HOLD(value_count(submission->values) == count);
	submission_free(submission);
}
