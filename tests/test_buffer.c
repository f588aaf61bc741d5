/* test_buffer.c - what is put in comes out, and nothing beyond the end. */
#include "buffer.h"

#include "hear.h"
#include "must.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* CMocka wants these four before it. */
#include <cmocka.h>

#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

static struct reader
read_buffer(const struct buffer *buffer)
{
	return (struct reader){buffer->bytes, buffer->length};
}

/*
 * A reader of the first bytes of a buffer, in memory that ends with them, so
 * that a checker of memory sees who reads on. Its bytes are to be freed.
 */
static struct reader
read_part(const struct buffer *buffer, size_t length)
{
	unsigned char *bytes = malloc(length + 1);

	assert_non_null(bytes);
	memcpy(bytes + 1, buffer->bytes, length);
	return (struct reader){bytes + 1, length};
}

static void
free_part(void *bytes)
{
	free((unsigned char *)bytes - 1);
}

static void
bytes_come_out_as_they_went_in(void **state)
{
	struct buffer buffer = {0};
	struct reader reader;
	uint8_t byte;

	(void)state;
	for (int i = 0; i < 256; i++)
		buffer_put_byte(&buffer, (uint8_t)i);
	assert_int_equal(buffer.length, 256);
	reader = read_buffer(&buffer);
	for (int i = 0; i < 256; i++) {
		MUST(reader_take_byte(&reader, &byte));
		assert_int_equal(byte, i);
	}
	MUST(reader_end(&reader));
	buffer_fini(&buffer);
}

static void
numbers_come_out_as_they_went_in(void **state)
{
	static const uint64_t numbers[] = {
		0, 1, 255, 256, INT64_MAX, 1ull << 63, UINT64_MAX};
	size_t count = sizeof(numbers) / sizeof(*numbers);
	struct buffer buffer = {0};
	struct reader reader;
	uint64_t number;

	(void)state;
	/* The odd byte: nothing else is aligned. */
	buffer_put_byte(&buffer, 1);
	for (size_t i = 0; i < count; i++)
		buffer_put_number(&buffer, numbers[i]);
	reader = (struct reader){buffer.bytes + 1, buffer.length - 1};
	for (size_t i = 0; i < count; i++) {
		MUST(reader_take_number(&reader, &number));
		assert_true(number == numbers[i]);
	}
	MUST(reader_end(&reader));
	buffer_fini(&buffer);
}

static void
reals_come_out_to_the_bit(void **state)
{
	static const double reals[] = {
		0.0, -0.0, 0.1, -1e300, 5e-324, INFINITY, -INFINITY, NAN, -NAN};
	size_t count = sizeof(reals) / sizeof(*reals);
	struct buffer buffer = {0};
	struct reader reader;
	double real;

	(void)state;
	for (size_t i = 0; i < count; i++)
		buffer_put_real(&buffer, reals[i]);
	reader = read_buffer(&buffer);
	for (size_t i = 0; i < count; i++) {
		MUST(reader_take_real(&reader, &real));
		assert_memory_equal(&real, &reals[i], sizeof(real));
	}
	MUST(reader_end(&reader));
	buffer_fini(&buffer);
}

static void
texts_come_out_as_copies(void **state)
{
	static const char *const texts[] = {"", "a", "caf\xc3\xa9\n\x7f\xff"};
	struct buffer buffer = {0};
	struct reader reader;
	char *text;

	(void)state;
	for (size_t i = 0; i < 3; i++)
		buffer_put_text(&buffer, texts[i]);
	reader = read_buffer(&buffer);
	for (size_t i = 0; i < 3; i++) {
		MUST(reader_take_text(&reader, &text));
		assert_string_equal(text, texts[i]);
		free(text);
	}
	MUST(reader_end(&reader));
	buffer_fini(&buffer);
}

static void
raw_bytes_are_borrowed(void **state)
{
	struct buffer buffer = {0};
	struct reader reader;
	const void *bytes;

	(void)state;
	buffer_put_bytes(&buffer, "a\0b", 3);
	buffer_put_bytes(&buffer, NULL, 0);
	assert_int_equal(buffer.length, 3);
	reader = read_buffer(&buffer);
	MUST(reader_take_bytes(&reader, 0, &bytes));
	MUST(reader_take_bytes(&reader, 2, &bytes));
	assert_ptr_equal(bytes, buffer.bytes);
	assert_int_equal(reader.length, 1);
	assert_ptr_equal(reader.bytes, buffer.bytes + 2);
	buffer_fini(&buffer);
}

static void
extend_gives_the_new_bytes(void **state)
{
	struct buffer buffer = {0};
	unsigned char *first;

	(void)state;
	buffer_extend(&buffer, 0);
	assert_int_equal(buffer.length, 0);
	buffer_put_byte(&buffer, 'a');
	first = buffer_extend(&buffer, 2);
	assert_ptr_equal(first, buffer.bytes + 1);
	memcpy(first, "bc", 2);
	assert_int_equal(buffer.length, 3);
	assert_memory_equal(buffer.bytes, "abc", 3);
	buffer_fini(&buffer);
}

static void
growing_keeps_what_is_there(void **state)
{
	struct buffer buffer = {0};

	(void)state;
	for (size_t i = 0; i < 100000; i++)
		buffer_put_byte(&buffer, (uint8_t)(i * 31));
	assert_int_equal(buffer.length, 100000);
	assert_true(buffer.room >= buffer.length);
	for (size_t i = 0; i < 100000; i++)
		if (buffer.bytes[i] != (uint8_t)(i * 31))
			fail_msg("byte %zu has changed", i);
	buffer_fini(&buffer);
}

