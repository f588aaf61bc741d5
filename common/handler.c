/*
 * Two kinds of threads meet here. Those that submit add to a list and ring; the
 * handler's own thread does everything else. So what it alone touches needs no
 * lock.
 */
#include "handler.h"

#include "board.h"
#include "crew.h"
#include "error.h"
#include "panic.h"
#include "submission.h"
#include "trace.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

/* A chunk that so many workers did not live to begin is given up. */
#define ATTEMPTS_LIMIT 8

enum handler_state {
	HANDLER_RUNS,
	HANDLER_CLOSED,
	HANDLER_TERMINATED,
};

struct handler {
	pthread_t thread;
	/* The entry of its start in the record of the run. */
	uint64_t started;

	/* Guarded by lock. */
	pthread_mutex_t lock;
	pthread_cond_t ended_changed;
	enum handler_state state;
	/* Why the handler is of no more use. */
	struct error *broken;
	/* Whether the work is done and the processes are gone. */
	bool ended;
	/* Submissions with items that are in no chunk yet. */
	struct submission_list waiting;
	/* Submissions without any items, which have a callback. */
	struct submission_list empty;
	/* Used by the thread alone, but for being woken; NULL in the end. */
	struct crew *crew;

	/* The thread's own. */
	/* Submissions whose items are all dealt, but not all heard of. */
	struct submission_list running;
	/* What each busy seat is at. */
	struct chunk *chunks;
	/* Chunks to be dealt again, since their workers never began them. */
	struct chunk *returned;
	size_t returned_count;
};

/* The handler whose thread is running, if it is one. */
static _Thread_local const struct handler *current;

static void
settle_if_complete(struct handler *handler, struct submission *submission)
{
	if (!submission_complete(submission))
		return;
	TAILQ_REMOVE(&handler->running, submission, link);
	submission_settle(submission);
}

static void
on_reply(void *owner, size_t seat, enum reply_kind kind, struct reader *reply)
{
	struct handler *handler = owner;
	struct chunk *chunk = &handler->chunks[seat];

	chunk_end(chunk, kind, reply);
	settle_if_complete(handler, chunk->submission);
}

/* Records what is done with a chunk, or which error that led to. */
static void
tell(enum trace_kind kind, const struct chunk *chunk, uint64_t number,
	const struct error *error)
{
	uint64_t submission = chunk->submission->entry;

	trace_error(error, .kind = kind, .submission = submission,
		.cause = kind == TRACE_ENCODE ? submission : 0,
		.task = chunk->first, .tasks = chunk->count, .chunk = number);
}

static void
on_loss(void *owner, size_t seat, bool begun, struct error *why)
{
	struct handler *handler = owner;
	struct chunk *chunk = &handler->chunks[seat];

	if (!begun && ++chunk->attempts < ATTEMPTS_LIMIT) {
		handler->returned[handler->returned_count++] = *chunk;
		error_free(why);
		return;
	}
	tell(TRACE_ERROR_BORN, chunk, 0, why);
	chunk_fail(chunk, why);
	settle_if_complete(handler, chunk->submission);
}

static void
give(struct handler *handler, size_t seat, const struct chunk *chunk)
{
	uint64_t number;
	struct buffer *buffer = crew_begin(handler->crew, seat, &number);
	struct error *error;

	tell(TRACE_ENCODE, chunk, number, NULL);
	error = TRACED(chunk_encode(chunk, number, buffer));
	if (error) {
		crew_cancel(handler->crew, seat);
	} else {
		tell(TRACE_SEND, chunk, number, NULL);
		error = TRACED(crew_send(handler->crew, seat));
	}
	if (error) {
		tell(TRACE_ERROR_BORN, chunk, number, error);
		chunk_fail(chunk, error);
		settle_if_complete(handler, chunk->submission);
	} else {
		handler->chunks[seat] = *chunk;
	}
}

static bool
next_chunk(struct handler *handler, struct chunk *chunk)
{
	struct submission *submission;

	if (handler->returned_count > 0) {
		*chunk = handler->returned[--handler->returned_count];
		return true;
	}
	pthread_mutex_lock(&handler->lock);
	submission = TAILQ_FIRST(&handler->waiting);
	if (submission) {
		*chunk = submission_next_chunk(submission);
		if (submission_all_given(submission)) {
			TAILQ_REMOVE(&handler->waiting, submission, link);
			TAILQ_INSERT_TAIL(&handler->running, submission, link);
		}
	}
	pthread_mutex_unlock(&handler->lock);
	return submission != NULL;
}

