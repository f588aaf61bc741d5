/* hear.h - what a child writes, and how it ends. */
#ifndef FORKLORE_HEAR_H
#define FORKLORE_HEAR_H

#include "child.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* CMocka wants these four before it. */
#include <cmocka.h>

#include <stdio.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

/* What was heard: the first bytes, and in how many writes they came. */
struct heard {
	char text[8192];
	size_t length;
	int writes;
	/* The child's wait status. */
	int status;
};

/* What the child does, and which descriptor it is heard on. */
struct speaker {
	child_main *run;
	void *context;
	int descriptor;
	int end;
};

static inline void
speak(void *context)
{
	const struct speaker *speaker = context;
	const struct rlimit none = {0};

	/* Who is to abort leaves no core. */
	setrlimit(RLIMIT_CORE, &none);
	dup2(speaker->end, speaker->descriptor);
	speaker->run(speaker->context);
}

/*
 * Runs a child to its end and gives what it wrote to a descriptor, which is a
 * socket there, so that each write is told from the next.
 */
static inline struct heard
hear(int descriptor, child_main *run, void *context)
{
	struct heard heard = {.length = 0};
	int ends[2];
	ssize_t got;
	pid_t pid;

	assert_int_equal(
		socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
	pid = child_start(
		speak, &(struct speaker){run, context, descriptor, ends[1]});
	close(ends[1]);
	while ((got = read(ends[0], heard.text + heard.length,
			sizeof(heard.text) - 1 - heard.length)) > 0) {
		heard.length += (size_t)got;
		heard.writes++;
	}
	close(ends[0]);
	heard.text[heard.length] = 0;
	heard.status = child_wait(pid);
	return heard;
}

#endif
