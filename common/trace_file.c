#include "trace_file.h"

#include "history.h"
#include "panic.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

/* Each kind belongs to a group, which viewers call a category. */
static const char *
group_of(enum trace_kind kind)
{
	switch (kind) {
	case TRACE_FORK:
	case TRACE_THREAD:
	case TRACE_START:
	case TRACE_EXIT:
	case TRACE_SLEEP:
	case TRACE_WAKE:
		return "process";
	case TRACE_SUBMIT:
	case TRACE_ENCODE:
	case TRACE_TASK_START:
	case TRACE_TASK_END:
	case TRACE_SETTLE:
	case TRACE_AWAIT:
	case TRACE_READY:
		return "task";
	case TRACE_SEND:
	case TRACE_RECEIVE:
	case TRACE_REQUEST:
	case TRACE_REPLY:
		return "message";
	case TRACE_ERROR_BORN:
	case TRACE_ERROR_STORED:
	case TRACE_ERROR_SEEN:
	case TRACE_FAILED:
		return "error";
	case TRACE_PRINT:
		return "output";
	default:
		return "condition";
	}
}

/* A text as JSON, which has to be UTF-8; what was cut off may not be. */
static json_t *
text_json(const char *text)
{
	json_t *json = json_string(text);
	char *ascii;

	if (json)
		return json;
	ascii = must_have(strdup(text));
	for (char *c = ascii; *c; c++)
		if (*c & 0x80)
			*c = '?';
	json = must_have(json_string(ascii));
	free(ascii);
	return json;
}

static void
put(json_t *object, const char *key, json_t *value)
{
	if (json_object_set_new(object, key, must_have(value)) != 0)
		panic("out of memory");
}

static void
put_text(json_t *object, const char *key, const char *text)
{
	put(object, key, text_json(text));
}

static void
put_number(json_t *object, const char *key, uint64_t number)
{
	put(object, key, json_integer((json_int_t)number));
}

/* A few words, cut off if they are many. */
struct words {
	char text[TRACE_TEXT_SIZE + 32];
};

__attribute__((format(printf, 1, 2))) static struct words
words(const char *format, ...)
{
	struct words words;
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(words.text, sizeof(words.text), format, arguments);
	va_end(arguments);
	return words;
}

/* "task 0", "tasks 0 to 3" */
static struct words
tasks_of(const struct event *event)
{
	if (event->tasks == 1)
		return words("task %" PRIu64, event->task);
	return words("tasks %" PRIu64 " to %" PRIu64, event->task,
		event->task + event->tasks - 1);
}

/* What is sent: tasks, or what a worker says of them, or a manager's reply. */
static struct words
message_of(const struct event *event)
{
	const char *text = event->entry ? event->entry->text : "something";

	if (event->entry && event->entry->born_in[0])
		text = "error";
	if (event->tasks == 0)
		return words("%s", text);
	if (!text[0])
		return tasks_of(event);
	return words("%s of %s", text, tasks_of(event).text);
}

static const char *
child_name(const struct history *history, const struct event *event)
{
	return event->child == NO_TRACK ? "a process"
					: history->tracks[event->child].name;
}

static struct words
end_name(const struct history *history, const struct event *event)
{
	if (!event->entry->told.child)
		return words("exit");
	return words("end of %s", child_name(history, event));
}

/* The name of a kind, without lines under it. */
static struct words
kind_words(const struct event *event)
{
	struct words kind = words(
		"%s", history_kind_name((enum trace_kind)event->entry->kind));

	for (char *c = kind.text; *c; c++)
		if (*c == '_')
			*c = ' ';
	return kind;
}