/* Takes the first submission out of a list; NULL if there is none. */
static struct submission *
take_first(struct handler *handler, struct submission_list *list)
{
	struct submission *first;

	pthread_mutex_lock(&handler->lock);
	first = TAILQ_FIRST(list);
	if (first)
		TAILQ_REMOVE(list, first, link);
	pthread_mutex_unlock(&handler->lock);
	return first;
}

/* A submission of nothing waits for no worker. */
static void
settle_empty(struct handler *handler)
{
	struct submission *submission;

	while ((submission = take_first(handler, &handler->empty)))
		submission_settle(submission);
}

static void
deal(struct handler *handler)
{
	struct chunk chunk;
	size_t seat;

	settle_empty(handler);
	while ((seat = crew_idle(handler->crew)) != NO_SEAT &&
		next_chunk(handler, &chunk)) {
		give(handler, seat, &chunk);
		settle_empty(handler);
	}
}

/* Whether there is, or may still come, something to do. */
static bool
goes_on(struct handler *handler)
{
	bool work;
	enum handler_state state;

	pthread_mutex_lock(&handler->lock);
	work = !TAILQ_EMPTY(&handler->waiting) ||
	       !TAILQ_EMPTY(&handler->empty) || !TAILQ_EMPTY(&handler->running);
	state = handler->state;
	pthread_mutex_unlock(&handler->lock);
	return state == HANDLER_RUNS || (state == HANDLER_CLOSED && work);
}

static bool
is_terminated(struct handler *handler)
{
	bool terminated;

	pthread_mutex_lock(&handler->lock);
	terminated = handler->state == HANDLER_TERMINATED;
	pthread_mutex_unlock(&handler->lock);
	return terminated;
}

/* Lets the workers end by themselves, unless somebody is in a hurry. */
static void
see_off(struct handler *handler)
{
	if (!is_terminated(handler))
		crew_close(handler->crew);
	while (!is_terminated(handler) && !crew_gone(handler->crew)) {
		struct error *error = crew_step(handler->crew);

		error_free(error);
		if (error)
			break;
	}
}

/* Gives every pending result an error, which is taken. */
static void
abandon_all(struct handler *handler, struct error *error)
{
	struct submission *submission;

	pthread_mutex_lock(&handler->lock);
	TAILQ_CONCAT(&handler->running, &handler->waiting, link);
	TAILQ_CONCAT(&handler->running, &handler->empty, link);
	pthread_mutex_unlock(&handler->lock);
	while ((submission = take_first(handler, &handler->running)))
		submission_abandon(submission, error_copy(error));
	error_free(error);
}

/* From now on there is no crew to be woken, and nobody may submit. */
static struct crew *
take_crew(struct handler *handler, struct error *broken)
{
	struct crew *crew = handler->crew;

	pthread_mutex_lock(&handler->lock);
	handler->crew = NULL;
	handler->broken = broken;
	pthread_mutex_unlock(&handler->lock);
	return crew;
}

/* Ends the work and the processes, for whichever reason. */
static void
finish(struct handler *handler, struct error *broken)
{
	if (!broken)
		see_off(handler);
	crew_free(take_crew(handler, broken));
	abandon_all(handler,
		broken ? error_copy(broken)
		       : RAISE(PoolTerminatedError,
				 "the pool was terminated while the work was "
				 "pending"));
	pthread_mutex_lock(&handler->lock);
	handler->ended = true;
	pthread_cond_broadcast(&handler->ended_changed);
	pthread_mutex_unlock(&handler->lock);
}

static void *
handle(void *argument)
{
	struct handler *handler = argument;
	struct error *broken = NULL;

	trace_come_from(handler->started);
	board_take_line("handler");
	current = handler;
	deal(handler);
	while (!broken && goes_on(handler)) {
		broken = TRACED(crew_step(handler->crew));
		if (!broken)
			deal(handler);
	}
	finish(handler, broken);
	return NULL;
}

