/*
 * test_encoding.c - values and errors come out of their encoding as they went
 * in, and no bytes whatever do harm.
 */
#include "encoding.h"

#include "buffer.h"
#include "hear.h"
#include "must.h"
#include "value.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* CMocka wants these four before it. */
#include <cmocka.h>

#include <limits.h>
#include <math.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

/* An object that can be encoded, unless its number is negative. */
struct token {
	int holders;
	long long number;
};

/* How many tokens there are. */
static int tokens;

static struct token *
token_new(long long number)
{
	struct token *token = malloc(sizeof(*token));

	assert_non_null(token);
	*token = (struct token){1, number};
	tokens++;
	return token;
}

static void
hold_token(void *object)
{
	((struct token *)object)->holders++;
}

static void
release_token(void *object)
{
	struct token *token = object;

	if (--token->holders > 0)
		return;
	tokens--;
	free(token);
}

static struct error *
encode_token(const void *object, struct buffer *buffer)
{
	const struct token *token = object;

	if (token->number < 0)
		return RAISE(RuntimeError, "this one stays here");
	buffer_put_number(buffer, (uint64_t)token->number);
	return NULL;
}

static struct error *
decode_token(struct reader *reader, void **object)
{
	uint64_t number;

	TRY(reader_take_number(reader, &number));
	if (number > 1000)
		return RAISE(ConnectionError, "nobody knows this one");
	*object = token_new((long long)number);
	return NULL;
}

static const struct value_class token_class = {
	.interface = "Token",
	.name = "test token",
	.hold = hold_token,
	.drop = release_token,
	.encode = encode_token,
	.decode = decode_token,
};

__attribute__((constructor)) static void
register_token(void)
{
	encoding_register(&token_class);
}

/* A value that holds the only share of a new token. */
static struct value *
value_token(long long number)
{
	struct token *token = token_new(number);
	struct value *value = value_object(&token_class, token);

	release_token(token);
	return value;
}

/* Values of all kinds, the odd ones among them. */
static struct value *
all_kinds(void)
{
	return value_list(value_nothing(), value_integer(INT64_MIN),
		value_integer(-1), value_integer(INT64_MAX), value_real(-0.0),
		value_real(NAN), value_real(-INFINITY), value_real(5e-324),
		value_text(""), value_text("caf\xc3\xa9\n"),
		value_bytes(NULL, 0), value_bytes("\0\xff", 2), value_token(7),
		value_empty_list(),
		value_list(value_list(value_integer(1)), value_token(8)));
}

static struct reader
read_buffer(const struct buffer *buffer)
{
	return (struct reader){buffer->bytes, buffer->length};
}

/* What two values that are the same have in common: their encoding. */
static void
assert_same(const struct value *one, const struct value *other)
{
	struct buffer encoded[2] = {{0}, {0}};

	MUST(encode_value(one, &encoded[0]));
	MUST(encode_value(other, &encoded[1]));
	assert_int_equal(encoded[0].length, encoded[1].length);
	assert_memory_equal(
		encoded[0].bytes, encoded[1].bytes, encoded[0].length);
	buffer_fini(&encoded[0]);
	buffer_fini(&encoded[1]);
}

/* Encodes a value, and gives what comes out; the caller frees it. */
static struct value *
send_over(const struct value *value)
{
	struct buffer buffer = {0};
	struct value *decoded;
	struct reader reader;

	MUST(encode_value(value, &buffer));
	reader = read_buffer(&buffer);
	MUST(decode_value(&reader, &decoded));
	MUST(reader_end(&reader));
	buffer_fini(&buffer);
	return decoded;
}

static void
what_was_left_out_comes_out_as_nothing(void **state)
{
	SCOPED(value) decoded = send_over(NULL);

	(void)state;
	assert_int_equal(value_kind(decoded), VALUE_NOTHING);
}

