/*
 * tasks.h - what workers do in tests, the wires by which a test knows how far
 * they are, and a closer look at what comes of it.
 */
#ifndef FORKLORE_TASKS_H
#define FORKLORE_TASKS_H

#include "must.h"
#include "value.h"
#include "wire.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/types.h>

/* What the tasks tell the test, and what they wait for. */
static struct wire reports, gate;

/* To be called before the workers are forked. */
static inline void
open_wires(void)
{
	wire_open(&reports);
	wire_open(&gate);
}

static inline void
close_wires(void)
{
	wire_close(&reports);
	wire_close(&gate);
}

/* Lets so many of those that wait at the gate go on. */
static inline void
open_gate(int count)
{
	for (int i = 0; i < count; i++)
		wire_send(&gate, 0);
}

/* Waits for so many reports. */
static inline void
await_reports(int count)
{
	for (int i = 0; i < count; i++)
		wire_receive(&reports);
}

/* Like MUST_RAISE_WITH(), but the message is to be that and no more. */
#define MUST_RAISE_SAYING(kind, message, call) \
	must_raise_saying_at(kind, message, (call), #call, __FILE__, __LINE__)

static inline void
must_raise_saying_at(enum error_kind kind, const char *message,
	struct error *error, const char *call, const char *file, int line)
{
	if (error && error->kind == kind)
		_assert_string_equal(error->message, message, file, line);
	must_raise_at(kind, message, error, call, file, line);
}

/* Whether any frame of an error is from a place. */
static inline bool
is_from(const struct error *error, const char *place)
{
	for (size_t i = 0; i < error->frame_count; i++)
		if (strcmp(error->frames[i].place, place) == 0)
			return true;
	return false;
}

/* The integer that a value is, or that stands in a list. */
static inline long long
integer_of(const struct value *value)
{
	long long integer;

	MUST(value_get_integer(value, &integer));
	return integer;
}

static inline long long
integer_at(const struct value *list, size_t index)
{
	long long integer;

	MUST(value_integer_at(list, index, &integer));
	return integer;
}

/* Makes a list of the integers from first up to below end. */
static inline struct value *
integers(long long first, long long end)
{
	struct value *list = value_empty_list();

	for (long long i = first; i < end; i++)
		value_append(list, value_integer(i));
	return list;
}

/* Gives back its argument. */
static inline struct error *
echo(const struct value *arguments, struct value **result)
{
	const struct value *argument;

	TRY(value_at(arguments, 0, &argument));
	*result = value_copy(argument);
	return NULL;
}

static inline struct error *
square(const struct value *arguments, struct value **result)
{
	long long number;

	TRY(value_integer_at(arguments, 0, &number));
	*result = value_integer(number * number);
	return NULL;
}

static inline struct error *
multiply(const struct value *arguments, struct value **result)
{
	long long one, other;

	TRY(value_integer_at(arguments, 0, &one));
	TRY(value_integer_at(arguments, 1, &other));
	*result = value_integer(one * other);
	return NULL;
}

/* Gives the worker's process id. */
static inline struct error *
give_pid(const struct value *arguments, struct value **result)
{
	(void)arguments;
	*result = value_integer(getpid());
	return NULL;
}

/* Reports the worker's process id, waits at the gate, gives its argument. */
static inline struct error *
hold(const struct value *arguments, struct value **result)
{
	wire_send(&reports, getpid());
	wire_receive(&gate);
	TRY(echo(arguments, result));
	return NULL;
}

/* Reports its argument, an integer, and gives it back. */
static inline struct error *
report(const struct value *arguments, struct value **result)
{
	wire_send(&reports, integer_at(arguments, 0));
	TRY(echo(arguments, result));
	return NULL;
}

/* Raises ValueError with its argument, a text, as the message. */
static inline struct error *
refuse(const struct value *arguments, struct value **result)
{
	const char *message;

	(void)result;
	TRY(value_text_at(arguments, 0, &message));
	return RAISE(ValueError, "%s", message);
}

/*
 * The end of a pipe that connects a worker with its pool, to read from
 * (O_RDONLY) or to write to (O_WRONLY): to be found within the worker, as the
 * one that was not there when remember_descriptors() was called.
 */
static bool remembered[256];

static inline void
remember_descriptors(void)
{
	for (int i = 0; i < 256; i++)
		remembered[i] = fcntl(i, F_GETFD) >= 0;
}

static inline int
find_end(int mode)
{
	struct stat about;

	for (int i = 0; i < 256; i++)
		if (!remembered[i] && fstat(i, &about) == 0 &&
			S_ISFIFO(about.st_mode) &&
			(fcntl(i, F_GETFL) & O_ACCMODE) == mode)
			return i;
	fail_msg("no such pipe");
	return -1;
}

/* Waits until all children have ended, also those that lost their parents. */
static inline void
await_all_children(void)
{
	while (waitpid(-1, NULL, 0) > 0 || errno == EINTR)
		;
	assert_int_equal(errno, ECHILD);
}

#endif