/* Signals are for the program's own threads. */
static struct error *
start_thread(struct handler *handler)
{
	sigset_t all, old;
	int result;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	handler->started = trace(.kind = TRACE_THREAD);
	result = pthread_create(&handler->thread, NULL, handle, handler);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (result != 0) {
		errno = result;
		return RAISE_ERRNO("the thread of a pool");
	}
	return NULL;
}

static struct handler *
allocate(size_t workers)
{
	struct handler *handler = must_have(calloc(1, sizeof(*handler)));

	pthread_mutex_init(&handler->lock, NULL);
	pthread_cond_init(&handler->ended_changed, NULL);
	TAILQ_INIT(&handler->waiting);
	TAILQ_INIT(&handler->empty);
	TAILQ_INIT(&handler->running);
	handler->chunks = must_have(calloc(workers, sizeof(struct chunk)));
	handler->returned = must_have(calloc(workers, sizeof(struct chunk)));
	return handler;
}

static void
discard(struct handler *handler)
{
	crew_free(handler->crew);
	error_free(handler->broken);
	pthread_cond_destroy(&handler->ended_changed);
	pthread_mutex_destroy(&handler->lock);
	free(handler->chunks);
	free(handler->returned);
	free(handler);
}

struct error *
handler_new(struct worker_plan *plan, size_t workers, struct handler **handler)
{
	struct handler *made = allocate(workers);
	struct crew_owner owner = {
		.replied = on_reply, .lost = on_loss, .owner = made};
	struct error *error =
		TRACED(crew_new(plan, workers, owner, &made->crew));

	if (!error)
		error = TRACED(start_thread(made));
	if (error)
		discard(made);
	else
		*handler = made;
	return error;
}

void
handler_free(struct handler *handler)
{
	if (!handler)
		return;
	if (handler_is_current(handler))
		panic("a pool is freed in one of its callbacks");
	handler_terminate(handler);
	pthread_join(handler->thread, NULL);
	discard(handler);
}

bool
handler_is_current(const struct handler *handler)
{
	return current == handler;
}

static struct error *
check_running(const struct handler *handler)
{
	if (handler->broken)
		return error_copy(handler->broken);
	if (handler->state != HANDLER_RUNS)
		return RAISE(ValueError, "Pool not running");
	return NULL;
}

struct error *
handler_submit(struct handler *handler, struct submission *submission)
{
	/* Once it is in the list, the submission is the thread's. */
	bool at_once = submission->at_once;
	struct error *error;

	pthread_mutex_lock(&handler->lock);
	error = TRACED(check_running(handler));
	if (!error && !at_once) {
		TAILQ_INSERT_TAIL(submission_complete(submission)
					  ? &handler->empty
					  : &handler->waiting,
			submission, link);
		crew_wake(handler->crew);
	}
	pthread_mutex_unlock(&handler->lock);
	if (error)
		submission_free(submission);
	else if (at_once)
		submission_settle(submission);
	return error;
}

/* States only go forward. */
static void
advance(struct handler *handler, enum handler_state state)
{
	pthread_mutex_lock(&handler->lock);
	if (handler->state < state)
		handler->state = state;
	if (handler->crew)
		crew_wake(handler->crew);
	pthread_mutex_unlock(&handler->lock);
}

static void
wait_for_end(struct handler *handler)
{
	board_begin(ACTIVITY_AWAIT_POOL, 0);
	pthread_mutex_lock(&handler->lock);
	while (!handler->ended)
		pthread_cond_wait(&handler->ended_changed, &handler->lock);
	pthread_mutex_unlock(&handler->lock);
	board_end();
}

void
handler_close(struct handler *handler)
{
	advance(handler, HANDLER_CLOSED);
}

void
handler_terminate(struct handler *handler)
{
	advance(handler, HANDLER_TERMINATED);
	if (!handler_is_current(handler))
		wait_for_end(handler);
}

struct error *
handler_join(struct handler *handler)
{
	enum handler_state state;

	if (handler_is_current(handler))
		return RAISE(RuntimeError,
			"a callback waits for the end of its own pool");
	pthread_mutex_lock(&handler->lock);
	state = handler->state;
	pthread_mutex_unlock(&handler->lock);
	if (state == HANDLER_RUNS)
		return RAISE(ValueError, "Pool is still running");
	wait_for_end(handler);
	return NULL;
}
