/*
 * A parcel that was sent lies on the shelf until a worker takes it. The crew
 * sees that when it looks, which it does before it acts on anything that a
 * worker could have done since; so a seat's parcels are what its worker took
 * and has not replied to. A chunk that is too long for a place waits as a whole
 * frame in the draft, and is moved to the channel of whoever took its ticket.
 *
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
#include "shelf.h"
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

/* After so many bytes sleepers are woken, though more may be laid out. */
#define BYTES_AT_ONCE 32768

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
	/* A channel without descriptors, for the frame under construction. */
	struct channel draft;
	/* The parcel that waits in the draft to be taken, or NULL. */
	const struct parcel *large;
	/*
	 * How many workers are to be woken before the crew waits, if so many
	 * sleep: one for each parcel that was laid out since, and for each
	 * worker that ended, which may have been woken for one.
	 */
	size_t owed;
	/* How many bytes were laid out since. */
	size_t fresh;
	/* What lies on the shelf, as far as is known, the oldest first. */
	struct parcel_list shelved;
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
	TRY(shelf_new(crew->seat_count, &crew->plan->shelf));
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
	plan->begun = NULL;
	plan->shelf = NULL;
	made->owner = owner;
	channel_init(&made->draft, -1, -1, WORKER_MESSAGE_LIMIT);
	TAILQ_INIT(&made->shelved);
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
	channel_fini(&crew->draft);
	shelf_free(crew->plan->shelf);
	sys_unmap_shared(crew->plan->begun,
		crew->seat_count * sizeof(*crew->plan->begun));
	free(crew);
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
	struct error *gone, *error = NULL;
	bool wants_room;

	if (seat->given_up)
		return;
	/* A pipe without a reader: the zygote will report why. */
	gone = channel_flush(&seat->channel);
	wants_room = !gone && channel_has_outgoing(&seat->channel);
	error_free(gone);
	if (wants_room && !seat->wants_room)
		error = TRACED(events_listen(
			&crew->events, seat->out, TO_WRITE, seat));
	else if (!wants_room && seat->wants_room)
		error = TRACED(events_ignore(&crew->events, seat->out));
	seat->wants_room = wants_room;
	fail(crew, error);
}

/* Wakes a worker to look at the shelf; tells whether one slept. */
static bool
wake_sleeper(struct crew *crew)
{
	size_t index;
	struct seat *seat;

	if (!shelf_find_sleeper(crew->plan->shelf, &index))
		return false;
	seat = &crew->seats[index];
	channel_begin(&seat->channel);
	fail(crew, TRACED(channel_end(&seat->channel)));
	flush_seat(crew, seat);
	return true;
}

/* The oldest parcel on the shelf was taken. */
static void
hand_over(struct crew *crew, struct seat *seat)
{
	struct parcel *parcel = TAILQ_FIRST(&crew->shelved);

	TAILQ_REMOVE(&crew->shelved, parcel, link);
	TAILQ_INSERT_TAIL(&seat->parcels, parcel, link);
	if (parcel != crew->large)
		return;
	crew->large = NULL;
	channel_move(&crew->draft, &seat->channel);
	flush_seat(crew, seat);
}

/* The oldest parcel on the shelf was taken back. */
static void
give_back(struct crew *crew)
{
	struct parcel *parcel = TAILQ_FIRST(&crew->shelved);

	TAILQ_REMOVE(&crew->shelved, parcel, link);
	if (parcel == crew->large) {
		crew->large = NULL;
		channel_cancel(&crew->draft);
	}
	crew->owner.returned(crew->owner.owner, parcel);
}

/* Finds out who has taken what. */
static void
look_at_shelf(struct crew *crew)
{
	size_t index;

	while (!TAILQ_EMPTY(&crew->shelved) &&
		shelf_taken(crew->plan->shelf, &index)) {
		if (index > crew->seat_count) {
			fail(crew, RAISE(RuntimeError,
					   "a task has overwritten memory that "
					   "its pool shares with it"));
			return;
		}
		if (index == crew->seat_count)
			give_back(crew);
		else
			hand_over(crew, &crew->seats[index]);
	}
}

/* Wakes whom it owes to be woken, but no more than find something. */
static void
wake_sleepers(struct crew *crew)
{
	const struct shelf *shelf = crew->plan->shelf;

	look_at_shelf(crew);
	if (crew->owed > shelf_count(shelf))
		crew->owed = shelf_count(shelf);
	while (crew->owed > 0 && shelf_count(shelf) > 0 && wake_sleeper(crew)) {
		crew->owed--;
		look_at_shelf(crew);
	}
	crew->owed = 0;
	crew->fresh = 0;
}

