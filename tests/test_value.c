/* test_value.c - values: their kinds, lists of them, and objects in them. */
#include "value.h"

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
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

/* An object that counts who holds it. */
struct tally {
	int holders;
};

static void
hold_tally(void *object)
{
	((struct tally *)object)->holders++;
}

static void
release_tally(void *object)
{
	((struct tally *)object)->holders--;
}

static const struct value_class tally_class = {
	.interface = "Tally",
	.name = "test tally",
	.hold = hold_tally,
	.drop = release_tally,
};

/* One value of each kind, in the order of the kinds. */
static struct value *
one_of_each(struct tally *tally)
{
	return value_list(value_nothing(), value_integer(-7), value_real(0.5),
		value_text("text"), value_bytes("a\0b", 3),
		value_list(value_integer(1)),
		value_object(&tally_class, tally));
}

static const struct value *
item_of(const struct value *list, size_t index)
{
	const struct value *item;

	MUST(value_at(list, index, &item));
	return item;
}

static void
integers_hold_what_they_are_given(void **state)
{
	static const long long integers[] = {INT64_MIN, -1, 0, 1, INT64_MAX};

	(void)state;
	for (size_t i = 0; i < 5; i++) {
		SCOPED(value) value = value_integer(integers[i]);
		long long integer = 99;

		assert_int_equal(value_kind(value), VALUE_INTEGER);
		MUST(value_get_integer(value, &integer));
		assert_true(integer == integers[i]);
	}
}

static void
reals_hold_what_they_are_given(void **state)
{
	static const double reals[] = {0.0, -0.0, 0.1, INFINITY, NAN};

	(void)state;
	for (size_t i = 0; i < 5; i++) {
		SCOPED(value) value = value_real(reals[i]);
		double real = 99;

		assert_int_equal(value_kind(value), VALUE_REAL);
		MUST(value_get_real(value, &real));
		assert_memory_equal(&real, &reals[i], sizeof(real));
	}
}

static void
text_is_copied(void **state)
{
	char given[] = "caf\xc3\xa9";
	SCOPED(value) value = value_text(given);
	SCOPED(value) empty = value_text("");
	const char *text;

	(void)state;
	memset(given, '?', sizeof(given) - 1);
	assert_int_equal(value_kind(value), VALUE_TEXT);
	MUST(value_get_text(value, &text));
	assert_string_equal(text, "caf\xc3\xa9");
	MUST(value_get_text(empty, &text));
	assert_string_equal(text, "");
}

static void
bytes_are_copied(void **state)
{
	char given[] = "a\0b";
	SCOPED(value) value = value_bytes(given, 3);
	SCOPED(value) empty = value_bytes(NULL, 0);
	const void *bytes;
	size_t size;

	(void)state;
	memset(given, '?', 3);
	assert_int_equal(value_kind(value), VALUE_BYTES);
	MUST(value_get_bytes(value, &bytes, &size));
	assert_int_equal(size, 3);
	assert_memory_equal(bytes, "a\0b", 3);
	MUST(value_get_bytes(empty, &bytes, &size));
	assert_int_equal(size, 0);
}

static void
kinds_have_names(void **state)
{
	static const char *const names[] = {
		"nothing", "integer", "real", "text", "bytes", "list", "Tally"};
	struct tally tally = {0};
	SCOPED(value) all = one_of_each(&tally);

	(void)state;
	for (size_t kind = 0; kind <= VALUE_OBJECT; kind++) {
		const struct value *value = item_of(all, kind);

		assert_int_equal(value_kind(value), kind);
		assert_string_equal(value_kind_name(value), names[kind]);
	}
}

/* Asks a value for what it holds, as if it were of a kind. */
static struct error *
get_as(const struct value *value, enum value_kind kind)
{
	long long integer;
	double real;
	const char *text;
	const void *bytes;
	size_t size;
	void *object;

	switch (kind) {
	case VALUE_INTEGER:
		return value_get_integer(value, &integer);
	case VALUE_REAL:
		return value_get_real(value, &real);
	case VALUE_TEXT:
		return value_get_text(value, &text);
	case VALUE_BYTES:
		return value_get_bytes(value, &bytes, &size);
	case VALUE_LIST:
		return value_at(value, 0, &value);
	case VALUE_OBJECT:
		return value_get_object(value, "Tally", &object);
	case VALUE_NOTHING:
		break;
	}
	return NULL;
}

static void
another_kind_raises_type_error(void **state)
{
	struct tally tally = {0};
	SCOPED(value) all = one_of_each(&tally);

	(void)state;
	for (size_t held = 0; held <= VALUE_OBJECT; held++)
		for (size_t asked = VALUE_INTEGER; asked <= VALUE_OBJECT;
			asked++) {
			const struct value *value = item_of(all, held);
			char message[80];

			snprintf(message, sizeof(message),
				"%s expected, not %s",
				value_kind_name(item_of(all, asked)),
				value_kind_name(value));
			if (held == asked)
				MUST(get_as(value, asked));
			else
				MUST_RAISE_EXACTLY(get_as(value, asked),
					TypeError, message);
		}
}