static void
every_kind_comes_out_as_it_went_in(void **state)
{
	struct value *all = all_kinds();
	struct value *decoded = send_over(all);

	(void)state;
	assert_int_equal(value_count(decoded), value_count(all));
	for (size_t i = 0; i < value_count(all); i++) {
		const struct value *one, *other;

		MUST(value_at(all, i, &one));
		MUST(value_at(decoded, i, &other));
		assert_int_equal(value_kind(one), value_kind(other));
		assert_same(one, other);
	}
	value_free(all);
	value_free(decoded);
	assert_int_equal(tokens, 0);
}

static void
integers_and_reals_come_out_to_the_bit(void **state)
{
	SCOPED(value) value = value_list(value_integer(INT64_MIN),
		value_integer(-2), value_real(-0.0), value_real(NAN));
	SCOPED(value) decoded = send_over(value);
	long long integer;
	double real;

	(void)state;
	MUST(value_integer_at(decoded, 0, &integer));
	assert_true(integer == INT64_MIN);
	MUST(value_integer_at(decoded, 1, &integer));
	assert_true(integer == -2);
	MUST(value_real_at(decoded, 2, &real));
	assert_true(real == 0 && signbit(real));
	MUST(value_real_at(decoded, 3, &real));
	assert_true(isnan(real));
}

static void
text_and_bytes_come_out_whole(void **state)
{
	SCOPED(value) value = value_list(value_text("caf\xc3\xa9"),
		value_text(""), value_bytes("a\0b", 3), value_bytes(NULL, 0));
	SCOPED(value) decoded = send_over(value);
	const struct value *item;
	const void *bytes;
	const char *text;
	size_t size;

	(void)state;
	MUST(value_text_at(decoded, 0, &text));
	assert_string_equal(text, "caf\xc3\xa9");
	MUST(value_text_at(decoded, 1, &text));
	assert_string_equal(text, "");
	MUST(value_at(decoded, 2, &item));
	MUST(value_get_bytes(item, &bytes, &size));
	assert_int_equal(size, 3);
	assert_memory_equal(bytes, "a\0b", 3);
	MUST(value_at(decoded, 3, &item));
	MUST(value_get_bytes(item, &bytes, &size));
	assert_int_equal(size, 0);
}

static void
large_values_come_out_whole(void **state)
{
	size_t size = 4 << 20;
	char *text = malloc(size + 1);
	struct value *value, *decoded;

	(void)state;
	assert_non_null(text);
	memset(text, 'x', size);
	text[size] = 0;
	value = value_list(value_text(text), value_bytes(text, size));
	free(text);
	for (long long i = 0; i < 20000; i++)
		value_append(value, value_integer(i));
	decoded = send_over(value);
	assert_same(value, decoded);
	value_free(value);
	value_free(decoded);
}

static void
objects_are_asked_to_encode_and_decode(void **state)
{
	struct value *value = value_token(42);
	struct value *decoded = send_over(value);
	void *one, *other;

	(void)state;
	MUST(value_get_object(value, "Token", &one));
	MUST(value_get_object(decoded, "Token", &other));
	assert_ptr_not_equal(one, other);
	assert_int_equal(((struct token *)other)->number, 42);
	assert_int_equal(((struct token *)other)->holders, 1);
	assert_int_equal(tokens, 2);
	value_free(value);
	value_free(decoded);
	assert_int_equal(tokens, 0);
}

static void
refusal_of_an_object_is_passed_on(void **state)
{
	struct value *value = value_list(
		value_token(1), value_list(value_token(-1)), value_token(2));
	struct buffer buffer = {0};

	(void)state;
	MUST_RAISE_EXACTLY(encode_value(value, &buffer), RuntimeError,
		"this one stays here");
	buffer_fini(&buffer);
	value_free(value);
	assert_int_equal(tokens, 0);
}