/* What a reader wants to see first. */
static struct words
name_of(const struct history *history, const struct event *event)
{
	const char *text = event->entry->text;

	switch ((enum trace_kind)event->entry->kind) {
	case TRACE_FORK:
		return words("fork %s", child_name(history, event));
	case TRACE_THREAD:
		return words("start thread %s", child_name(history, event));
	case TRACE_EXIT:
		return end_name(history, event);
	case TRACE_SUBMIT:
		return words("submit %" PRIu64 " task%s", event->tasks,
			event->tasks == 1 ? "" : "s");
	case TRACE_ENCODE:
		return words("encode %s", tasks_of(event).text);
	case TRACE_SEND:
		return words("send %s", message_of(event).text);
	case TRACE_RECEIVE:
		if (text[0])
			return words("receive %s", text);
		return words("receive %s",
			message_of(&history->events[event->cause]).text);
	case TRACE_TASK_START:
		return tasks_of(event);
	case TRACE_TASK_END:
		return words("end of %s", tasks_of(event).text);
	case TRACE_SETTLE:
		return words("settle the result");
	case TRACE_AWAIT:
		return words("wait for the result");
	case TRACE_READY:
		return words("the result is ready");
	case TRACE_ERROR_SEEN:
		return words("error seen by %s", text);
	case TRACE_NOTIFY:
		return words(
			"notify: wakes %" PRIu64, event->entry->told.woken);
	case TRACE_REQUEST:
		return words("ask: %s", text);
	case TRACE_PRINT:
		return words("%s", text);
	default:
		return kind_words(event);
	}
}

static void
put_status(json_t *args, int status)
{
	if (WIFSIGNALED(status))
		put_number(args, "signal", (uint64_t)WTERMSIG(status));
	else
		put_number(args, "status", (uint64_t)WEXITSTATUS(status));
}

/* What belongs to a kind. */
static void
put_particulars(
	json_t *args, const struct history *history, const struct event *event)
{
	const struct entry *entry = event->entry;
	const char *key = "text";

	if (event->child != NO_TRACK)
		put_text(args, "child", history->tracks[event->child].name);
	if (entry->told.child)
		put_number(args, "child_process", (uint64_t)entry->told.child);
	if (entry->kind == TRACE_EXIT)
		put_status(args, entry->told.status);
	if (entry->kind == TRACE_NOTIFY)
		put_number(args, "woken", entry->told.woken);
	if (entry->born_in[0])
		key = "error";
	else if (entry->kind == TRACE_ERROR_SEEN)
		key = "observer";
	else if (entry->kind == TRACE_TASK_END)
		key = "value";
	if (entry->text[0])
		put_text(args, key, entry->text);
}

static json_t *
clock_json(const struct history *history, uint64_t number)
{
	json_t *clock = must_have(json_object());

	for (size_t t = 0; t < history->track_count; t++)
		if (history_clock(history, number, t) > 0)
			put_number(clock, history->tracks[t].name,
				history_clock(history, number, t));
	return clock;
}

static json_t *
args_json(const struct history *history, uint64_t number)
{
	const struct event *event = &history->events[number];
	const struct entry *entry = event->entry;
	json_t *args = must_have(json_object());
	bool born = entry->kind == TRACE_ERROR_BORN && entry->born_in[0] &&
		    entry->born_in != event->file;

	put_number(args, "index", number);
	put_text(args, "kind", history_kind_name((enum trace_kind)entry->kind));
	put_text(args, "place", history->tracks[event->track].name);
	put_number(args, "process", (uint64_t)entry->process);
	if (event->file) {
		put_text(args, "file", event->file);
		put_number(args, "line", (uint64_t)event->line);
	}
	put_text(
		args, "library_file", born ? entry->born_in : entry->told.file);
	put_number(args, "library_line",
		(uint64_t)(born ? entry->born_at : entry->told.line));
	if (event->cause)
		put_number(args, "cause", event->cause);
	put(args, "clock", clock_json(history, number));
	if (event->condition)
		put_number(args, "condition", event->condition);
	if (event->submission)
		put_number(args, "submission", event->submission);
	if (event->submission && event->tasks > 0) {
		put_number(args, "task", event->task);
		put_number(args, "tasks", event->tasks);
	}
	if (event->chunk)
		put_number(args, "chunk", event->chunk);
	put_particulars(args, history, event);
	return args;
}

