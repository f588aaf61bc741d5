#include "seat.h"

#include "error.h"
#include "sys.h"
#include "zygote.h"

#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

void
seat_init(struct seat *seat)
{
	*seat = (struct seat){.state = SEAT_EMPTY, .in = -1, .out = -1};
	TAILQ_INIT(&seat->parcels);
}

static void
close_pipe(int ends[2])
{
	sys_close(ends[0]);
	sys_close(ends[1]);
}

/* Both pipes or none. */
static struct error *
make_pipes(int chunks[2], int replies[2])
{
	struct error *error;

	TRY(sys_pipe(chunks));
	error = TRACED(sys_pipe(replies));
	if (!error) {
		error = TRACED(sys_set_nonblocking(chunks[1]));
		if (!error)
			error = TRACED(sys_set_nonblocking(replies[0]));
		if (error)
			close_pipe(replies);
	}
	if (error)
		close_pipe(chunks);
	return error;
}

struct error *
seat_open(struct seat *seat, size_t limit, int *chunks_end, int *replies_end)
{
	int chunks[2], replies[2];

	TRY(make_pipes(chunks, replies));
	*seat = (struct seat){
		.state = SEAT_STARTING, .out = chunks[1], .in = replies[0]};
	TAILQ_INIT(&seat->parcels);
	channel_init(&seat->channel, seat->in, seat->out, limit);
	*chunks_end = chunks[0];
	*replies_end = replies[1];
	return NULL;
}

void
seat_leave(struct seat *seat)
{
	channel_fini(&seat->channel);
	sys_close(seat->in);
	sys_close(seat->out);
	seat_init(seat);
}

void
seat_hang_up(struct seat *seat)
{
	sys_close(seat->out);
	seat->out = -1;
}

/*
 * A signal as people write it: "SIGKILL (signal 9)"; some have only a number.
 */
struct signal_text {
	char text[32];
};

static struct signal_text
signal_text(int signal)
{
	const char *name = sigabbrev_np(signal);
	struct signal_text text;

	if (name)
		snprintf(text.text, sizeof(text.text), "SIG%s (signal %d)",
			name, signal);
	else
		snprintf(text.text, sizeof(text.text), "signal %d", signal);
	return text;
}

struct error *
seat_loss(const struct zygote_report *report)
{
	size_t worker = report->seat + 1;
	int status = report->status;

	if (WIFSIGNALED(status))
		return RAISE(WorkerLostError,
			"worker %zu (pid %d) was killed by %s while it ran a "
			"task",
			worker, (int)report->pid,
			signal_text(WTERMSIG(status)).text);
	return RAISE(WorkerLostError,
		"worker %zu (pid %d) exited with status %d while it ran a task",
		worker, (int)report->pid, WEXITSTATUS(status));
}