static void
failure_of_an_object_to_decode_is_passed_on(void **state)
{
	struct value *value = value_list(value_token(1), value_token(2000));
	struct buffer buffer = {0};
	struct value *decoded;
	struct reader reader;

	(void)state;
	MUST(encode_value(value, &buffer));
	value_free(value);
	reader = read_buffer(&buffer);
	MUST_RAISE_EXACTLY(decode_value(&reader, &decoded), ConnectionError,
		"nobody knows this one");
	assert_int_equal(tokens, 0);
	buffer_fini(&buffer);
}

static void
unknown_class_raises(void **state)
{
	struct buffer buffer = {0};
	struct value *decoded;
	struct reader reader;

	(void)state;
	buffer_put_byte(&buffer, VALUE_OBJECT);
	buffer_put_text(&buffer, "test toke");
	reader = read_buffer(&buffer);
	MUST_RAISE_EXACTLY(decode_value(&reader, &decoded), ValueError,
		"'test toke' is no class of objects");
	buffer_fini(&buffer);
}

static void
unknown_kind_raises(void **state)
{
	(void)state;
	for (int kind = VALUE_OBJECT + 1; kind < 256; kind++) {
		unsigned char byte = (unsigned char)kind;
		struct reader reader = {&byte, 1};
		struct value *decoded;
		char message[40];

		snprintf(message, sizeof(message), "%d is not a kind of value",
			kind);
		MUST_RAISE_EXACTLY(
			decode_value(&reader, &decoded), ValueError, message);
	}
}

static void
values_stand_one_behind_the_other(void **state)
{
	SCOPED(value) one = value_text("one");
	SCOPED(value) two = value_integer(2);
	SCOPED(value) first = NULL;
	SCOPED(value) second = NULL;
	struct buffer buffer = {0};
	struct reader reader;

	(void)state;
	MUST(encode_value(one, &buffer));
	MUST(encode_value(two, &buffer));
	reader = read_buffer(&buffer);
	MUST(decode_value(&reader, &first));
	MUST(decode_value(&reader, &second));
	MUST(reader_end(&reader));
	assert_same(first, one);
	assert_same(second, two);
	buffer_fini(&buffer);
}

static void
items_take_the_places_of_others(void **state)
{
	struct value *from = value_list(value_integer(0), value_text("one"),
		value_token(2), value_integer(3));
	struct value *to = value_list(value_token(9), value_token(9),
		value_text("nine"), value_token(9));
	struct value *whole = value_list(value_token(9), value_text("one"),
		value_token(2), value_token(9));
	struct buffer buffer = {0};
	struct reader reader;

	(void)state;
	MUST(encode_items(from, 1, 2, &buffer));
	reader = read_buffer(&buffer);
	MUST(decode_items(&reader, to, 1, 2));
	MUST(reader_end(&reader));
	assert_same(to, whole);
	MUST(encode_items(from, 4, 0, &buffer));
	assert_ptr_equal(buffer.bytes + buffer.length, reader.bytes);
	value_free(from);
	value_free(to);
	value_free(whole);
	assert_int_equal(tokens, 0);
	buffer_fini(&buffer);
}

static void
items_that_are_cut_short_raise(void **state)
{
	SCOPED(value) from = value_list(value_text("one"), value_text("two"));
	SCOPED(value) to = value_list(value_text("a"), value_text("b"));
	struct buffer buffer = {0};

	(void)state;
	MUST(encode_items(from, 0, 2, &buffer));
	for (size_t length = 0; length < buffer.length; length++) {
		struct reader reader = {buffer.bytes, length};
		struct error *error = decode_items(&reader, to, 0, 2);

		assert_non_null(error);
		assert_int_equal(error->kind, ValueError);
		error_free(error);
		assert_int_equal(value_count(to), 2);
	}
	buffer_fini(&buffer);
}

static void
encode_too_many(void *list)
{
	struct buffer buffer = {0};

	error_free(encode_items(list, 1, 2, &buffer));
}

