/*
 * wire.h - a pipe on which the processes of a test tell each other numbers, or
 * by its end that all of them are gone. What was forked after wire_open() has
 * both of its ends.
 */
#ifndef FORKLORE_WIRE_H
#define FORKLORE_WIRE_H

#include "child.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* CMocka wants these four before it. */
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <unistd.h>

struct wire {
	int in, out;
};

static inline void
wire_open(struct wire *wire)
{
	int ends[2];

	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	*wire = (struct wire){.in = ends[0], .out = ends[1]};
}

static inline void
wire_close(struct wire *wire)
{
	close(wire->in);
	close(wire->out);
}

/* Sends a number; many processes may at once. */
static inline void
wire_send(const struct wire *wire, long long number)
{
	ssize_t size = sizeof(number);

	assert_int_equal(write(wire->out, &number, sizeof(number)), size);
}

/* Whether there is something to read, or the end, within some seconds. */
static inline bool
wire_is_readable(const struct wire *wire, double seconds)
{
	struct pollfd entry = {.fd = wire->in, .events = POLLIN};
	int ready;

	do
		ready = poll(&entry, 1, (int)(seconds * 1000));
	while (ready < 0 && errno == EINTR);
	return ready > 0;
}

/* Waits for a number. Many processes may at once; each gets another. */
static inline long long
wire_receive(const struct wire *wire)
{
	long long number = 0;
	ssize_t size = sizeof(number);

	assert_true(wire_is_readable(wire, CHILD_LIMIT));
	assert_int_equal(read(wire->in, &number, sizeof(number)), size);
	return number;
}

/*
 * Closes the wire, having waited for so many seconds at most until every other
 * process that could send has ended. Fails the test if a number comes.
 */
static inline void
wire_must_end(struct wire *wire, double seconds)
{
	char byte;

	close(wire->out);
	assert_true(wire_is_readable(wire, seconds));
	assert_int_equal(read(wire->in, &byte, sizeof(byte)), 0);
	close(wire->in);
}

#endif