static void
object_is_known_by_its_interface(void **state)
{
	struct tally tally = {0};
	SCOPED(value) value = value_object(&tally_class, &tally);
	void *object;

	(void)state;
	MUST(value_get_object(value, "Tally", &object));
	assert_ptr_equal(object, &tally);
	assert_ptr_equal(value_object_class(value), &tally_class);
	MUST_RAISE_EXACTLY(value_get_object(value, "Condition", &object),
		TypeError, "Condition expected, not Tally");
}

static void
lists_keep_the_order_of_their_items(void **state)
{
	SCOPED(value) list = value_empty_list();
	long long integer;

	(void)state;
	assert_int_equal(value_count(list), 0);
	for (long long i = 0; i < 1000; i++)
		value_append(list, value_integer(i * i));
	assert_int_equal(value_count(list), 1000);
	for (long long i = 0; i < 1000; i++) {
		MUST(value_integer_at(list, (size_t)i, &integer));
		assert_int_equal(integer, i * i);
	}
}

static void
lists_are_made_of_what_is_named(void **state)
{
	struct value *items[] = {value_integer(3), value_integer(4)};
	SCOPED(value) named = value_list(value_text("a"), value_real(0.25));
	SCOPED(value) given = value_list_of(items, 2);
	SCOPED(value) none = value_list_of(NULL, 0);
	long long integer;
	const char *text;
	double real;

	(void)state;
	assert_int_equal(value_count(named), 2);
	MUST(value_text_at(named, 0, &text));
	assert_string_equal(text, "a");
	MUST(value_real_at(named, 1, &real));
	assert_true(real == 0.25);
	assert_int_equal(value_count(given), 2);
	MUST(value_integer_at(given, 0, &integer));
	assert_int_equal(integer, 3);
	MUST(value_integer_at(given, 1, &integer));
	assert_int_equal(integer, 4);
	assert_int_equal(value_count(none), 0);
}

static void
what_an_item_holds_stays_where_it_is(void **state)
{
	SCOPED(value) list = value_list(value_text("text"));
	const char *before, *after;

	(void)state;
	MUST(value_text_at(list, 0, &before));
	for (long long i = 0; i < 1000; i++)
		value_append(list, value_integer(i));
	MUST(value_text_at(list, 0, &after));
	assert_ptr_equal(before, after);
}

static void
nothings_are_a_list_of_nothing(void **state)
{
	SCOPED(value) none = value_nothings(0);
	SCOPED(value) list = value_nothings(3);

	(void)state;
	assert_int_equal(value_count(none), 0);
	assert_int_equal(value_count(list), 3);
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(value_kind(item_of(list, i)), VALUE_NOTHING);
	value_append(list, value_text("after them"));
	value_append(none, value_text("alone"));
	assert_int_equal(value_kind(item_of(list, 3)), VALUE_TEXT);
	assert_int_equal(value_kind(item_of(none, 0)), VALUE_TEXT);
}

static void
taking_an_item_leaves_nothing(void **state)
{
	struct tally tally = {0};
	struct value *list = value_list(value_integer(1),
		value_object(&tally_class, &tally), value_integer(3));
	struct value *taken = value_take(list, 1);
	long long integer;

	(void)state;
	assert_int_equal(tally.holders, 1);
	assert_int_equal(value_kind(taken), VALUE_OBJECT);
	assert_int_equal(value_kind(item_of(list, 1)), VALUE_NOTHING);
	MUST(value_integer_at(list, 2, &integer));
	assert_int_equal(integer, 3);
	value_free(list);
	assert_int_equal(tally.holders, 1);
	value_free(taken);
	assert_int_equal(tally.holders, 0);
}

static void
item_beyond_the_end_raises_index_error(void **state)
{
	SCOPED(value) list = value_list(value_integer(1), value_integer(2));
	SCOPED(value) none = value_empty_list();
	const struct value *item;
	long long integer;
	double real;
	const char *text;

	(void)state;
	MUST_RAISE_EXACTLY(
		value_at(list, 2, &item), IndexError, "item 2 of a list of 2");
	MUST_RAISE_EXACTLY(value_integer_at(none, 0, &integer), IndexError,
		"item 0 of a list of 0");
	MUST_RAISE_EXACTLY(value_real_at(list, 3, &real), IndexError,
		"item 3 of a list of 2");
	MUST_RAISE_EXACTLY(value_text_at(list, SIZE_MAX, &text), IndexError,
		"item 18446744073709551615 of a list of 2");
}

static void
item_of_another_kind_raises_type_error(void **state)
{
	SCOPED(value) list = value_list(value_nothing());
	SCOPED(value) text_value = value_text("no list");
	struct error *errors[4];
	long long integer;
	double real;
	const char *text;

	(void)state;
	errors[0] = value_integer_at(list, 0, &integer);
	errors[1] = value_real_at(list, 0, &real);
	errors[2] = value_text_at(list, 0, &text);
	errors[3] = value_integer_at(text_value, 0, &integer);
	for (int i = 0; i < 4; i++) {
		assert_non_null(errors[i]);
		assert_int_equal(errors[i]->kind, TypeError);
		error_free(errors[i]);
	}
}