static void
decode_too_far(void *list)
{
	struct reader reader = {0};

	error_free(decode_items(&reader, list, 3, SIZE_MAX));
}

static void
items_that_are_not_there_panic(void **state)
{
	static child_main *const misuses[] = {encode_too_many, decode_too_far};
	SCOPED(value) list = value_nothings(2);

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct heard heard = hear(STDERR_FILENO, misuses[i], list);

		assert_non_null(strstr(heard.text, "of a list of 2"));
		assert_int_equal(WTERMSIG(heard.status), SIGABRT);
	}
}

/* A list in a list, and so on, as deep as that. */
static struct value *
nested(int depth)
{
	struct value *value = value_empty_list();

	while (--depth > 0)
		value = value_list(value);
	return value;
}

static void
lists_nest_to_the_limit(void **state)
{
	SCOPED(value) value = nested(ENCODING_DEPTH_LIMIT);
	SCOPED(value) decoded = send_over(value);

	(void)state;
	assert_same(value, decoded);
}

static void
one_list_too_deep_is_not_encoded(void **state)
{
	SCOPED(value) value = nested(ENCODING_DEPTH_LIMIT + 1);
	struct buffer buffer = {0};

	(void)state;
	MUST_RAISE_EXACTLY(encode_value(value, &buffer), ValueError,
		"lists nested deeper than 100");
	buffer_fini(&buffer);
}

static void
lists_too_deep_are_not_decoded(void **state)
{
	static const int depths[] = {ENCODING_DEPTH_LIMIT + 1, 1000000};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct buffer buffer = {0};
		struct value *decoded;
		struct reader reader;

		for (int depth = 0; depth < depths[i]; depth++) {
			buffer_put_byte(&buffer, VALUE_LIST);
			buffer_put_number(&buffer, depth + 1 < depths[i]);
		}
		reader = read_buffer(&buffer);
		MUST_RAISE_EXACTLY(decode_value(&reader, &decoded), ValueError,
			"lists nested deeper than 100");
		buffer_fini(&buffer);
	}
}

static void
false_counts_raise(void **state)
{
	static const uint64_t counts[] = {4, 5, 1ull << 32, UINT64_MAX};

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		struct buffer buffer = {0};
		struct value *decoded;
		struct reader reader;
		struct error *error;

		buffer_put_byte(&buffer, VALUE_LIST);
		buffer_put_number(&buffer, counts[i]);
		for (int item = 0; item < 3; item++)
			buffer_put_byte(&buffer, VALUE_NOTHING);
		reader = read_buffer(&buffer);
		error = decode_value(&reader, &decoded);
		assert_non_null(error);
		assert_int_equal(error->kind, ValueError);
		error_free(error);
		buffer_fini(&buffer);
	}
}

/*
 * Decodes bytes that may be anything, from memory that ends with them; whether
 * that went well. Nothing may be left of it.
 */
static bool
can_decode_value(const unsigned char *bytes, size_t length)
{
	unsigned char *exactly = malloc(length ? length : 1);
	struct reader reader = {exactly, length};
	struct value *decoded = NULL;
	struct error *error;
	bool good;

	assert_non_null(exactly);
	memcpy(exactly, bytes, length);
	error = decode_value(&reader, &decoded);
	good = error == NULL;
	assert_true(good == (decoded != NULL));
	error_free(error);
	value_free(decoded);
	free(exactly);
	assert_int_equal(tokens, 0);
	return good;
}

static struct buffer
encode_all_kinds(void)
{
	SCOPED(value) all = all_kinds();
	struct buffer buffer = {0};

	MUST(encode_value(all, &buffer));
	return buffer;
}

static void
every_truncation_of_a_value_raises(void **state)
{
	struct buffer buffer = encode_all_kinds();

	(void)state;
	for (size_t length = 0; length < buffer.length; length++)
		if (can_decode_value(buffer.bytes, length))
			fail_msg("%zu bytes are no value", length);
	assert_true(can_decode_value(buffer.bytes, buffer.length));
	buffer_fini(&buffer);
}

