#include "python.h"

#include "error.h"
#include "figure.h"
#include "party.h"
#include "sys.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* How long its start may take, in seconds. */
#define START_LIMIT 60

/* The one process. */
static struct {
	bool runs;
	struct party party;
	/* A socket on which each message is a line, here and there. */
	int way, their_way;
	char program[4096];
} self;

static void
become_python(void *context)
{
	(void)context;
	dup2(self.their_way, STDIN_FILENO);
	dup2(self.their_way, STDOUT_FILENO);
	execlp("python3", "python3", "-E", "-B", "bench/peer.py", NULL);
	dprintf(STDOUT_FILENO, "there is no python3\n");
}

/* Receives a line, without its end. */
static struct error *
receive_reply(char *reply, size_t size, double limit)
{
	ssize_t got;

	TRY(party_await(self.way, limit));
	got = recv(self.way, reply, size - 1, 0);
	if (got <= 0)
		return RAISE(RuntimeError, "it has ended");
	reply[got] = 0;
	reply[strcspn(reply, "\n")] = 0;
	return NULL;
}

static struct error *
greet(void)
{
	char reply[sizeof(self.program) + 8];

	TRY(receive_reply(reply, sizeof(reply), START_LIMIT));
	if (sscanf(reply, "ready %4095[^\n]", self.program) != 1)
		return RAISE(RuntimeError, "%.200s", reply);
	return NULL;
}

struct error *
python_prepare(void)
{
	struct error *error;
	int ends[2];

	if (self.runs)
		return NULL;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
		return RAISE_ERRNO("socketpair");
	self.way = sys_private(ends[0]);
	self.their_way = ends[1];
	error = TRACED(party_start(&self.party, become_python, NULL));
	close(self.their_way);
	if (error) {
		sys_close(self.way);
		return error;
	}
	self.runs = true;
	error = TRACED(greet());
	if (error)
		python_end();
	return error;
}

static struct error *
ask(const struct trial *trial, double limit, char *reply, size_t size)
{
	char order[128];
	int length = snprintf(
		order, sizeof(order), "%s %ld\n", trial->figure, trial->count);

	if (send(self.way, order, (size_t)length, MSG_NOSIGNAL) < 0)
		return RAISE(RuntimeError, "it has ended");
	TRY(receive_reply(reply, size, limit));
	return NULL;
}

struct error *
python_measure(const struct trial *trial, double limit, double *value)
{
	char reply[512];
	struct error *error = TRACED(ask(trial, limit, reply, sizeof(reply)));

	if (error) {
		python_end();
		return error;
	}
	if (sscanf(reply, "%lf", value) != 1)
		return RAISE(RuntimeError, "%s", reply);
	return NULL;
}

const char *
python_program(void)
{
	return self.program;
}

void
python_end(void)
{
	if (!self.runs)
		return;
	party_end(&self.party);
	sys_close(self.way);
	self.runs = false;
}
