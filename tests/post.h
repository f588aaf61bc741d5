/*
 * post.h - words of one byte between a test and its children, so that each
 * knows how far the other is, and nobody has to guess by sleeping.
 */
#ifndef FORKLORE_POST_H
#define FORKLORE_POST_H

#include "child.h"
#include "process.h"

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

/* A pipe that children inherit, to be used in either direction. */
struct post {
	int ends[2];
};

static inline struct post
post_open(void)
{
	struct post post;

	assert_int_equal(pipe2(post.ends, O_CLOEXEC), 0);
	return post;
}

static inline void
post_close(const struct post *post)
{
	close(post->ends[0]);
	close(post->ends[1]);
}

static inline void
post_send(const struct post *post, char word)
{
	assert_int_equal(write(post->ends[1], &word, 1), 1);
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

/* Waits for the next word; fails the test if none comes within the limit. */
static inline char
post_await(const struct post *post)
{
	char word;

	if (!becomes_readable(post->ends[0]))
		fail_msg("a word that does not come");
	assert_int_equal(read(post->ends[0], &word, 1), 1);
	return word;
}

/*
 * Waits until a child sleeps. To be used after its word that it is about to, in
 * the one place in which it then can.
 */
static inline void
post_await_sleep(pid_t pid)
{
	assert_true(process_await(pid, 'S'));
}

/* Waits until every other process that shares the post has ended. */
static inline void
post_await_ends(struct post *post)
{
	char byte;

	close(post->ends[1]);
	post->ends[1] = -1;
	assert_true(becomes_readable(post->ends[0]));
	assert_int_equal(read(post->ends[0], &byte, 1), 0);
}

#endif