static void
no_changed_byte_of_a_value_does_harm(void **state)
{
	struct buffer buffer = encode_all_kinds();

	(void)state;
	for (size_t i = 0; i < buffer.length; i++)
		for (int change = 1; change < 256; change++) {
			buffer.bytes[i] ^= (unsigned char)change;
			can_decode_value(buffer.bytes, buffer.length);
			buffer.bytes[i] ^= (unsigned char)change;
		}
	buffer_fini(&buffer);
}

static struct error *
error_with_frames(void)
{
	struct error *error = error_new(MaybeEncodingError, "it %s", "broke");

	error_add_frame(
		error, &(struct frame){"", INT_MAX, "caf\xc3\xa9", "a(1)", ""});
	error_add_frame(error, &(struct frame){"b.c", -1, "b", "", "worker 2"});
	return error;
}

static void
errors_come_out_with_their_frames(void **state)
{
	struct error *error = error_with_frames(), *decoded;
	char *before = error_traceback(error), *after;
	struct buffer buffer = {0};
	struct reader reader;

	(void)state;
	encode_error(error, &buffer);
	reader = read_buffer(&buffer);
	MUST(decode_error(&reader, &decoded));
	MUST(reader_end(&reader));
	after = error_traceback(decoded);
	assert_string_equal(after, before);
	assert_int_equal(decoded->kind, MaybeEncodingError);
	assert_int_equal(decoded->frame_count, 2);
	assert_int_equal(decoded->frames[0].line, INT_MAX);
	assert_int_equal(decoded->frames[1].line, -1);
	assert_string_equal(decoded->frames[1].place, "worker 2");
	free(before);
	free(after);
	error_free(error);
	error_free(decoded);
	buffer_fini(&buffer);
}

static void
every_kind_of_error_comes_out_without_frames(void **state)
{
	(void)state;
	for (int kind = 0; kind < ERROR_KIND_COUNT; kind++) {
		struct error *error = error_new((enum error_kind)kind, "%%");
		struct buffer buffer = {0};
		struct error *decoded;
		struct reader reader;

		encode_error(error, &buffer);
		reader = read_buffer(&buffer);
		MUST(decode_error(&reader, &decoded));
		assert_int_equal(decoded->frame_count, 0);
		MUST_RAISE_EXACTLY(decoded, (enum error_kind)kind, "%");
		error_free(error);
		buffer_fini(&buffer);
	}
}

/* As can_decode_value(). */
static bool
can_decode_error(const unsigned char *bytes, size_t length)
{
	unsigned char *exactly = malloc(length ? length : 1);
	struct reader reader = {exactly, length};
	struct error *decoded = NULL, *error;
	bool good;

	assert_non_null(exactly);
	memcpy(exactly, bytes, length);
	error = decode_error(&reader, &decoded);
	good = error == NULL;
	assert_true(good == (decoded != NULL));
	error_free(error);
	error_free(decoded);
	free(exactly);
	return good;
}

static void
every_truncation_of_an_error_raises(void **state)
{
	struct error *error = error_with_frames();
	struct buffer buffer = {0};

	(void)state;
	encode_error(error, &buffer);
	for (size_t length = 0; length < buffer.length; length++)
		if (can_decode_error(buffer.bytes, length))
			fail_msg("%zu bytes are no error", length);
	assert_true(can_decode_error(buffer.bytes, buffer.length));
	error_free(error);
	buffer_fini(&buffer);
}

