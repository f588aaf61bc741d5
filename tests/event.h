/*
 * event.h - something that happens in one process, once or several times, and
 * that another waits for: a pipe, inherited by both.
 */
#ifndef FORKLORE_EVENT_H
#define FORKLORE_EVENT_H

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

struct event {
	int ends[2];
};

/* To be called before the fork of those that share it. */
static inline struct event
event_new(void)
{
	struct event event;

	assert_int_equal(pipe2(event.ends, O_CLOEXEC), 0);
	return event;
}

static inline void
event_happens(const struct event *event)
{
	assert_int_equal(write(event->ends[1], "", 1), 1);
}

/* Whether there is anything to read within so many milliseconds. */
static inline bool
readable_within(int descriptor, int milliseconds)
{
	struct pollfd reader = {.fd = descriptor, .events = POLLIN};
	int ready;

	do
		ready = poll(&reader, 1, milliseconds);
	while (ready < 0 && errno == EINTR);
	return ready > 0;
}

/* Whether there is anything to read, or comes before CHILD_LIMIT. */
static inline bool
becomes_readable(int descriptor)
{
	return readable_within(descriptor, (int)(CHILD_LIMIT * 1000));
}

/* Waits until it has happened once more. */
static inline void
event_await(const struct event *event)
{
	char byte;

	assert_true(becomes_readable(event->ends[0]));
	assert_int_equal(read(event->ends[0], &byte, 1), 1);
}

/* Waits until every other process that shares the event has ended. */
static inline void
event_await_ends(struct event *event)
{
	char byte;

	close(event->ends[1]);
	event->ends[1] = -1;
	assert_true(becomes_readable(event->ends[0]));
	assert_int_equal(read(event->ends[0], &byte, 1), 0);
}

#endif