static void
values_count_as_holders_of_their_object(void **state)
{
	struct tally tally = {0};
	struct value *one = value_object(&tally_class, &tally);
	struct value *other = value_object(&tally_class, &tally);
	struct value *list = value_list(one, value_list(other));

	(void)state;
	assert_int_equal(tally.holders, 2);
	value_free(list);
	assert_int_equal(tally.holders, 0);
}

static void
value_copy_shares_an_object(void **state)
{
	struct tally tally = {0};
	struct value *value = value_object(&tally_class, &tally);
	struct value *copy = value_copy(value);
	void *object;

	(void)state;
	assert_int_equal(tally.holders, 2);
	value_free(value);
	assert_int_equal(tally.holders, 1);
	MUST(value_get_object(copy, "Tally", &object));
	assert_ptr_equal(object, &tally);
	value_free(copy);
	assert_int_equal(tally.holders, 0);
}

static void
value_copy_copies_all_else(void **state)
{
	struct tally tally = {0};
	struct value *all = one_of_each(&tally);
	SCOPED(value) copy = value_copy(all);
	const void *bytes;
	const char *text;
	long long integer;
	size_t size;
	double real;

	(void)state;
	value_free(all);
	assert_int_equal(value_count(copy), 7);
	assert_int_equal(value_kind(item_of(copy, 0)), VALUE_NOTHING);
	MUST(value_integer_at(copy, 1, &integer));
	assert_int_equal(integer, -7);
	MUST(value_real_at(copy, 2, &real));
	assert_true(real == 0.5);
	MUST(value_text_at(copy, 3, &text));
	assert_string_equal(text, "text");
	MUST(value_get_bytes(item_of(copy, 4), &bytes, &size));
	assert_memory_equal(bytes, "a\0b", size);
	MUST(value_integer_at(item_of(copy, 5), 0, &integer));
	assert_int_equal(integer, 1);
}

static void
value_free_takes_null(void **state)
{
	(void)state;
	value_free(NULL);
}

static void
append_to_no_list(void *value)
{
	value_append(value, NULL);
}

static void
count_no_list(void *value)
{
	value_count(value);
}

static void
class_of_no_object(void *value)
{
	value_object_class(value);
}

static void
take_too_far(void *value)
{
	value_take(value, 2);
}

static void
taking_what_is_not_there_panics(void **state)
{
	SCOPED(value) list = value_list(value_integer(1), value_integer(2));
	struct heard heard = hear(STDERR_FILENO, take_too_far, list);

	(void)state;
	assert_non_null(strstr(heard.text, "item 2 of a list of 2"));
	assert_true(WIFSIGNALED(heard.status));
	assert_int_equal(WTERMSIG(heard.status), SIGABRT);
}

static void
take_from_no_list(void *value)
{
	value_take(value, 0);
}

static void
misuse_panics(void **state)
{
	static child_main *const misuses[] = {append_to_no_list, count_no_list,
		take_from_no_list, class_of_no_object};
	SCOPED(value) value = value_integer(1);

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		struct heard heard = hear(STDERR_FILENO, misuses[i], value);

		assert_non_null(strstr(heard.text, "panic: "));
		assert_non_null(strstr(heard.text, value_kind_name(value)));
		assert_true(WIFSIGNALED(heard.status));
		assert_int_equal(WTERMSIG(heard.status), SIGABRT);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(integers_hold_what_they_are_given),
		cmocka_unit_test(reals_hold_what_they_are_given),
		cmocka_unit_test(text_is_copied),
		cmocka_unit_test(bytes_are_copied),
		cmocka_unit_test(kinds_have_names),
		cmocka_unit_test(another_kind_raises_type_error),
		cmocka_unit_test(object_is_known_by_its_interface),
		cmocka_unit_test(lists_keep_the_order_of_their_items),
		cmocka_unit_test(lists_are_made_of_what_is_named),
		cmocka_unit_test(what_an_item_holds_stays_where_it_is),
		cmocka_unit_test(nothings_are_a_list_of_nothing),
		cmocka_unit_test(taking_an_item_leaves_nothing),
		cmocka_unit_test(taking_what_is_not_there_panics),
		cmocka_unit_test(item_beyond_the_end_raises_index_error),
		cmocka_unit_test(item_of_another_kind_raises_type_error),
		cmocka_unit_test(values_count_as_holders_of_their_object),
		cmocka_unit_test(value_copy_shares_an_object),
		cmocka_unit_test(value_copy_copies_all_else),
		cmocka_unit_test(value_free_takes_null),
		cmocka_unit_test(misuse_panics),
	};

	return cmocka_run_group_tests_name("value", tests, NULL, NULL) != 0;
}
