#include "history.h"

#include "panic.h"
#include "source.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const kind_names[TRACE_KIND_COUNT] = {
	[TRACE_FORK] = "fork",
	[TRACE_THREAD] = "thread",
	[TRACE_START] = "start",
	[TRACE_EXIT] = "exit",
	[TRACE_SUBMIT] = "submit",
	[TRACE_ENCODE] = "encode",
	[TRACE_SEND] = "send",
	[TRACE_RECEIVE] = "receive",
	[TRACE_TASK_START] = "task_start",
	[TRACE_TASK_END] = "task_end",
	[TRACE_SETTLE] = "settle",
	[TRACE_AWAIT] = "await",
	[TRACE_READY] = "ready",
	[TRACE_ERROR_BORN] = "error_born",
	[TRACE_ERROR_STORED] = "error_stored",
	[TRACE_ERROR_SEEN] = "error_seen",
	[TRACE_ACQUIRE] = "acquire",
	[TRACE_BLOCKED] = "blocked",
	[TRACE_ACQUIRED] = "acquired",
	[TRACE_WAIT] = "wait",
	[TRACE_WOKEN] = "woken",
	[TRACE_TIMED_OUT] = "timed_out",
	[TRACE_NOTIFY] = "notify",
	[TRACE_RELEASE] = "release",
	[TRACE_REQUEST] = "request",
	[TRACE_REPLY] = "reply",
	[TRACE_FAILED] = "failed",
	[TRACE_PRINT] = "print",
	[TRACE_SLEEP] = "sleep",
	[TRACE_WAKE] = "wake",
};

const char *
history_kind_name(enum trace_kind kind)
{
	return kind_names[kind];
}

static enum trace_kind
kind_of(const struct event *event)
{
	return event->entry ? (enum trace_kind)event->entry->kind : TRACE_NONE;
}

/*
 * Which thread each entry is of.
 */

/* Gives a track the name of its place, and says which one of that name it is.
 */
static void
name_track(struct history *history, struct track *track, const char *place)
{
	static const char *const endings[] = {"th", "st", "nd", "rd"};
	size_t before = 0;
	size_t length = strlen(place);
	unsigned ordinal;

	for (size_t i = 0; i + 1 < history->track_count; i++) {
		const char *name = history->tracks[i].name;

		before += strncmp(name, place, length) == 0 &&
			  (name[length] == '\0' ||
				  strncmp(name + length, " (", 2) == 0);
	}
	ordinal = (unsigned)before + 1;
	if (ordinal == 1)
		snprintf(track->name, sizeof(track->name), "%s", place);
	else
		snprintf(track->name, sizeof(track->name), "%s (%u%s)", place,
			ordinal,
			endings[ordinal % 10 < 4 && ordinal / 10 % 10 != 1
					? ordinal % 10
					: 0]);
}

/* Numbers the process and the thread of the last track. */
static void
number_track(struct history *history, struct track *track)
{
	int processes = 0;

	track->thread = 1;
	for (size_t i = 0; i + 1 < history->track_count; i++) {
		const struct track *other = &history->tracks[i];

		if (other->process > processes)
			processes = other->process;
		if (other->process_id == track->process_id) {
			track->process = other->process;
			track->thread++;
		}
	}
	if (!track->process)
		track->process = processes + 1;
}

static size_t
track_of(struct history *history, const struct entry *entry, uint64_t number)
{
	struct track *track;

	for (size_t i = 0; i < history->track_count; i++)
		if (history->tracks[i].thread_id == entry->thread)
			return i;
	history->tracks = must_have(reallocarray(history->tracks,
		history->track_count + 1, sizeof(*history->tracks)));
	track = &history->tracks[history->track_count++];
	*track = (struct track){.thread_id = entry->thread,
		.process_id = entry->process,
		.first = number};
	name_track(history, track, entry->place);
	number_track(history, track);
	return history->track_count - 1;
}

/*
 * What caused each entry, and what it is about.
 */

/* The last entry of a process before another. */
static uint64_t
last_of(const struct history *history, pid_t process, uint64_t before)
{
	while (--before > 0)
		if (history->events[before].entry &&
			history->events[before].entry->process == process)
			return before;
	return 0;
}

