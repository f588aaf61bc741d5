/*
 * test_submission.c - a submission is cut into chunks, told what became of
 * them, and settled; all in one thread, with replies that the tests write.
 */
#include "submission.h"

#include "buffer.h"
#include "condition.h"
#include "encoding.h"
#include "result.h"
#include "tasks.h"

/* A submission of so many integers from 0, and the caller's share of it. */
static struct submission *
submit(size_t count, size_t chunk_size, struct result **result)
{
	static const char pool;

	*result = result_new(&pool, NULL);
	return submission_new(
		*result, square, integers(0, (long long)count), chunk_size);
}

/* Ends a chunk with the squares of its items. */
static void
answer(const struct chunk *chunk)
{
	struct buffer buffer = {0};
	struct reader reader;

	for (size_t i = 0; i < chunk->count; i++) {
		long long number = (long long)(chunk->first + i);
		SCOPED(value) value = value_integer(number * number);

		MUST(encode_value(value, &buffer));
	}
	reader = (struct reader){buffer.bytes, buffer.length};
	chunk_end(chunk, REPLY_VALUES, &reader);
	buffer_fini(&buffer);
}

/* Checks the lengths of all chunks, which a 0 ends, and that they are dense. */
static void
check_chunks(size_t count, size_t chunk_size, const size_t *lengths)
{
	struct result *result;
	struct submission *submission = submit(count, chunk_size, &result);
	size_t next = 0;

	for (; *lengths > 0; lengths++) {
		struct chunk chunk;

		assert_false(submission_all_given(submission));
		chunk = submission_next_chunk(submission);
		assert_ptr_equal(chunk.submission, submission);
		assert_int_equal(chunk.first, next);
		assert_int_equal(chunk.count, *lengths);
		next += chunk.count;
	}
	assert_true(submission_all_given(submission));
	assert_int_equal(next, count);
	submission_free(submission);
	result_free(result);
}

static void
chunks_are_full_but_for_the_last(void **state)
{
	(void)state;
	check_chunks(1, 1, (size_t[]){1, 0});
	check_chunks(3, 1, (size_t[]){1, 1, 1, 0});
	check_chunks(5, 3, (size_t[]){3, 2, 0});
	check_chunks(6, 3, (size_t[]){3, 3, 0});
	check_chunks(7, 3, (size_t[]){3, 3, 1, 0});
	check_chunks(2, 3, (size_t[]){2, 0});
	check_chunks(2, SIZE_MAX, (size_t[]){2, 0});
}

static void
submission_of_nothing_gives_an_empty_list(void **state)
{
	struct result *result;
	struct submission *submission = submit(0, 1, &result);
	const struct value *values;

	(void)state;
	assert_true(submission_all_given(submission));
	assert_true(submission_complete(submission));
	submission_settle(submission);
	MUST(result_get(result, 0, &values));
	assert_int_equal(value_count(values), 0);
	result_free(result);
}

static void
values_stand_in_the_order_of_their_items(void **state)
{
	struct result *result;
	struct submission *submission = submit(5, 2, &result);
	struct chunk chunks[3];
	const struct value *values;

	(void)state;
	for (int i = 0; i < 3; i++)
		chunks[i] = submission_next_chunk(submission);
	answer(&chunks[2]);
	answer(&chunks[0]);
	assert_false(submission_complete(submission));
	answer(&chunks[1]);
	assert_true(submission_complete(submission));
	assert_false(result_ready(result));
	submission_settle(submission);
	MUST(result_get(result, 0, &values));
	assert_int_equal(value_count(values), 5);
	for (int i = 0; i < 5; i++)
		assert_int_equal(integer_at(values, (size_t)i), i * i);
	result_free(result);
}

static void
single_item_gives_its_value_and_no_list(void **state)
{
	struct result *result;
	struct submission *submission = submit(1, 1, &result);
	struct chunk chunk = submission_next_chunk(submission);
	const struct value *value;

	(void)state;
	submission->single = true;
	answer(&chunk);
	submission_settle(submission);
	MUST(result_get(result, 0, &value));
	assert_int_equal(integer_of(value), 0);
	result_free(result);
}

static void
first_error_is_kept_and_every_chunk_awaited(void **state)
{
	struct result *result;
	struct submission *submission = submit(6, 2, &result);
	struct chunk chunks[3];

	(void)state;
	for (int i = 0; i < 3; i++)
		chunks[i] = submission_next_chunk(submission);
	chunk_fail(&chunks[1], RAISE(ValueError, "first to arrive"));
	assert_false(submission_complete(submission));
	chunk_fail(&chunks[0], RAISE(OSError, "second to arrive"));
	assert_false(submission_complete(submission));
	answer(&chunks[2]);
	assert_true(submission_complete(submission));
	assert_false(result_ready(result));
	submission_settle(submission);
	MUST_RAISE_SAYING(
		ValueError, "first to arrive", result_get(result, 0, NULL));
	result_free(result);
}

static void
error_in_a_reply_is_the_error_of_its_chunk(void **state)
{
	struct result *result;
	struct submission *submission = submit(2, 2, &result);
	struct chunk chunk = submission_next_chunk(submission);
	SCOPED(error) sent = RAISE(IndexError, "from afar");
	SCOPED(error) got = NULL;
	struct buffer buffer = {0};
	struct reader reader;

	(void)state;
	encode_error(sent, &buffer);
	reader = (struct reader){buffer.bytes, buffer.length};
	chunk_end(&chunk, REPLY_ERROR, &reader);
	assert_true(submission_complete(submission));
	submission_settle(submission);
	got = result_get(result, 0, NULL);
	assert_int_equal(got->kind, IndexError);
	assert_string_equal(got->message, "from afar");
	assert_int_equal(got->frames[0].line, sent->frames[0].line);
	result_free(result);
	buffer_fini(&buffer);
}

