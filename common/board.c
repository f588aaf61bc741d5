#include "board.h"

#include "error.h"
#include "panic.h"
#include "sys.h"
#include "trace.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static struct board *board;

/* The calling thread's line; the key is there to free it when it ends. */
static _Thread_local struct board_line *own_line;
static pthread_key_t thread_ends;

struct error *
board_put_up(void)
{
	void *memory;

	if (board)
		return NULL;
	TRY(sys_map_shared(sizeof(*board), &memory));
	board = memory;
	return NULL;
}

const struct board *
board_read(void)
{
	return board;
}

static void
free_line(struct board_line *line)
{
	atomic_store(&line->activity, ACTIVITY_NONE);
	atomic_store(&line->process, 0);
}

/* What the thread still does after this, it does without a line. */
static void
free_own_line(void *line)
{
	own_line = NULL;
	free_line(line);
}

/* A child has lines of its own, for the threads of its own. */
static void
forget_own_line(void)
{
	own_line = NULL;
	pthread_setspecific(thread_ends, NULL);
}

__attribute__((constructor)) static void
watch_threads_and_forks(void)
{
	if (pthread_key_create(&thread_ends, free_own_line) != 0 ||
		pthread_atfork(NULL, NULL, forget_own_line) != 0)
		panic("out of memory");
}

/* The lines up to this one are in use. */
static void
count_as_used(size_t used)
{
	size_t before = atomic_load(&board->used);

	while (before < used &&
		!atomic_compare_exchange_weak(&board->used, &before, used))
		;
}

/* A free line, for this process; NULL if there is none. */
static struct board_line *
claim_line(void)
{
	for (size_t i = 0; i < BOARD_LINES; i++) {
		pid_t nobody = 0;

		if (atomic_compare_exchange_strong(
			    &board->lines[i].process, &nobody, sys_process())) {
			count_as_used(i + 1);
			return &board->lines[i];
		}
	}
	return NULL;
}

static void
take_off(pid_t process)
{
	for (size_t i = 0; i < board->used; i++)
		if (atomic_load(&board->lines[i].process) == process)
			free_line(&board->lines[i]);
	for (size_t i = 0; i < BOARD_NOTES; i++)
		if (atomic_load(&board->notes[i].manager) == process)
			board_free_note(&board->notes[i]);
}

/*
 * Takes off the board who ended and was not reaped by its pool, such as the
 * workers of a zygote that was killed.
 */
static void
forget_the_gone(void)
{
	for (size_t i = 0; i < board->used; i++) {
		pid_t process = board->lines[i].process;

		if (process != 0 && kill(process, 0) < 0 && errno == ESRCH)
			take_off(process);
	}
}

void
board_take_line(const char *format, ...)
{
	/* All zero, since who reads it meanwhile needs an end to it. */
	char place[BOARD_PLACE_SIZE] = "";
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(place, sizeof(place), format, arguments);
	va_end(arguments);
	error_set_place("%s", place);
	trace_start();
	if (!board)
		return;
	if (!own_line)
		own_line = claim_line();
	if (!own_line) {
		forget_the_gone();
		own_line = claim_line();
	}
	if (!own_line)
		return;
	pthread_setspecific(thread_ends, own_line);
	memcpy(own_line->place, place, sizeof(place));
	atomic_store(&own_line->activity, ACTIVITY_RUN);
}

void
board_begin(enum activity activity, uint64_t condition)
{
	if (!own_line)
		return;
	atomic_store(&own_line->since, sys_now());
	atomic_store(&own_line->condition, condition);
	atomic_store(&own_line->activity, activity);
}

void
board_end(void)
{
	if (own_line)
		atomic_store(&own_line->activity, ACTIVITY_RUN);
}

static bool
is_about(const struct board_line *line, pid_t process, uint64_t condition)
{
	return atomic_load(&line->process) == process &&
	       atomic_load(&line->activity) == ACTIVITY_AWAIT_NOTIFY &&
	       atomic_load(&line->condition) == condition;
}

void
board_promote(pid_t process, uint64_t condition)
{
	for (size_t i = 0; board && i < board->used; i++) {
		struct board_line *line = &board->lines[i];

		if (is_about(line, process, condition)) {
			atomic_store(&line->since, sys_now());
			atomic_store(&line->activity, ACTIVITY_AWAIT_LOCK);
			return;
		}
	}
}

void
board_forget(pid_t process, int status)
{
	trace(.kind = TRACE_EXIT, .child = process, .status = status);
	if (board)
		take_off(process);
}

struct error *
board_fork(int kept, pid_t *child)
{
	uint64_t entry = trace(.kind = TRACE_FORK);

	TRY(sys_fork(kept, child));
	if (*child > 0)
		trace_child(entry, *child);
	return NULL;
}

void
board_reap(pid_t child)
{
	int status;

	board_begin(ACTIVITY_AWAIT_EXIT, 0);
	status = sys_reap(child);
	board_end();
	board_forget(child, status);
}

struct board_note *
board_take_note(uint64_t number, pid_t manager)
{
	for (size_t i = 0; board && i < BOARD_NOTES; i++) {
		struct board_note *note = &board->notes[i];
		uint64_t nobody = 0;

		if (!atomic_compare_exchange_strong(
			    &note->number, &nobody, number))
			continue;
		atomic_store(&note->manager, manager);
		atomic_store(&note->owner, 0);
		atomic_store(&note->notified, 0);
		return note;
	}
	return NULL;
}

void
board_free_note(struct board_note *note)
{
	if (!note)
		return;
	atomic_store(&note->manager, 0);
	atomic_store(&note->number, 0);
}

void
board_note_notify(struct board_note *note, pid_t notifier, size_t woken)
{
	if (!note)
		return;
	atomic_store(&note->notifier, notifier);
	atomic_store(&note->woken, woken);
	atomic_store(&note->notified, sys_now());
}