/* The end of a process comes after all that it did. */
static void
connect_exit(struct history *history, uint64_t number)
{
	struct event *event = &history->events[number];

	event->cause = last_of(history, event->entry->told.child, number);
	for (size_t i = 0; event->cause && i < history->track_count; i++)
		if (history->tracks[i].process_id == event->entry->told.child &&
			history->tracks[i].thread == 1)
			event->child = i;
}

static void
connect_event(struct history *history, uint64_t number)
{
	struct event *event = &history->events[number];
	uint64_t cause = event->entry->told.cause;

	event->child = NO_TRACK;
	if (cause < number && history->events[cause].entry)
		event->cause = cause;
	if (kind_of(event) == TRACE_START && event->cause)
		history->events[cause].child = event->track;
	if (kind_of(event) == TRACE_EXIT && event->entry->told.child)
		connect_exit(history, number);
}

/* What a track is at: which chunk, which task. */
struct work {
	uint64_t chunk_received;
	bool in_task;
	uint64_t task;
};

static void
copy_work(struct event *event, const struct event *from)
{
	event->submission = from->submission;
	event->task = from->task;
	event->tasks = from->tasks;
	event->chunk = from->chunk;
}

/* In a worker, tasks are counted within their chunk. */
static void
place_in_task(struct history *history, struct event *event, struct work *work)
{
	const struct event *chunk = &history->events[work->chunk_received];

	if (kind_of(event) == TRACE_TASK_START) {
		work->in_task = true;
		work->task = chunk->task + event->entry->told.task;
	}
	copy_work(event, chunk);
	if (work->in_task) {
		event->task = work->task;
		event->tasks = 1;
	}
	if (kind_of(event) == TRACE_TASK_END ||
		kind_of(event) == TRACE_ERROR_BORN)
		work->in_task = false;
}

static void
place_event(struct history *history, uint64_t number, struct work *work)
{
	struct event *event = &history->events[number];
	const struct happening *told = &event->entry->told;

	if (told->submission || kind_of(event) == TRACE_SUBMIT) {
		event->submission =
			told->submission ? told->submission : number;
		event->task = told->task;
		event->tasks = told->tasks;
		event->chunk = told->chunk;
	} else if (kind_of(event) == TRACE_RECEIVE) {
		if (kind_of(&history->events[event->cause]) == TRACE_SEND)
			copy_work(event, &history->events[event->cause]);
		work->chunk_received = event->submission ? number : 0;
		work->in_task = false;
	} else if (work->chunk_received &&
		   (told->chunk || work->in_task ||
			   kind_of(event) == TRACE_SEND)) {
		place_in_task(history, event, work);
	}
}

/* Conditions are numbered in the order in which they turn up. */
static void
number_conditions(struct history *history)
{
	uint64_t *known = NULL;
	size_t count = 0;

	for (size_t i = 1; i <= history->count; i++) {
		struct event *event = &history->events[i];
		uint64_t condition =
			event->entry ? event->entry->told.condition : 0;
		size_t place = 0;

		if (!condition)
			continue;
		while (place < count && known[place] != condition)
			place++;
		if (place == count) {
			known = must_have(
				reallocarray(known, count + 1, sizeof(*known)));
			known[count++] = condition;
		}
		event->condition = place + 1;
	}
	free(known);
}

/*
 * How long each lasted. In each track the times grow, and what stands within
 * something ends no later than that.
 */

/* Whether one lasts until the other, in the same track. */
static bool
lasts_until(enum trace_kind begun, enum trace_kind end)
{
	switch (begun) {
	case TRACE_TASK_START:
		return end == TRACE_TASK_END || end == TRACE_ERROR_BORN;
	case TRACE_AWAIT:
		return end == TRACE_READY || end == TRACE_TIMED_OUT;
	case TRACE_SLEEP:
		return end == TRACE_WAKE;
	case TRACE_ACQUIRE:
	case TRACE_BLOCKED:
		return end == TRACE_ACQUIRED || end == TRACE_FAILED;
	case TRACE_WAIT:
		return end == TRACE_WOKEN || end == TRACE_TIMED_OUT ||
		       end == TRACE_FAILED;
	case TRACE_WOKEN:
	case TRACE_TIMED_OUT:
		return end == TRACE_ACQUIRED;
	case TRACE_NOTIFY:
	case TRACE_RELEASE:
	case TRACE_REQUEST:
		return end == TRACE_REPLY || end == TRACE_FAILED;
	default:
		return false;
	}
}