static void
no_changed_byte_of_an_error_does_harm(void **state)
{
	struct error *error = error_with_frames();
	struct buffer buffer = {0};

	(void)state;
	encode_error(error, &buffer);
	for (size_t i = 0; i < buffer.length; i++)
		for (int change = 1; change < 256; change++) {
			buffer.bytes[i] ^= (unsigned char)change;
			can_decode_error(buffer.bytes, buffer.length);
			buffer.bytes[i] ^= (unsigned char)change;
		}
	error_free(error);
	buffer_fini(&buffer);
}

static void
unknown_kind_of_error_raises(void **state)
{
	unsigned char byte = ERROR_KIND_COUNT;
	struct reader reader = {&byte, 1};
	struct error *decoded;
	char message[40];

	(void)state;
	snprintf(message, sizeof(message), "%d is not a kind of error", byte);
	MUST_RAISE_EXACTLY(
		decode_error(&reader, &decoded), ValueError, message);
}

/* It would come out as another line than it went in. */
static void
line_that_is_too_large_raises(void **state)
{
	struct buffer buffer = {0};
	struct error *decoded;
	struct reader reader;

	(void)state;
	buffer_put_byte(&buffer, ValueError);
	buffer_put_text(&buffer, "message");
	buffer_put_number(&buffer, 1);
	buffer_put_text(&buffer, "file.c");
	buffer_put_number(&buffer, (uint64_t)INT_MAX + 1);
	for (int i = 0; i < 3; i++)
		buffer_put_text(&buffer, "");
	reader = (struct reader){buffer.bytes, buffer.length};
	MUST_RAISE_EXACTLY(decode_error(&reader, &decoded), ValueError,
		"2147483648 is not a line");
	buffer_fini(&buffer);
}

static void
register_nine_classes(void *context)
{
	(void)context;
	for (int i = 0; i < 9; i++)
		encoding_register(&token_class);
}

static void
ninth_class_panics(void **state)
{
	struct heard heard = hear(STDERR_FILENO, register_nine_classes, NULL);

	(void)state;
	assert_non_null(strstr(heard.text, "panic: "));
	assert_true(WIFSIGNALED(heard.status));
	assert_int_equal(WTERMSIG(heard.status), SIGABRT);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_left_out_comes_out_as_nothing),
		cmocka_unit_test(every_kind_comes_out_as_it_went_in),
		cmocka_unit_test(integers_and_reals_come_out_to_the_bit),
		cmocka_unit_test(text_and_bytes_come_out_whole),
		cmocka_unit_test(large_values_come_out_whole),
		cmocka_unit_test(objects_are_asked_to_encode_and_decode),
		cmocka_unit_test(refusal_of_an_object_is_passed_on),
		cmocka_unit_test(failure_of_an_object_to_decode_is_passed_on),
		cmocka_unit_test(unknown_class_raises),
		cmocka_unit_test(unknown_kind_raises),
		cmocka_unit_test(values_stand_one_behind_the_other),
		cmocka_unit_test(items_take_the_places_of_others),
		cmocka_unit_test(items_that_are_cut_short_raise),
		cmocka_unit_test(items_that_are_not_there_panic),
		cmocka_unit_test(lists_nest_to_the_limit),
		cmocka_unit_test(one_list_too_deep_is_not_encoded),
		cmocka_unit_test(lists_too_deep_are_not_decoded),
		cmocka_unit_test(false_counts_raise),
		cmocka_unit_test(every_truncation_of_a_value_raises),
		cmocka_unit_test(no_changed_byte_of_a_value_does_harm),
		cmocka_unit_test(errors_come_out_with_their_frames),
		cmocka_unit_test(every_kind_of_error_comes_out_without_frames),
		cmocka_unit_test(every_truncation_of_an_error_raises),
		cmocka_unit_test(no_changed_byte_of_an_error_does_harm),
		cmocka_unit_test(unknown_kind_of_error_raises),
		cmocka_unit_test(line_that_is_too_large_raises),
		cmocka_unit_test(ninth_class_panics),
	};

	return cmocka_run_group_tests_name("encoding", tests, NULL, NULL) != 0;
}
