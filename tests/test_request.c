/* test_request.c - requests and replies survive the way, or are refused. */
#include "must.h"

#include "buffer.h"
#include "request.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/*
 * A copy of the front of a buffer, just as long, so that a checker sees each
 * byte that is read beyond it.
 */
struct piece {
	unsigned char *bytes;
	struct reader reader;
};

static struct piece
piece_of(const struct buffer *buffer, size_t length)
{
	struct piece piece = {.bytes = malloc(length ? length : 1)};

	assert_non_null(piece.bytes);
	if (length > 0)
		memcpy(piece.bytes, buffer->bytes, length);
	piece.reader = (struct reader){piece.bytes, length};
	return piece;
}

static void
request_must_come_back(struct request request)
{
	struct buffer buffer = {0};
	struct request taken = {0};
	struct reader reader;

	request_put(&request, &buffer);
	reader = (struct reader){buffer.bytes, buffer.length};
	MUST(request_take(&reader, &taken));
	assert_int_equal(taken.kind, request.kind);
	assert_true(taken.condition == request.condition);
	assert_true(taken.timeout == request.timeout ||
		    (isnan(taken.timeout) && isnan(request.timeout)));
	assert_true(taken.amount == request.amount);
	buffer_fini(&buffer);
}

static void
request_comes_back_as_it_was(void **state)
{
	(void)state;
	for (int kind = 0; kind < REQUEST_KIND_COUNT; kind++) {
		request_must_come_back(
			(struct request){(enum request_kind)kind, 1, 0.25, 2});
		request_must_come_back((struct request){(enum request_kind)kind,
			UINT64_MAX, INFINITY, INT64_MAX});
		request_must_come_back((struct request){
			(enum request_kind)kind, 0, -1.5, INT64_MIN});
		request_must_come_back(
			(struct request){(enum request_kind)kind, 0, NAN, -1});
	}
}

static void
request_cut_short_is_refused(void **state)
{
	struct request request = {REQUEST_WAIT, 7, 1.5, 3};
	struct buffer buffer = {0};

	(void)state;
	request_put(&request, &buffer);
	for (size_t length = 0; length < buffer.length; length++) {
		struct piece piece = piece_of(&buffer, length);

		MUST_RAISE(ValueError, request_take(&piece.reader, &request));
		free(piece.bytes);
	}
	buffer_fini(&buffer);
}

static void
request_with_a_byte_too_many_is_refused(void **state)
{
	struct request request = {REQUEST_WAIT, 7, 1.5, 3};
	struct buffer buffer = {0};
	struct reader reader;

	(void)state;
	request_put(&request, &buffer);
	buffer_put_byte(&buffer, 0);
	reader = (struct reader){buffer.bytes, buffer.length};
	MUST_RAISE_WITH(
		ValueError, "too long", request_take(&reader, &request));
	buffer_fini(&buffer);
}

static void
request_of_unknown_kind_is_refused(void **state)
{
	struct request request = {REQUEST_WAIT, 7, 1.5, 3};
	struct buffer buffer = {0};

	(void)state;
	request_put(&request, &buffer);
	for (int kind = REQUEST_KIND_COUNT; kind <= UINT8_MAX; kind++) {
		struct reader reader = {buffer.bytes, buffer.length};

		buffer.bytes[0] = (unsigned char)kind;
		MUST_RAISE_WITH(ValueError, "kind of request",
			request_take(&reader, &request));
	}
	buffer_fini(&buffer);
}

static void
reply_comes_back_as_it_was(void **state)
{
	static const uint64_t numbers[] = {0, 1, UINT64_MAX};

	(void)state;
	for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++) {
		struct buffer buffer = {0};
		struct reader reader;
		uint64_t number = 42;

		reply_put(numbers[i], &buffer);
		reader = (struct reader){buffer.bytes, buffer.length};
		MUST(reply_take(&reader, &number));
		assert_true(number == numbers[i]);
		buffer_fini(&buffer);
	}
}

/* A reply that is an error with this line as its innermost frame. */
static struct buffer
error_reply(void)
{
	struct buffer buffer = {0};
	struct error *error = RAISE(TimeoutError, "too late");

	reply_put_error(error, &buffer);
	error_free(error);
	return buffer;
}

static void
reply_that_is_an_error_is_raised(void **state)
{
	struct buffer buffer = error_reply();
	struct reader reader = {buffer.bytes, buffer.length};
	struct error *error;
	uint64_t number;

	(void)state;
	error = reply_take(&reader, &number);
	assert_non_null(error);
	assert_int_equal(error->kind, TimeoutError);
	assert_string_equal(error->message, "too late");
	assert_true(error->frame_count >= 1);
	assert_string_equal(error->frames[0].function, "error_reply");
	error_free(error);
	buffer_fini(&buffer);
}

static void
must_be_refused_when_cut(const struct buffer *reply)
{
	uint64_t number;

	for (size_t length = 0; length < reply->length; length++) {
		struct piece piece = piece_of(reply, length);

		MUST_RAISE(ValueError, reply_take(&piece.reader, &number));
		free(piece.bytes);
	}
}

static void
reply_cut_short_is_refused(void **state)
{
	struct buffer number = {0}, error = error_reply();

	(void)state;
	reply_put(7, &number);
	must_be_refused_when_cut(&number);
	must_be_refused_when_cut(&error);
	buffer_fini(&number);
	buffer_fini(&error);
}

static void
must_be_refused_when_longer(struct buffer *reply)
{
	struct reader reader;
	uint64_t number;

	buffer_put_byte(reply, 0);
	reader = (struct reader){reply->bytes, reply->length};
	MUST_RAISE_WITH(ValueError, "too long", reply_take(&reader, &number));
}

static void
number_with_a_byte_too_many_is_refused(void **state)
{
	struct buffer reply = {0};

	(void)state;
	reply_put(7, &reply);
	must_be_refused_when_longer(&reply);
	buffer_fini(&reply);
}

static void
error_with_a_byte_too_many_is_refused(void **state)
{
	struct buffer reply = error_reply();

	(void)state;
	must_be_refused_when_longer(&reply);
	buffer_fini(&reply);
}

static void
reply_of_unknown_kind_is_refused(void **state)
{
	struct buffer buffer = {0};
	uint64_t number;

	(void)state;
	reply_put(7, &buffer);
	for (int kind = 2; kind <= UINT8_MAX; kind++) {
		struct reader reader = {buffer.bytes, buffer.length};

		buffer.bytes[0] = (unsigned char)kind;
		MUST_RAISE_WITH(ValueError, "kind of reply",
			reply_take(&reader, &number));
	}
	buffer_fini(&buffer);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(request_comes_back_as_it_was),
		cmocka_unit_test(request_cut_short_is_refused),
		cmocka_unit_test(request_with_a_byte_too_many_is_refused),
		cmocka_unit_test(request_of_unknown_kind_is_refused),
		cmocka_unit_test(reply_comes_back_as_it_was),
		cmocka_unit_test(reply_that_is_an_error_is_raised),
		cmocka_unit_test(reply_cut_short_is_refused),
		cmocka_unit_test(number_with_a_byte_too_many_is_refused),
		cmocka_unit_test(error_with_a_byte_too_many_is_refused),
		cmocka_unit_test(reply_of_unknown_kind_is_refused),
	};

	return cmocka_run_group_tests_name("request", tests, NULL, NULL) != 0;
}
