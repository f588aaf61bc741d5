/*
 * A worker's end is told by the zygote, not by its pipe: when the report comes,
 * the worker wrote all that it ever will, so what stands in the pipe is read
 * first, and a reply that was complete still counts. A pipe that ends while its
 * worker lives is useless, and the worker is killed.
 */
#include "crew.h"

#include "board.h"
#include "channel.h"
#include "encoding.h"
#include "error.h"
#include "events.h"
#include "panic.h"
#include "seat.h"
#include "sys.h"
#include "trace.h"
#include "zygote.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>

/*
 * So many workers in a row may end before any gets ready. More means that none
 * ever will: the initializer crashes, say.
 */
#define FALSE_STARTS_LIMIT 16

struct crew {
	struct worker_plan *plan;
	struct crew_owner owner;
	struct events events;
	struct zygote *zygote;
	bool closing;
	int false_starts;
	/* What the next crew_step() is to raise. */
	struct error *failure;
	uint64_t last_number;
	/* The latest first: its caches are warm. */
	struct seat_list idle;
	size_t seat_count;
	struct seat seats[];
};

static size_t
index_of(const struct crew *crew, const struct seat *seat)
{
	return (size_t)(seat - crew->seats);
}

static struct error *
hire(struct crew *crew, struct seat *seat, int chunks, int replies)
{
	TRY(events_listen(&crew->events, seat->in, TO_READ, seat));
	TRY(zygote_spawn(crew->zygote, index_of(crew, seat), chunks, replies));
	return NULL;
}

static struct error *
fill_seat(struct crew *crew, struct seat *seat)
{
	int chunks, replies;
	struct error *error;

	TRY(seat_open(seat, WORKER_MESSAGE_LIMIT, &chunks, &replies));
	atomic_store(&crew->plan->begun[index_of(crew, seat)], 0);
	error = TRACED(hire(crew, seat, chunks, replies));
	sys_close(chunks);
	sys_close(replies);
	if (error)
		seat_leave(seat);
	return error;
}

static void
run_worker(const void *plan, size_t seat, int in, int out)
{
	worker_run(plan, seat, in, out);
}

static struct error *
start(struct crew *crew)
{
	void *begun;

	TRY(events_init(&crew->events));
	TRY(sys_map_shared(
		crew->seat_count * sizeof(*crew->plan->begun), &begun));
	crew->plan->begun = begun;
	TRY(zygote_new(
		run_worker, crew->plan, crew->seat_count, &crew->zygote));
	TRY(events_listen(&crew->events, zygote_descriptor(crew->zygote),
		TO_READ, crew->zygote));
	for (size_t i = 0; i < crew->seat_count; i++)
		TRY(fill_seat(crew, &crew->seats[i]));
	return NULL;
}

struct error *
crew_new(struct worker_plan *plan, size_t seats, struct crew_owner owner,
	struct crew **crew)
{
	SCOPED(crew) made = must_have(
		calloc(1, sizeof(*made) + seats * sizeof(struct seat)));

	made->plan = plan;
	made->owner = owner;
	TAILQ_INIT(&made->idle);
	made->seat_count = seats;
	for (size_t i = 0; i < seats; i++)
		seat_init(&made->seats[i]);
	TRY(start(made));
	*crew = made;
	made = NULL;
	return NULL;
}

void
crew_free(struct crew *crew)
{
	if (!crew)
		return;
	zygote_free(crew->zygote);
	for (size_t i = 0; i < crew->seat_count; i++)
		seat_leave(&crew->seats[i]);
	events_fini(&crew->events);
	error_free(crew->failure);
	sys_unmap_shared(crew->plan->begun,
		crew->seat_count * sizeof(*crew->plan->begun));
	free(crew);
}

size_t
crew_idle(struct crew *crew)
{
	const struct seat *seat = TAILQ_FIRST(&crew->idle);

	return seat ? index_of(crew, seat) : NO_SEAT;
}