/* Ends a chunk of 3 with a reply of which only so many bytes came. */
static void
check_reply_cut_short(
	enum reply_kind kind, const struct buffer *whole, size_t length)
{
	struct result *result;
	struct submission *submission = submit(3, 3, &result);
	struct chunk chunk = submission_next_chunk(submission);
	struct reader reader = {whole->bytes, length};

	chunk_end(&chunk, kind, &reader);
	assert_true(submission_complete(submission));
	submission_settle(submission);
	MUST_RAISE_WITH(ValueError, "early", result_get(result, 0, NULL));
	result_free(result);
}

static void
reply_cut_short_is_an_error(void **state)
{
	SCOPED(error) error = RAISE(IndexError, "from afar");
	struct buffer values = {0}, failure = {0};

	(void)state;
	for (long long i = 0; i < 3; i++) {
		SCOPED(value) value = value_integer(i);

		MUST(encode_value(value, &values));
	}
	encode_error(error, &failure);
	for (size_t i = 0; i < values.length; i++)
		check_reply_cut_short(REPLY_VALUES, &values, i);
	for (size_t i = 0; i < failure.length; i++)
		check_reply_cut_short(REPLY_ERROR, &failure, i);
	buffer_fini(&values);
	buffer_fini(&failure);
}

static void
abandoned_submission_gets_the_error_at_once(void **state)
{
	struct result *result;
	struct submission *submission = submit(6, 2, &result);
	struct chunk chunk = submission_next_chunk(submission);

	(void)state;
	answer(&chunk);
	submission_abandon(submission, RAISE(PoolTerminatedError, "over"));
	MUST_RAISE_SAYING(
		PoolTerminatedError, "over", result_get(result, 0, NULL));
	result_free(result);
}

static void
abandoned_submission_keeps_an_error_that_it_has(void **state)
{
	struct result *result;
	struct submission *submission = submit(6, 2, &result);
	struct chunk chunk = submission_next_chunk(submission);

	(void)state;
	chunk_fail(&chunk, RAISE(ValueError, "before the end"));
	submission_abandon(submission, RAISE(PoolTerminatedError, "over"));
	MUST_RAISE_SAYING(
		ValueError, "before the end", result_get(result, 0, NULL));
	result_free(result);
}

static void
chunk_is_written_as_a_worker_reads_it(void **state)
{
	struct result *result;
	struct submission *submission = submit(5, 2, &result);
	struct chunk chunk;
	struct chunk_head head;
	struct buffer buffer = {0};
	struct reader reader;

	(void)state;
	submission->starred = true;
	submission_next_chunk(submission);
	chunk = submission_next_chunk(submission);
	MUST(chunk_encode(&chunk, 77, &buffer));
	reader = (struct reader){buffer.bytes, buffer.length};
	MUST(chunk_head_take(&reader, &head));
	assert_int_equal(head.number, 77);
	assert_ptr_equal(head.task, square);
	assert_true(head.starred);
	assert_int_equal(head.count, 2);
	for (int i = 2; i < 4; i++) {
		SCOPED(value) item = NULL;

		MUST(decode_value(&reader, &item));
		assert_int_equal(integer_of(item), i);
	}
	MUST(reader_end(&reader));
	buffer_fini(&buffer);
	submission_free(submission);
	result_free(result);
}

static void
chunk_with_an_item_that_refuses_is_not_written(void **state)
{
	static const char pool;
	struct result *result = result_new(&pool, NULL);
	SCOPED(condition) condition = NULL;
	struct submission *submission;
	struct chunk chunk;
	struct buffer buffer = {0};

	(void)state;
	MUST(condition_new(&condition));
	submission = submission_new(result, square,
		value_list(value_integer(1), value_condition(condition)), 2);
	chunk = submission_next_chunk(submission);
	MUST_RAISE_WITH(RuntimeError, "Condition objects",
		chunk_encode(&chunk, 1, &buffer));
	buffer_fini(&buffer);
	submission_free(submission);
	submission_free(NULL);
	result_free(result);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(chunks_are_full_but_for_the_last),
		cmocka_unit_test(submission_of_nothing_gives_an_empty_list),
		cmocka_unit_test(values_stand_in_the_order_of_their_items),
		cmocka_unit_test(single_item_gives_its_value_and_no_list),
		cmocka_unit_test(first_error_is_kept_and_every_chunk_awaited),
		cmocka_unit_test(error_in_a_reply_is_the_error_of_its_chunk),
		cmocka_unit_test(reply_cut_short_is_an_error),
		cmocka_unit_test(abandoned_submission_gets_the_error_at_once),
		cmocka_unit_test(
			abandoned_submission_keeps_an_error_that_it_has),
		cmocka_unit_test(chunk_is_written_as_a_worker_reads_it),
		cmocka_unit_test(
			chunk_with_an_item_that_refuses_is_not_written),
	};

	return cmocka_run_group_tests_name("submission", tests, NULL, NULL) !=
	       0;
}
