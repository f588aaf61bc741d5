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

/* A chunk on its way. */
struct delivery {
	/* The first, so that a parcel is the delivery that it belongs to. */
	struct parcel parcel;
	struct chunk chunk;
	/* The number that it was first sent under; each sending has another. */
	uint64_t order;
	/* How many workers died before they began it. */
	int attempts;
	/* Among those of its handler. */
	TAILQ_ENTRY(delivery) link;
};

TAILQ_HEAD(delivery_list, delivery);

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
	/* What was dealt and is not heard of. */
	struct delivery_list dealt;
	/* What is to be dealt again, since no worker began it. */
	struct delivery_list returned;
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

static struct delivery *
take_dealt(struct handler *handler, struct parcel *parcel)
{
	struct delivery *delivery = (struct delivery *)parcel;

	TAILQ_REMOVE(&handler->dealt, delivery, link);
	return delivery;
}

/* Frees a delivery whose chunk was heard of. */
static void
finish_delivery(struct handler *handler, struct delivery *delivery)
{
	settle_if_complete(handler, delivery->chunk.submission);
	free(delivery);
}

static void
on_reply(void *owner, struct parcel *parcel, enum reply_kind kind,
	struct reader *reply)
{
	struct handler *handler = owner;
	struct delivery *delivery = take_dealt(handler, parcel);

	chunk_end(&delivery->chunk, kind, reply);
	finish_delivery(handler, delivery);
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

/* Ends a chunk with an error, which is taken. */
static void
fail_delivery(struct handler *handler, struct delivery *delivery,
	uint64_t number, struct error *error)
{
	tell(TRACE_ERROR_BORN, &delivery->chunk, number, error);
	chunk_fail(&delivery->chunk, error);
	finish_delivery(handler, delivery);
}

/* Has a chunk dealt again, before all that were first sent after it. */
static void
return_delivery(struct handler *handler, struct delivery *delivery)
{
	struct delivery *before = TAILQ_LAST(&handler->returned, delivery_list);

	while (before && before->order > delivery->order)
		before = TAILQ_PREV(before, delivery_list, link);
	if (before)
		TAILQ_INSERT_AFTER(&handler->returned, before, delivery, link);
	else
		TAILQ_INSERT_HEAD(&handler->returned, delivery, link);
}

static void
on_return(void *owner, struct parcel *parcel)
{
	struct handler *handler = owner;

	return_delivery(handler, take_dealt(handler, parcel));
}

static void
on_loss(void *owner, struct parcel *parcel, bool begun, struct error *why)
{
	struct handler *handler = owner;
	struct delivery *delivery = take_dealt(handler, parcel);

	if (begun || ++delivery->attempts == ATTEMPTS_LIMIT) {
		fail_delivery(handler, delivery, 0, why);
	} else {
		return_delivery(handler, delivery);
		error_free(why);
	}
}

static struct error *
send_chunk(struct handler *handler, struct parcel *parcel,
	const struct chunk *chunk)
{
	struct buffer *buffer = crew_begin(handler->crew, parcel);
	struct error *error;

	tell(TRACE_ENCODE, chunk, parcel->number, NULL);
	error = TRACED(chunk_encode(chunk, parcel->number, buffer));
	if (error) {
		crew_cancel(handler->crew);
		return error;
	}
	tell(TRACE_SEND, chunk, parcel->number, NULL);
	TRY(crew_send(handler->crew, parcel));
	return NULL;
}

static void
give(struct handler *handler, struct delivery *delivery)
{
	struct parcel *parcel = &delivery->parcel;
	struct error *error =
		TRACED(send_chunk(handler, parcel, &delivery->chunk));

	if (delivery->order == 0)
		delivery->order = parcel->number;
	if (error)
		fail_delivery(handler, delivery, parcel->number, error);
	else
		TAILQ_INSERT_TAIL(&handler->dealt, delivery, link);
}

static struct delivery *
delivery_of(struct chunk chunk)
{
	struct delivery *delivery = must_have(malloc(sizeof(*delivery)));

	*delivery = (struct delivery){.chunk = chunk};
	return delivery;
}

/* Takes what is to be dealt next; NULL if there is nothing. */
static struct delivery *
next_delivery(struct handler *handler)
{
	struct delivery *next = TAILQ_FIRST(&handler->returned);
	struct submission *submission;

	if (next) {
		TAILQ_REMOVE(&handler->returned, next, link);
		return next;
	}
	pthread_mutex_lock(&handler->lock);
	submission = TAILQ_FIRST(&handler->waiting);
	if (submission) {
		next = delivery_of(submission_next_chunk(submission));
		if (submission_all_given(submission)) {
			TAILQ_REMOVE(&handler->waiting, submission, link);
			TAILQ_INSERT_TAIL(&handler->running, submission, link);
		}
	}
	pthread_mutex_unlock(&handler->lock);
	return next;
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
	struct delivery *next;

	settle_empty(handler);
	while (crew_has_room(handler->crew) &&
		(next = next_delivery(handler))) {
		give(handler, next);
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

static void
free_deliveries(struct delivery_list *list)
{
	struct delivery *delivery;

	while ((delivery = TAILQ_FIRST(list))) {
		TAILQ_REMOVE(list, delivery, link);
		free(delivery);
	}
}

/* Gives every pending result an error, which is taken. */
static void
abandon_all(struct handler *handler, struct error *error)
{
	struct submission *submission;

	free_deliveries(&handler->dealt);
	free_deliveries(&handler->returned);
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
allocate(void)
{
	struct handler *handler = must_have(calloc(1, sizeof(*handler)));

	pthread_mutex_init(&handler->lock, NULL);
	pthread_cond_init(&handler->ended_changed, NULL);
	TAILQ_INIT(&handler->waiting);
	TAILQ_INIT(&handler->empty);
	TAILQ_INIT(&handler->running);
	TAILQ_INIT(&handler->dealt);
	TAILQ_INIT(&handler->returned);
	return handler;
}

static void
discard(struct handler *handler)
{
	crew_free(handler->crew);
	error_free(handler->broken);
	pthread_cond_destroy(&handler->ended_changed);
	pthread_mutex_destroy(&handler->lock);
	free(handler);
}

struct error *
handler_new(struct worker_plan *plan, size_t workers, struct handler **handler)
{
	struct handler *made = allocate();
	struct crew_owner owner = {.replied = on_reply,
		.lost = on_loss,
		.returned = on_return,
		.owner = made};
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
