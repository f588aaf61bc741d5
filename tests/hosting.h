/*
 * hosting.h - a manager's server for tests, as a child of the test and without
 * a struct manager before it.
 */
#ifndef FORKLORE_HOSTING_H
#define FORKLORE_HOSTING_H

#include "link.h"
#include "must.h"
#include "request.h"
#include "server.h"
#include "sys.h"

#include <stdlib.h>
#include <sys/socket.h>

struct hosting {
	pid_t server;
	/* The server ends when this is closed. */
	int lifeline;
	char *address;
};

static inline void
run_server(void *lifeline)
{
	server_run(*(int *)lifeline);
}

static inline struct hosting
hosting_start(void)
{
	struct hosting hosting;
	int ends[2];

	assert_int_equal(
		socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
	sys_private(ends[0]);
	hosting.server = child_start(run_server, &ends[1]);
	close(ends[1]);
	hosting.lifeline = ends[0];
	MUST(server_await_address(hosting.lifeline, &hosting.address));
	return hosting;
}

/* Ends the server, as a manager does, and sees that it ends well. */
static inline void
hosting_end(struct hosting *hosting)
{
	sys_close(hosting->lifeline);
	assert_int_equal(child_wait(hosting->server), 0);
	free(hosting->address);
}

/* Asks over the calling thread's link; gives the reply. */
static inline uint64_t
ask(const struct hosting *hosting, struct request request)
{
	uint64_t reply;

	MUST(link_request(hosting->address, &request, &reply));
	return reply;
}

/* Has the calling thread's client make a condition; gives its number. */
static inline uint64_t
make_condition(const struct hosting *hosting)
{
	return ask(hosting, (struct request){.kind = REQUEST_MAKE});
}

#endif