bool
crew_has_room(struct crew *crew)
{
	look_at_shelf(crew);
	return !crew->large && shelf_has_room(crew->plan->shelf);
}

struct buffer *
crew_begin(struct crew *crew, struct parcel *parcel)
{
	parcel->number = ++crew->last_number;
	return channel_begin(&crew->draft);
}

void
crew_cancel(struct crew *crew)
{
	channel_cancel(&crew->draft);
}

struct error *
crew_send(struct crew *crew, struct parcel *parcel)
{
	struct reader chunk;

	TRY(channel_end(&crew->draft));
	chunk = channel_payload(&crew->draft);
	parcel->large = chunk.length > SHELF_CHUNK_LIMIT;
	if (!parcel->large) {
		shelf_put(crew->plan->shelf, chunk, trace_latest());
		channel_cancel(&crew->draft);
	} else {
		shelf_put(
			crew->plan->shelf, (struct reader){0}, trace_latest());
		crew->large = parcel;
	}
	TAILQ_INSERT_TAIL(&crew->shelved, parcel, link);
	crew->owed++;
	crew->fresh += chunk.length;
	if (crew->fresh > BYTES_AT_ONCE)
		wake_sleepers(crew);
	return NULL;
}

static void
take_outcome(struct crew *crew, struct seat *seat, enum reply_kind kind,
	struct reader *reply)
{
	struct parcel *parcel = TAILQ_FIRST(&seat->parcels);

	TAILQ_REMOVE(&seat->parcels, parcel, link);
	crew->owner.replied(crew->owner.owner, parcel, kind, reply);
}

/* Raises ConnectionError for a reply that no sane worker sends. */
static struct error *
take_reply(struct crew *crew, struct seat *seat, struct reader *reply)
{
	const struct parcel *parcel;
	struct error *broken;
	uint8_t kind;

	TRY(reader_take_byte(reply, &kind));
	look_at_shelf(crew);
	parcel = TAILQ_FIRST(&seat->parcels);
	if (kind != REPLY_READY && kind != REPLY_ASK)
		trace(.kind = TRACE_RECEIVE, .cause = seat->channel.cause,
			.chunk = parcel ? parcel->number : 0);
	if (kind == REPLY_READY && seat->state == SEAT_STARTING) {
		crew->false_starts = 0;
		seat->state = SEAT_READY;
	} else if (kind == REPLY_BROKEN && seat->state == SEAT_STARTING) {
		TRY(decode_error(reply, &broken));
		fail(crew, broken);
	} else if ((kind == REPLY_VALUES || kind == REPLY_ERROR) && parcel) {
		take_outcome(crew, seat, kind, reply);
	} else if (kind != REPLY_ASK || !parcel || !parcel->large) {
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

/*
 * Tells of what a worker had, whose numbers rise. If it did not begin the last,
 * nothing that lies on the shelf may come before that.
 */
static void
lose_parcels(struct crew *crew, struct seat *seat,
	const struct zygote_report *report)
{
	uint64_t begun = atomic_load(&crew->plan->begun[report->seat]);
	bool all_begun = true;
	struct parcel *parcel;

	while ((parcel = TAILQ_FIRST(&seat->parcels))) {
		TAILQ_REMOVE(&seat->parcels, parcel, link);
		all_begun = parcel->number <= begun;
		crew->owner.lost(crew->owner.owner, parcel, all_begun,
			seat_loss(report));
	}
	while (!all_begun && shelf_take_back(crew->plan->shelf))
		look_at_shelf(crew);
}

/* Deals with the end of a worker, which may have been woken for a parcel. */
static struct error *
end_worker(struct crew *crew, struct seat *seat,
	const struct zygote_report *report)
{
	look_at_shelf(crew);
	lose_parcels(crew, seat, report);
	shelf_vacate(crew->plan->shelf, report->seat);
	crew->owed++;
	if (seat->state == SEAT_STARTING && !crew->closing &&
		++crew->false_starts > FALSE_STARTS_LIMIT)
		return RAISE(WorkerLostError,
			"%d workers in a row ended before they were ready",
			crew->false_starts);
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
	wake_sleepers(crew);
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
