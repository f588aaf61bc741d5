#include "python.h"

#include "error.h"
#include "figure.h"
#include "party.h"
#include "sys.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* How long its start may take, in seconds. */
#define START_LIMIT 60

static const char program[] = "bench/peer.py";

/* The one process. */
static struct {
	bool tried, runs;
	struct party party;
	/* For this process, to write to and to read from. */
	int orders, replies;
	/* For the other process. */
	int their_orders, their_replies;
	char version[32], program[4096];
	/* Why it does not run. */
	char reason[256];
} self;

static void
become_python(void *context)
{
	(void)context;
	dup2(self.their_orders, STDIN_FILENO);
	dup2(self.their_replies, STDOUT_FILENO);
	execlp("python3", "python3", "-E", "-B", program, NULL);
}

/* Reads a line, without its end. */
static struct error *
read_reply(char *reply, size_t size, double limit)
{
	struct pollfd entry = {.fd = self.replies, .events = POLLIN};
	double deadline = sys_deadline(limit);
	size_t length = 0;
	ssize_t got;

	do {
		int ready =
			poll(&entry, 1, sys_remaining_milliseconds(deadline));

		if (ready < 0 && errno == EINTR)
			continue;
		if (ready == 0)
			return RAISE(TimeoutError, "no end within %g s", limit);
		got = read(self.replies, reply + length, size - 1 - length);
		if (got <= 0)
			return RAISE(RuntimeError, "it has ended");
		length += (size_t)got;
	} while (length < size - 1 &&
		 (length == 0 || reply[length - 1] != '\n'));
	reply[length - (reply[length - 1] == '\n')] = 0;
	return NULL;
}

static struct error *
open_ways(void)
{
	int orders[2], replies[2];

	if (pipe2(orders, O_CLOEXEC) < 0 || pipe2(replies, O_CLOEXEC) < 0)
		return RAISE_ERRNO("pipe");
	self.orders = sys_private(orders[1]);
	self.replies = sys_private(replies[0]);
	self.their_orders = orders[0];
	self.their_replies = replies[1];
	return NULL;
}

static struct error *
greet(void)
{
	char reply[sizeof(self.version) + sizeof(self.program) + 8];

	TRY(read_reply(reply, sizeof(reply), START_LIMIT));
	if (sscanf(reply, "ready %31s %4095[^\n]", self.version,
		    self.program) != 2)
		return RAISE(RuntimeError, "peer.py says '%.200s'", reply);
	return NULL;
}

static bool
is_there(const char *name)
{
	const char *path = getenv("PATH");
	char file[4096];

	while (path && *path) {
		size_t length = strcspn(path, ":");

		snprintf(
			file, sizeof(file), "%.*s/%s", (int)length, path, name);
		if (access(file, X_OK) == 0)
			return true;
		path += length + (path[length] == ':');
	}
	return false;
}

static struct error *
start(void)
{
	struct error *error;

	if (access(program, R_OK) < 0)
		return RAISE_ERRNO("%s", program);
	if (!is_there("python3"))
		return RAISE(OSError, "there is no python3");
	TRY(open_ways());
	error = TRACED(party_start(&self.party, become_python, NULL));
	close(self.their_orders);
	close(self.their_replies);
	self.runs = !error;
	if (!error)
		error = TRACED(greet());
	if (error)
		python_end();
	return error;
}

static void
keep_reason(const struct error *error)
{
	snprintf(self.reason, sizeof(self.reason), "%s", error->message);
}

struct error *
python_prepare(void)
{
	if (!self.tried) {
		SCOPED(error) error = TRACED(start());

		self.tried = true;
		if (error)
			keep_reason(error);
	}
	if (!self.runs)
		return RAISE(RuntimeError, "%s", self.reason);
	return NULL;
}

struct error *
python_measure(const struct trial *trial, double limit, double *value)
{
	struct error *error;
	char reply[512];

	if (dprintf(self.orders, "%s %ld\n", trial->figure, trial->count) < 0)
		return RAISE_ERRNO("write");
	error = TRACED(read_reply(reply, sizeof(reply), limit));
	if (error) {
		party_give_up(&self.party);
		self.runs = false;
		keep_reason(error);
		return error;
	}
	if (sscanf(reply, "%lf", value) != 1)
		return RAISE(RuntimeError, "%s", reply);
	return NULL;
}

const char *
python_version(void)
{
	return self.runs ? self.version : NULL;
}

const char *
python_program(void)
{
	return self.runs ? self.program : NULL;
}

void
python_end(void)
{
	if (self.runs)
		party_end(&self.party);
	self.runs = false;
}
