#include "ledger.h"

#include "history.h"
#include "panic.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* Of several entries about a task, the one of the highest rank tells most. */
static int
rank(const struct event *event)
{
	switch (event->entry ? event->entry->kind : TRACE_NONE) {
	case TRACE_TASK_END:
		return 4;
	case TRACE_ERROR_BORN:
		return 3;
	case TRACE_TASK_START:
		return 2;
	case TRACE_SEND:
		return 1;
	default:
		return 0;
	}
}

/* "worker 2"; a thread that is not its process's first: "main [handler]". */
static void
print_place(
	const struct history *history, const struct event *event, FILE *stream)
{
	const struct track *track = &history->tracks[event->track];

	for (size_t i = 0; track->thread > 1 && i < history->track_count; i++)
		if (history->tracks[i].process == track->process &&
			history->tracks[i].thread == 1)
			fprintf(stream, "%s [%s]", history->tracks[i].name,
				track->name);
	if (track->thread == 1)
		fprintf(stream, "%s", track->name);
}

static void
print_failure(
	const struct history *history, const struct event *event, FILE *stream)
{
	fprintf(stream, "failed in ");
	print_place(history, event, stream);
	/* There, a chunk with a number is one that was being sent. */
	if (history->tracks[event->track].thread > 1 &&
		event->entry->told.chunk)
		fprintf(stream, " while its arguments were encoded");
	fprintf(stream, ": %s\n", event->entry->text);
}

static void
print_task(const struct history *history, uint64_t task,
	const struct event *event, FILE *stream)
{
	fprintf(stream, "  Task %" PRIu64 ": ", task);
	switch (rank(event)) {
	case 4:
		fprintf(stream, "ran in ");
		print_place(history, event, stream);
		fprintf(stream, ", returned %s.\n", event->entry->text);
		break;
	case 3:
		print_failure(history, event, stream);
		break;
	case 2:
		fprintf(stream, "began in ");
		print_place(history, event, stream);
		fprintf(stream, ", and did not end.\n");
		break;
	case 1:
		fprintf(stream, "was sent, and did not begin.\n");
		break;
	default:
		fprintf(stream, "%s.\n",
			history->lost ? "is not in the record"
				      : "was never sent");
		break;
	}
}

/* Who it is that the record calls so. */
static const char *
observer_name(const char *observer)
{
	if (strcmp(observer, "callback") == 0)
		return "the error callback";
	if (strcmp(observer, "get") == 0)
		return "result_get()";
	return observer;
}

static void
print_observers(
	const struct history *history, uint64_t submission, FILE *stream)
{
	bool stored = false, settled = false, seen = false;

	for (size_t i = 1; i <= history->count; i++) {
		const struct event *event = &history->events[i];

		if (!event->entry || event->submission != submission)
			continue;
		stored |= event->entry->kind == TRACE_ERROR_STORED;
		settled |= event->entry->kind == TRACE_SETTLE;
		if (event->entry->kind != TRACE_ERROR_SEEN)
			continue;
		fprintf(stream, "%s%s", seen ? ", " : "  Seen by: ",
			observer_name(event->entry->text));
		seen = true;
	}
	if (seen)
		fprintf(stream, ".\n");
	else if (stored && settled)
		fprintf(stream, "  Seen by: nobody.\n");
	else if (settled)
		fprintf(stream, "  There was no error.\n");
	else
		fprintf(stream, "  The result was never ready.\n");
}

static void
print_submission(
	const struct history *history, uint64_t submission, FILE *stream)
{
	uint64_t count = history->events[submission].tasks;
	size_t *best = must_have(calloc(count + 1, sizeof(*best)));

	for (size_t i = 1; i <= history->count; i++) {
		const struct event *event = &history->events[i];
		uint64_t end = event->task + event->tasks;

		if (event->submission != submission)
			continue;
		for (uint64_t t = event->task; t < end && t < count; t++)
			if (rank(event) > rank(&history->events[best[t]]))
				best[t] = i;
	}
	for (uint64_t t = 0; t < count; t++)
		print_task(history, t, &history->events[best[t]], stream);
	print_observers(history, submission, stream);
	free(best);
}

void
ledger_print(const struct history *history, FILE *stream)
{
	size_t submissions = 0;

	fprintf(stream, "What became of each task:\n");
	for (size_t i = 1; i <= history->count; i++) {
		const struct entry *entry = history->events[i].entry;

		if (!entry || entry->kind != TRACE_SUBMIT)
			continue;
		if (submissions++ > 0)
			fprintf(stream, "What was submitted after that:\n");
		print_submission(history, i, stream);
	}
	if (submissions == 0)
		fprintf(stream, "  Nothing was submitted.\n");
}