static void
make_idle(struct crew *crew, struct seat *seat)
{
	seat->state = SEAT_IDLE;
	TAILQ_INSERT_HEAD(&crew->idle, seat, link);
}

static void
make_not_idle(struct crew *crew, struct seat *seat, enum seat_state state)
{
	TAILQ_REMOVE(&crew->idle, seat, link);
	seat->state = state;
}

/* Keeps the first failure; NULL is none. */
static void
fail(struct crew *crew, struct error *error)
{
	if (crew->failure)
		error_free(error);
	else
		crew->failure = error;
}

/*
 * Has a worker killed whose pipe is of no more use. Its end will be reported,
 * and then be dealt with.
 */
static void
give_up_worker(struct crew *crew, struct seat *seat)
{
	if (seat->state == SEAT_IDLE)
		make_not_idle(crew, seat, SEAT_ENDING);
	seat->given_up = true;
	fail(crew, TRACED(events_ignore(&crew->events, seat->in)));
	if (seat->wants_room)
		fail(crew, TRACED(events_ignore(&crew->events, seat->out)));
	fail(crew, TRACED(zygote_kill(crew->zygote, index_of(crew, seat))));
}

/* Writes what the pipe takes, and listens for room if that was not all. */
static void
flush_seat(struct crew *crew, struct seat *seat)
{
	/* A pipe without a reader: the zygote will report why. */
	struct error *gone = channel_flush(&seat->channel);
	bool wants_room = !gone && channel_has_outgoing(&seat->channel);
	struct error *error = NULL;

	error_free(gone);
	if (wants_room && !seat->wants_room)
		error = TRACED(events_listen(
			&crew->events, seat->out, TO_WRITE, seat));
	else if (!wants_room && seat->wants_room)
		error = TRACED(events_ignore(&crew->events, seat->out));
	seat->wants_room = wants_room;
	fail(crew, error);
}

struct buffer *
crew_begin(struct crew *crew, size_t index, uint64_t *number)
{
	*number = ++crew->last_number;
	return channel_begin(&crew->seats[index].channel);
}

void
crew_cancel(struct crew *crew, size_t index)
{
	channel_cancel(&crew->seats[index].channel);
}

struct error *
crew_send(struct crew *crew, size_t index)
{
	struct seat *seat = &crew->seats[index];

	TRY(channel_end(&seat->channel));
	make_not_idle(crew, seat, SEAT_BUSY);
	seat->number = crew->last_number;
	seat->chunks++;
	flush_seat(crew, seat);
	return NULL;
}

static void
take_outcome(struct crew *crew, struct seat *seat, enum reply_kind kind,
	struct reader *reply)
{
	size_t maximum = crew->plan->maximum_chunks;

	if (maximum && seat->chunks == maximum)
		seat->state = SEAT_ENDING;
	else
		make_idle(crew, seat);
	crew->owner.replied(
		crew->owner.owner, index_of(crew, seat), kind, reply);
}

/* Raises ConnectionError for a reply that no sane worker sends. */
static struct error *
take_reply(struct crew *crew, struct seat *seat, struct reader *reply)
{
	struct error *broken;
	uint8_t kind;

	TRY(reader_take_byte(reply, &kind));
	trace(.kind = TRACE_RECEIVE, .cause = seat->channel.cause,
		.chunk = seat->number);
	if (kind == REPLY_READY && seat->state == SEAT_STARTING) {
		crew->false_starts = 0;
		make_idle(crew, seat);
	} else if (kind == REPLY_BROKEN && seat->state == SEAT_STARTING) {
		TRY(decode_error(reply, &broken));
		fail(crew, broken);
	} else if ((kind == REPLY_VALUES || kind == REPLY_ERROR) &&
		   seat->state == SEAT_BUSY) {
		take_outcome(crew, seat, kind, reply);
	} else {
		return RAISE(ConnectionError,
			"a worker sent a reply of kind %d", kind);
	}
	return NULL;
}