static bool
may_last(enum trace_kind kind)
{
	for (int end = 0; end < TRACE_KIND_COUNT; end++)
		if (lasts_until(kind, (enum trace_kind)end))
			return true;
	return false;
}

/* Of some, what ends them comes next in their track, or they did not last. */
static bool
lasts_until_next_or_not(enum trace_kind kind)
{
	return kind == TRACE_NOTIFY || kind == TRACE_RELEASE ||
	       kind == TRACE_REQUEST || kind == TRACE_WOKEN ||
	       kind == TRACE_TIMED_OUT;
}

/* What a track is in the midst of, the innermost last. */
struct nest {
	uint64_t *open;
	size_t depth;
	long long last;
};

/* Whether an event ends what is open at a depth. */
static bool
ends_at(const struct history *history, const struct nest *nest, size_t depth,
	const struct event *event)
{
	return lasts_until(
		kind_of(&history->events[nest->open[depth]]), kind_of(event));
}

/* Closes what an event ends; gives the outermost of it, or 0. */
static uint64_t
close_ended(
	struct history *history, struct nest *nest, const struct event *event)
{
	size_t depth = nest->depth;
	uint64_t ended = 0;

	while (depth > 0 && !ends_at(history, nest, depth - 1, event))
		depth--;
	/* To have a lock ends both the wait for it and the call. */
	while (depth > 0 && ends_at(history, nest, depth - 1, event))
		ended = nest->open[--depth];
	while (ended && nest->depth > depth)
		history->events[nest->open[--nest->depth]].end = event->begin;
	return ended;
}

/* Closes what would have ended by now, if it had lasted. */
static void
close_momentary(struct history *history, struct nest *nest)
{
	struct event *top;

	if (nest->depth == 0)
		return;
	top = &history->events[nest->open[nest->depth - 1]];
	if (lasts_until_next_or_not(kind_of(top))) {
		top->end = top->begin + 1;
		nest->depth--;
	}
}

static void
open_event(struct nest *nest, uint64_t number)
{
	nest->open = must_have(
		reallocarray(nest->open, nest->depth + 1, sizeof(*nest->open)));
	nest->open[nest->depth++] = number;
}

/* Who has no line of its own is about that of what it is in, or what it ends.
 */
static void
inherit_line(const struct history *history, const struct nest *nest,
	struct event *event, uint64_t ended)
{
	const struct event *about;

	if (!ended && nest->depth > 0)
		ended = nest->open[nest->depth - 1];
	about = &history->events[ended];
	if (event->file || !ended || kind_of(about) == TRACE_TASK_START)
		return;
	event->file = about->file;
	event->line = about->line;
}

static void
time_event(struct history *history, uint64_t number, struct nest *nest,
	double start)
{
	struct event *event = &history->events[number];
	const struct event *cause = &history->events[event->cause];
	uint64_t ended;

	event->begin = (long long)((event->entry->time - start) * 1e6);
	if (event->begin <= nest->last)
		event->begin = nest->last + 1;
	if (event->cause && event->begin <= cause->begin)
		event->begin = cause->begin + 1;
	nest->last = event->begin;
	event->end = event->begin + 1;
	ended = close_ended(history, nest, event);
	if (!ended)
		close_momentary(history, nest);
	inherit_line(history, nest, event, ended);
	if (may_last(kind_of(event)))
		open_event(nest, number);
}

/* What was never ended lasts as long as its process, or the record. */
static void
end_the_rest(struct history *history, struct nest *nests)
{
	long long last = 0;

	for (size_t i = 0; i < history->track_count; i++)
		if (nests[i].last + 1 > last)
			last = nests[i].last + 1;
	for (size_t i = 0; i < history->track_count; i++) {
		long long end = last;

		for (size_t n = 1; n <= history->count; n++)
			if (kind_of(&history->events[n]) == TRACE_EXIT &&
				history->events[n].child == i)
				end = history->events[n].begin;
		while (nests[i].depth > 0)
			history->events[nests[i].open[--nests[i].depth]].end =
				end;
		free(nests[i].open);
	}
}