/* An event of a phase, in a track. */
static json_t *
event_json(const struct history *history, const char *phase, size_t track)
{
	json_t *json = must_have(json_object());

	put_text(json, "ph", phase);
	put_number(json, "pid", (uint64_t)history->tracks[track].process);
	put_number(json, "tid", (uint64_t)history->tracks[track].thread);
	return json;
}

/* Where the next event goes. */
struct list {
	FILE *file;
	bool any;
	bool failed;
};

/* Adds an event, which is taken, on a line of its own. */
static void
add(struct list *list, json_t *event)
{
	fputs(list->any ? ",\n" : "\n", list->file);
	list->any = true;
	if (json_dumpf(event, list->file, JSON_COMPACT) != 0)
		list->failed = true;
	json_decref(event);
}

static void
add_name(struct list *list, const struct history *history, size_t track,
	const char *what)
{
	json_t *event = event_json(history, "M", track);
	json_t *args = must_have(json_object());

	put_text(args, "name", history->tracks[track].name);
	put_text(event, "name", what);
	put(event, "args", args);
	add(list, event);
}

static void
add_track(struct list *list, const struct history *history, size_t track)
{
	json_t *event, *args;

	add_name(list, history, track, "thread_name");
	if (history->tracks[track].thread > 1)
		return;
	add_name(list, history, track, "process_name");
	event = event_json(history, "M", track);
	args = must_have(json_object());
	put_number(
		args, "sort_index", (uint64_t)history->tracks[track].process);
	put_text(event, "name", "process_sort_index");
	put(event, "args", args);
	add(list, event);
}

static void
add_slice(struct list *list, const struct history *history, uint64_t number)
{
	const struct event *event = &history->events[number];
	json_t *slice = event_json(history, "X", event->track);

	put_number(slice, "ts", (uint64_t)event->begin);
	put_number(slice, "dur", (uint64_t)(event->end - event->begin));
	put_text(slice, "cat", group_of((enum trace_kind)event->entry->kind));
	put_text(slice, "name", name_of(history, event).text);
	put(slice, "args", args_json(history, number));
	add(list, slice);
}

/* One end of the arrow from a cause to an effect: both have the same name. */
static void
add_flow(struct list *list, const struct history *history, uint64_t effect,
	bool is_start)
{
	const struct event *to = &history->events[effect];
	const struct event *from = &history->events[to->cause];
	const struct event *at = is_start ? from : to;
	json_t *flow = event_json(history, is_start ? "s" : "f", at->track);

	put_number(flow, "ts", (uint64_t)at->begin);
	put_number(flow, "id", effect);
	put_text(flow, "cat", "cause");
	put_text(flow, "name",
		history_kind_name((enum trace_kind)from->entry->kind));
	if (!is_start)
		put_text(flow, "bp", "e");
	add(list, flow);
}

static json_t *
head_json(const struct history *history, const struct trace_head *head)
{
	json_t *json = must_have(json_object());

	put_text(json, "format", "forklore trace 1");
	put_text(json, "program", head->program);
	put_text(json, "command", head->command);
	put_number(json, "lost", history->lost);
	put_text(json, "ledger", head->ledger);
	return json;
}

/*
 * Each event is made, written and freed by itself: the whole, of which there
 * may be much, is never in memory at a time.
 */
bool
trace_file_write(const struct history *history, const struct trace_head *head,
	FILE *file)
{
	struct list list = {.file = file};
	json_t *other = head_json(history, head);

	fputs("{\"displayTimeUnit\":\"ms\",\"otherData\":", file);
	list.failed = json_dumpf(other, file, JSON_COMPACT) != 0;
	json_decref(other);
	fputs(",\"traceEvents\":[", file);
	for (size_t t = 0; t < history->track_count; t++)
		add_track(&list, history, t);
	for (size_t i = 1; i <= history->count; i++) {
		if (!history->events[i].entry)
			continue;
		add_slice(&list, history, i);
		if (history->events[i].cause) {
			add_flow(&list, history, i, true);
			add_flow(&list, history, i, false);
		}
	}
	fputs("\n]}\n", file);
	return !list.failed && !ferror(file) && fflush(file) == 0;
}