/* Reads once from a seat, and deals with every whole reply. */
static struct error *
read_seat(struct crew *crew, struct seat *seat, bool *filled)
{
	struct reader reply;
	bool got;

	TRY(channel_fill(&seat->channel, filled));
	TRY(channel_next(&seat->channel, &got, &reply));
	while (got) {
		TRY(take_reply(crew, seat, &reply));
		TRY(channel_next(&seat->channel, &got, &reply));
	}
	return NULL;
}

static void
serve_seat(struct crew *crew, struct seat *seat)
{
	struct error *error;
	bool filled;

	/* The event may be older than what became of the seat meanwhile. */
	if (seat->state == SEAT_EMPTY || seat->given_up)
		return;
	if (seat->wants_room)
		flush_seat(crew, seat);
	error = read_seat(crew, seat, &filled);
	if (error)
		give_up_worker(crew, seat);
	error_free(error);
}

/* Tells what the end of its worker means for what a seat was doing. */
static struct error *
end_worker(struct crew *crew, struct seat *seat,
	const struct zygote_report *report)
{
	bool begun =
		atomic_load(&crew->plan->begun[report->seat]) == seat->number;

	switch (seat->state) {
	case SEAT_BUSY:
		crew->owner.lost(crew->owner.owner, report->seat, begun,
			seat_loss(report));
		break;
	case SEAT_IDLE:
		make_not_idle(crew, seat, SEAT_ENDING);
		break;
	case SEAT_STARTING:
		if (!crew->closing && ++crew->false_starts > FALSE_STARTS_LIMIT)
			return RAISE(WorkerLostError,
				"%d workers in a row ended before they were "
				"ready",
				crew->false_starts);
		break;
	case SEAT_EMPTY:
	case SEAT_ENDING:
		break;
	}
	return NULL;
}

static struct error *
take_report(struct crew *crew, const struct zygote_report *report)
{
	struct seat *seat = &crew->seats[report->seat];
	struct error *ended = NULL;
	bool filled = true;

	if (report->failure) {
		errno = report->failure;
		return RAISE_ERRNO("fork of worker %zu", report->seat + 1);
	}
	while (filled && !ended)
		ended = read_seat(crew, seat, &filled);
	error_free(ended);
	TRY(end_worker(crew, seat, report));
	seat_leave(seat);
	if (!crew->closing)
		TRY(fill_seat(crew, seat));
	return NULL;
}

static struct error *
take_reports(struct crew *crew)
{
	struct zygote_report report;
	bool got;

	TRY(zygote_next_report(crew->zygote, &got, &report));
	while (got) {
		TRY(take_report(crew, &report));
		TRY(zygote_next_report(crew->zygote, &got, &report));
	}
	return NULL;
}

void
crew_close(struct crew *crew)
{
	crew->closing = true;
	for (size_t i = 0; i < crew->seat_count; i++)
		seat_hang_up(&crew->seats[i]);
}

bool
crew_gone(const struct crew *crew)
{
	for (size_t i = 0; i < crew->seat_count; i++)
		if (crew->seats[i].state != SEAT_EMPTY)
			return false;
	return true;
}

void
crew_wake(struct crew *crew)
{
	events_ring(&crew->events);
}

struct error *
crew_step(struct crew *crew)
{
	void *whose[EVENTS_AT_ONCE];
	struct error *failure = crew->failure;
	struct error *error;
	size_t count;

	crew->failure = NULL;
	TRY(failure);
	board_begin(ACTIVITY_AWAIT_REPLIES, 0);
	error = TRACED(events_wait(&crew->events, FOREVER, whose, &count));
	board_end();
	TRY(error);
	for (size_t i = 0; i < count; i++)
		if (whose[i] == crew->zygote)
			TRY(take_reports(crew));
		else
			serve_seat(crew, whose[i]);
	return NULL;
}