static double
first_time(const struct history *history)
{
	double first = 0;

	for (size_t i = 1; i <= history->count; i++) {
		const struct entry *entry = history->events[i].entry;

		if (entry && (first == 0 || entry->time < first))
			first = entry->time;
	}
	return first;
}

static void
time_events(struct history *history)
{
	struct nest *nests =
		must_have(calloc(history->track_count + 1, sizeof(*nests)));
	double start = first_time(history);

	for (size_t i = 0; i < history->track_count; i++)
		nests[i].last = -1;
	for (size_t i = 1; i <= history->count; i++)
		if (history->events[i].entry)
			time_event(history, i, &nests[history->events[i].track],
				start);
	end_the_rest(history, nests);
	free(nests);
}

/*
 * Vector clocks: an entry knows of all that its thread did before, and of all
 * that its cause knew of.
 */
static void
set_clocks(struct history *history)
{
	size_t width = history->track_count;
	uint64_t *latest = must_have(calloc(width + 1, sizeof(*latest)));

	history->clocks = must_have(calloc(
		(history->count + 1) * width + 1, sizeof(*history->clocks)));
	for (size_t i = 1; i <= history->count; i++) {
		const struct event *event = &history->events[i];
		uint32_t *clock = history->clocks + i * width;
		uint32_t *before, *cause;

		if (!event->entry)
			continue;
		before = history->clocks + latest[event->track] * width;
		cause = history->clocks + event->cause * width;
		for (size_t t = 0; t < width; t++)
			clock[t] = before[t] > cause[t] ? before[t] : cause[t];
		clock[event->track]++;
		latest[event->track] = i;
	}
	free(latest);
}

uint32_t
history_clock(const struct history *history, uint64_t number, size_t track)
{
	return history->clocks[number * history->track_count + track];
}

/*
 * The line of the program: the innermost call that is not the library's own.
 */

/* Whether a file is in the same directory as one of the library. */
static bool
is_library(const char *file, const char *of_library)
{
	const char *slash = strrchr(of_library, '/');
	size_t length = slash ? (size_t)(slash - of_library) + 1 : 0;

	return strncmp(file, of_library, length) == 0 &&
	       !strchr(file + length, '/');
}

static void
find_line(struct history *history, struct event *event)
{
	const struct entry *entry = event->entry;
	const char *own = entry->told.file;

	if (entry->born_in[0] && !is_library(entry->born_in, own)) {
		event->file = entry->born_in;
		event->line = entry->born_at;
	}
	for (int i = 0; i < entry->caller_count && !event->file; i++) {
		int line;
		const char *file = source_of_call(
			history->source, entry->callers[i], &line);

		if (file && !is_library(file, own)) {
			event->file = file;
			event->line = line;
		}
	}
}

static void
read_entries(struct history *history)
{
	uint64_t claimed = trace_log->claimed;

	history->count = claimed < TRACE_ROOM ? claimed : TRACE_ROOM;
	history->lost = claimed - history->count;
	history->events =
		must_have(calloc(history->count + 1, sizeof(*history->events)));
	for (size_t i = 1; i <= history->count; i++) {
		struct event *event = &history->events[i];

		event->entry = trace_entry(i);
		if (event->entry)
			event->track = track_of(history, event->entry, i);
	}
}

struct history *
history_new(void)
{
	struct history *history = must_have(calloc(1, sizeof(*history)));
	struct work *works;

	read_entries(history);
	history->source = source_open();
	works = must_have(calloc(history->track_count + 1, sizeof(*works)));
	for (size_t i = 1; i <= history->count; i++) {
		struct event *event = &history->events[i];

		if (!event->entry)
			continue;
		connect_event(history, i);
		place_event(history, i, &works[event->track]);
		find_line(history, event);
	}
	free(works);
	number_conditions(history);
	time_events(history);
	set_clocks(history);
	return history;
}

void
history_free(struct history *history)
{
	if (!history)
		return;
	source_close(history->source);
	free(history->events);
	free(history->tracks);
	free(history->clocks);
	free(history);
}
