#include "shelf.h"

#include "buffer.h"
#include "error.h"
#include "panic.h"
#include "sys.h"

#include <stdalign.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

/* A word has a ticket above a seat, from 1; no process has pipes for more. */
#define SEAT_BITS 20
#define NOBODY SIZE_MAX

#define CACHE_LINE 64
#define WORDS_AT_MOST (SHELF_CHUNK_LIMIT / sizeof(uint64_t))

struct place {
	/* The ticket of its chunk, and, once that was noted, its taker. */
	alignas(CACHE_LINE) _Atomic uint64_t taker;
	_Atomic uint64_t cause;
	/* In bytes; 0 is a chunk that is to be asked for. */
	_Atomic uint64_t size;
	/*
	 * May be filled anew while a slow worker still copies them. Each is
	 * stored with release and loaded with acquire: who got one that is too
	 * new sees that the turn has passed, too, and so does not take.
	 */
	_Atomic uint64_t words[WORDS_AT_MOST];
};

/* What the processes share. */
struct shared {
	struct place places[SHELF_PLACES];
	alignas(CACHE_LINE) _Atomic uint64_t turn;
	/* Which seats' flags are up. */
	alignas(CACHE_LINE) atomic_bool asleep[];
};

struct shelf {
	struct shared *shared;
	size_t seats;
	/* The pool's own: the last ticket laid out; the last taker told of. */
	uint64_t last;
	uint64_t known;
};

static uint64_t
word_of(uint64_t ticket, size_t seat)
{
	return ticket << SEAT_BITS | (seat + 1);
}

static uint64_t
ticket_of(uint64_t word)
{
	return word >> SEAT_BITS;
}

static size_t
seat_of(uint64_t word)
{
	return (word & (((uint64_t)1 << SEAT_BITS) - 1)) - 1;
}

static struct place *
place_of(const struct shelf *shelf, uint64_t ticket)
{
	return &shelf->shared->places[ticket % SHELF_PLACES];
}

static size_t
size_for(size_t seats)
{
	return sizeof(struct shared) + seats * sizeof(atomic_bool);
}

struct error *
shelf_new(size_t seats, struct shelf **shelf)
{
	void *shared;

	TRY(sys_map_shared(size_for(seats), &shared));
	*shelf = must_have(calloc(1, sizeof(**shelf)));
	(*shelf)->shared = shared;
	(*shelf)->seats = seats;
	return NULL;
}

void
shelf_free(struct shelf *shelf)
{
	if (!shelf)
		return;
	sys_unmap_shared(shelf->shared, size_for(shelf->seats));
	free(shelf);
}

size_t
shelf_count(const struct shelf *shelf)
{
	return shelf->last - shelf->known;
}

bool
shelf_has_room(const struct shelf *shelf)
{
	return shelf_count(shelf) < SHELF_PLACES;
}

static void
put_word(struct place *place, size_t index, const unsigned char *bytes,
	size_t size)
{
	uint64_t word = 0;

	memcpy(&word, bytes + index * sizeof(word), size);
	atomic_store_explicit(&place->words[index], word, memory_order_release);
}

/* Word by word, of which the last may not be full. */
static void
fill(struct place *place, struct reader chunk)
{
	size_t full = chunk.length / sizeof(uint64_t);
	size_t rest = chunk.length % sizeof(uint64_t);

	for (size_t i = 0; i < full; i++)
		put_word(place, i, chunk.bytes, sizeof(uint64_t));
	if (rest > 0)
		put_word(place, full, chunk.bytes, rest);
}

void
shelf_put(struct shelf *shelf, struct reader chunk, uint64_t cause)
{
	uint64_t ticket = ++shelf->last;
	struct place *place = place_of(shelf, ticket);

	atomic_store_explicit(&place->cause, cause, memory_order_release);
	atomic_store_explicit(&place->size, chunk.length, memory_order_release);
	fill(place, chunk);
	atomic_store(&place->taker, word_of(ticket, NOBODY));
}

bool
shelf_taken(struct shelf *shelf, size_t *seat)
{
	uint64_t ticket = shelf->known + 1;
	uint64_t taken = atomic_load(&shelf->shared->turn);

	if (ticket > ticket_of(taken))
		return false;
	if (ticket < ticket_of(taken))
		taken = atomic_load(&place_of(shelf, ticket)->taker);
	*seat = seat_of(taken);
	shelf->known = ticket;
	return true;
}

/* Lowers a flag; tells whether it was up. */
static bool
lower(struct shelf *shelf, size_t seat)
{
	return atomic_exchange(&shelf->shared->asleep[seat], false);
}

bool
shelf_find_sleeper(struct shelf *shelf, size_t *seat)
{
	for (size_t i = 0; i < shelf->seats; i++)
		if (atomic_load(&shelf->shared->asleep[i]) && lower(shelf, i)) {
			*seat = i;
			return true;
		}
	return false;
}

void
shelf_vacate(struct shelf *shelf, size_t seat)
{
	lower(shelf, seat);
}

/* Whoever takes the next notes this first; all who do note the same. */
static void
note_taker(struct shelf *shelf, uint64_t turn)
{
	uint64_t nobody = word_of(ticket_of(turn), NOBODY);

	atomic_compare_exchange_strong(
		&place_of(shelf, ticket_of(turn))->taker, &nobody, turn);
}

static void
copy(const struct place *place, struct buffer *chunk)
{
	size_t size = atomic_load(&place->size);
	size_t count = (size + sizeof(uint64_t) - 1) / sizeof(uint64_t);
	unsigned char *bytes;

	chunk->length = 0;
	/* Whatever a task may have written there by mistake. */
	if (size > SHELF_CHUNK_LIMIT)
		return;
	bytes = buffer_extend(chunk, count * sizeof(uint64_t));
	for (size_t i = 0; i < count; i++) {
		uint64_t word = atomic_load_explicit(
			&place->words[i], memory_order_acquire);

		memcpy(bytes + i * sizeof(word), &word, sizeof(word));
	}
	chunk->length = size;
}

/* Whether something lies there after a turn, which may have passed since. */
static bool
has_next(const struct shelf *shelf, uint64_t turn)
{
	uint64_t ticket = ticket_of(turn) + 1;

	return ticket_of(atomic_load(&place_of(shelf, ticket)->taker)) >=
	       ticket;
}

static bool
take_next(
	struct shelf *shelf, size_t seat, struct buffer *chunk, uint64_t *cause)
{
	uint64_t turn = atomic_load(&shelf->shared->turn);

	while (has_next(shelf, turn)) {
		uint64_t ticket = ticket_of(turn) + 1;
		const struct place *place = place_of(shelf, ticket);

		note_taker(shelf, turn);
		*cause = atomic_load(&place->cause);
		copy(place, chunk);
		/* If it fails, turn is what it has become. */
		if (atomic_compare_exchange_strong(
			    &shelf->shared->turn, &turn, word_of(ticket, seat)))
			return true;
	}
	return false;
}

bool
shelf_take_back(struct shelf *shelf)
{
	struct buffer chunk = {0};
	uint64_t cause;
	bool took = take_next(shelf, shelf->seats, &chunk, &cause);

	buffer_fini(&chunk);
	return took;
}

bool
shelf_take(
	struct shelf *shelf, size_t seat, struct buffer *chunk, uint64_t *cause)
{
	while (!take_next(shelf, seat, chunk, cause)) {
		atomic_store(&shelf->shared->asleep[seat], true);
		if (!has_next(shelf, atomic_load(&shelf->shared->turn)) ||
			!lower(shelf, seat))
			return false;
	}
	return true;
}