static void
fini_leaves_an_empty_buffer(void **state)
{
	struct buffer buffer = {0};

	(void)state;
	buffer_fini(&buffer);
	buffer_put_text(&buffer, "x");
	buffer_fini(&buffer);
	assert_null(buffer.bytes);
	assert_int_equal(buffer.length + buffer.room, 0);
	buffer_put_byte(&buffer, 'a');
	assert_int_equal(buffer.length, 1);
	buffer_fini(&buffer);
}

/* What is too short for a taker raises, and leaves the reader as it was. */
static void
every_truncation_raises(void **state)
{
	struct buffer buffer = {0};

	(void)state;
	buffer_put_number(&buffer, 3);
	for (size_t length = 0; length < 8; length++) {
		struct reader reader = read_part(&buffer, length);
		void *part = (void *)reader.bytes;
		uint64_t number;
		double real;
		struct error *error = reader_take_number(&reader, &number);

		assert_non_null(error);
		assert_int_equal(error->kind, ValueError);
		error_free(error);
		error = reader_take_real(&reader, &real);
		assert_non_null(error);
		assert_int_equal(error->kind, ValueError);
		error_free(error);
		assert_int_equal(reader.length, length);
		assert_ptr_equal(reader.bytes, part);
		free_part(part);
	}
	buffer_fini(&buffer);
}

static void
every_truncated_text_raises(void **state)
{
	struct buffer buffer = {0};

	(void)state;
	buffer_put_text(&buffer, "hello");
	for (size_t length = 0; length < buffer.length; length++) {
		struct reader reader = read_part(&buffer, length);
		void *part = (void *)reader.bytes;
		char *text;
		struct error *error = reader_take_text(&reader, &text);

		assert_non_null(error);
		assert_int_equal(error->kind, ValueError);
		error_free(error);
		free_part(part);
	}
	buffer_fini(&buffer);
}

static void
truncation_tells_how_much_is_missing(void **state)
{
	struct reader reader = {(const unsigned char *)"abc", 3};
	struct reader nothing = {NULL, 0};
	const void *bytes;
	uint8_t byte;

	(void)state;
	MUST_RAISE_EXACTLY(reader_take_bytes(&reader, 5, &bytes), ValueError,
		"a message ends 2 bytes early: 3 are left of 5");
	MUST_RAISE_EXACTLY(reader_take_byte(&nothing, &byte), ValueError,
		"a message ends 1 bytes early: 0 are left of 1");
}

static void
huge_lengths_raise(void **state)
{
	static const uint64_t lengths[] = {
		1, 9, INT64_MAX, 1ull << 63, UINT64_MAX - 8, UINT64_MAX};

	(void)state;
	for (size_t i = 0; i < sizeof(lengths) / sizeof(*lengths); i++) {
		struct buffer buffer = {0};
		struct reader reader;
		const void *bytes;
		struct error *error;
		char *text;

		buffer_put_number(&buffer, lengths[i]);
		reader = read_buffer(&buffer);
		error = reader_take_text(&reader, &text);
		assert_non_null(error);
		assert_int_equal(error->kind, ValueError);
		error_free(error);
		assert_int_equal(reader.length, 0);
		error = reader_take_bytes(&reader, lengths[i], &bytes);
		assert_non_null(error);
		error_free(error);
		buffer_fini(&buffer);
	}
}

static void
text_with_a_zero_byte_raises(void **state)
{
	static const char *const texts[] = {"\0ab", "a\0b", "ab\0"};

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct buffer buffer = {0};
		struct reader reader;
		char *text;

		buffer_put_number(&buffer, 3);
		buffer_put_bytes(&buffer, texts[i], 3);
		reader = read_buffer(&buffer);
		MUST_RAISE_EXACTLY(reader_take_text(&reader, &text), ValueError,
			"a text with a zero byte in it");
		buffer_fini(&buffer);
	}
}

static void
end_raises_for_what_is_left(void **state)
{
	struct reader reader = {(const unsigned char *)"abc", 3};
	uint8_t byte;

	(void)state;
	MUST_RAISE_EXACTLY(reader_end(&reader), ValueError,
		"a message is 3 bytes too long");
	for (int i = 0; i < 3; i++)
		MUST(reader_take_byte(&reader, &byte));
	MUST(reader_end(&reader));
}

static void
extend_beyond_all_memory(void *context)
{
	struct buffer buffer = {0};

	(void)context;
	buffer_put_byte(&buffer, 0);
	buffer_extend(&buffer, SIZE_MAX);
}

static void
length_that_overflows_panics(void **state)
{
	struct heard heard =
		hear(STDERR_FILENO, extend_beyond_all_memory, NULL);

	(void)state;
	assert_non_null(strstr(heard.text, "panic: "));
	assert_true(WIFSIGNALED(heard.status));
	assert_int_equal(WTERMSIG(heard.status), SIGABRT);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bytes_come_out_as_they_went_in),
		cmocka_unit_test(numbers_come_out_as_they_went_in),
		cmocka_unit_test(reals_come_out_to_the_bit),
		cmocka_unit_test(texts_come_out_as_copies),
		cmocka_unit_test(raw_bytes_are_borrowed),
		cmocka_unit_test(extend_gives_the_new_bytes),
		cmocka_unit_test(growing_keeps_what_is_there),
		cmocka_unit_test(fini_leaves_an_empty_buffer),
		cmocka_unit_test(every_truncation_raises),
		cmocka_unit_test(every_truncated_text_raises),
		cmocka_unit_test(truncation_tells_how_much_is_missing),
		cmocka_unit_test(huge_lengths_raise),
		cmocka_unit_test(text_with_a_zero_byte_raises),
		cmocka_unit_test(end_raises_for_what_is_left),
		cmocka_unit_test(length_that_overflows_panics),
	};

	return cmocka_run_group_tests_name("buffer", tests, NULL, NULL) != 0;
}
