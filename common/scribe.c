#include "scribe.h"

#include "error.h"
#include "history.h"
#include "ledger.h"
#include "panic.h"
#include "sys.h"
#include "trace.h"
#include "trace_file.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* The main process, its end of the two, and the scribe. */
static pid_t main_process;
static int lifeline = -1;
static pid_t scribe;

static void
await_end(int socket)
{
	char byte;

	while (read(socket, &byte, 1) < 0 && errno == EINTR)
		;
	close(socket);
}

/* The ledger, which the caller frees. */
static char *
ledger_text(const struct history *history)
{
	char *text;
	size_t size;
	FILE *stream = must_have(open_memstream(&text, &size));

	ledger_print(history, stream);
	if (fclose(stream) != 0)
		panic("out of memory");
	return text;
}

static char *
command_text(const struct scribe_order *order)
{
	char *text;
	size_t size;
	FILE *stream = must_have(open_memstream(&text, &size));

	for (int i = 0; i < order->argc; i++)
		fprintf(stream, i ? " %s" : "%s", order->argv[i]);
	if (fclose(stream) != 0)
		panic("out of memory");
	return text;
}

static void
write_file(const struct scribe_order *order, const struct history *history,
	const char *ledger)
{
	FILE *file = must_have(fdopen(order->file, "w"));
	char *command = command_text(order);
	struct trace_head head = {.program = program_invocation_short_name,
		.command = command,
		.ledger = ledger};
	bool written = trace_file_write(history, &head, file);

	if (fclose(file) != 0 || !written)
		fprintf(stderr, "%s: cannot write the record to '%s': %s\n",
			program_invocation_short_name, order->path,
			strerror(errno));
	free(command);
}

_Noreturn static void
be_scribe(const struct scribe_order *order, int socket)
{
	struct history *history;
	char *ledger;

	error_set_place("scribe");
	await_end(socket);
	history = history_new();
	ledger = ledger_text(history);
	if (order->explain)
		fputs(ledger, stderr);
	if (history->lost > 0)
		fprintf(stderr,
			"%s: the record has room for %" PRIu64
			" entries, and %" PRIu64 " more were lost\n",
			program_invocation_short_name, TRACE_ROOM,
			history->lost);
	if (order->file >= 0)
		write_file(order, history, ledger);
	free(ledger);
	history_free(history);
	_exit(0);
}

/*
 * What ends the program, or all of a terminal's, is not for the scribe, from
 * its first moment on: it keeps all signals back.
 */
static struct error *
fork_deaf(int kept, pid_t *child)
{
	sigset_t all, old;
	struct error *error;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	error = TRACED(sys_fork(kept, child));
	if (error || *child > 0)
		pthread_sigmask(SIG_SETMASK, &old, NULL);
	return error;
}

struct error *
scribe_start(const struct scribe_order *order)
{
	int ends[2];

	TRY(trace_open());
	TRY(sys_socket_pair(ends));
	main_process = getpid();
	TRY(fork_deaf(ends[0], &scribe));
	if (scribe == 0)
		be_scribe(order, ends[0]);
	sys_close(ends[0]);
	sys_close(order->file);
	lifeline = ends[1];
	return NULL;
}

/*
 * Wherever in here a signal comes, its handler may call this again, and waits
 * as well: nothing is done that could not be done twice.
 */
void
scribe_finish(void)
{
	if (lifeline < 0 || getpid() != main_process)
		return;
	shutdown(lifeline, SHUT_WR);
	while (waitpid(scribe, NULL, 0) < 0 && errno == EINTR)
		;
}
