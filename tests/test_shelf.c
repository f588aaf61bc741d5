/*
 * test_shelf.c - a shelf: who gets what lies there, who is woken for it, and
 * what becomes of both when a worker is stopped, or killed, after any
 * instruction of what it does, while the pool or another worker goes on.
 */
#include "shelf.h"

#include "buffer.h"
#include "must.h"
#include "steps.h"
#include "sys.h"

#include <stdlib.h>
#include <string.h>

#define SEATS 2

/*
 * One of so many instructions is tried, from one that is drawn each time; all
 * are with FORKLORE_EVERY_POINT=1 in the environment.
 */
#define STRIDE 7

static struct shelf *shelf;
/* What was taken last; it has room, so that taking it needs no memory. */
static struct buffer taken;
static uint64_t cause;

static void
open_shelf(void)
{
	MUST(shelf_new(SEATS, &shelf));
	buffer_extend(&taken, SHELF_CHUNK_LIMIT);
}

static void
close_shelf(void)
{
	shelf_free(shelf);
	buffer_fini(&taken);
}

/* Lays out a chunk that is a number, caused by it. */
static void
put(uint64_t number)
{
	struct buffer chunk = {0};

	buffer_put_number(&chunk, number);
	shelf_put(shelf, (struct reader){chunk.bytes, chunk.length}, number);
	buffer_fini(&chunk);
}

/* What a seat's worker takes; 0 if it takes none. */
static uint64_t
take(size_t seat)
{
	struct reader reader;
	uint64_t number;

	if (!shelf_take(shelf, seat, &taken, &cause))
		return 0;
	reader = (struct reader){taken.bytes, taken.length};
	MUST(reader_take_number(&reader, &number));
	MUST(reader_end(&reader));
	assert_int_equal(cause, number);
	return number;
}

/* Checks that the next of which the pool is told was taken for a seat. */
static void
must_be_taken_by(size_t seat)
{
	size_t taker;

	assert_true(shelf_taken(shelf, &taker));
	assert_int_equal(taker, seat);
}

static void
no_other_must_be_taken(void)
{
	size_t taker;

	assert_false(shelf_taken(shelf, &taker));
}

/* The seat whose flag the pool lowers; SEATS if none was up. */
static size_t
find_sleeper(void)
{
	size_t seat;

	return shelf_find_sleeper(shelf, &seat) ? seat : SEATS;
}

IN_CHILD(chunks_are_taken_once_and_in_their_order)
{
	open_shelf();
	assert_int_equal(take(0), 0);
	put(11);
	put(12);
	put(13);
	no_other_must_be_taken();
	assert_int_equal(take(1), 11);
	assert_int_equal(take(0), 12);
	assert_int_equal(take(0), 13);
	assert_int_equal(take(1), 0);
	must_be_taken_by(1);
	must_be_taken_by(0);
	must_be_taken_by(0);
	no_other_must_be_taken();
	close_shelf();
}

IN_CHILD(place_is_used_again_once_its_taker_is_known)
{
	open_shelf();
	for (uint64_t i = 1; i <= 5 * SHELF_PLACES; i++) {
		uint64_t last = i - SHELF_PLACES;

		if (i > SHELF_PLACES) {
			assert_false(shelf_has_room(shelf));
			assert_int_equal(shelf_count(shelf), SHELF_PLACES);
			assert_int_equal(take(last % SEATS), last);
			assert_false(shelf_has_room(shelf));
			must_be_taken_by(last % SEATS);
		}
		assert_true(shelf_has_room(shelf));
		put(i);
	}
	close_shelf();
}

IN_CHILD(chunk_of_any_size_comes_through_whole)
{
	static unsigned char bytes[SHELF_CHUNK_LIMIT];

	open_shelf();
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (unsigned char)(i % 251);
	for (size_t size = 0; size <= sizeof(bytes);
		size += size < 40 || size >= sizeof(bytes) - 40 ? 1 : 40) {
		shelf_put(shelf, (struct reader){bytes, size}, 0);
		assert_true(shelf_take(shelf, 0, &taken, &cause));
		assert_int_equal(taken.length, size);
		assert_memory_equal(taken.bytes, bytes, size);
		must_be_taken_by(0);
	}
	close_shelf();
}

IN_CHILD(worker_that_finds_nothing_is_woken_once)
{
	open_shelf();
	assert_int_equal(find_sleeper(), SEATS);
	assert_int_equal(take(1), 0);
	assert_int_equal(take(0), 0);
	assert_int_equal(find_sleeper(), 0);
	assert_int_equal(find_sleeper(), 1);
	assert_int_equal(find_sleeper(), SEATS);
	/* Who takes something does not sleep. */
	put(11);
	assert_int_equal(take(0), 11);
	assert_int_equal(find_sleeper(), SEATS);
	/* Nor does who has ended. */
	assert_int_equal(take(0), 0);
	assert_int_equal(take(1), 0);
	shelf_vacate(shelf, 0);
	assert_int_equal(find_sleeper(), 1);
	close_shelf();
}

/* What became of a worker that went through; in memory that it shares. */
static struct outcome {
	bool took;
	uint64_t number;
} * outcome;

static void
worker_takes(void)
{
	bool took = shelf_take(shelf, 0, &taken, &cause);

	/* The number is all of a chunk. */
	if (took)
		memcpy(&outcome->number, taken.bytes, sizeof(uint64_t));
	outcome->took = took;
}

/* What happens while a worker in seat 0 stands in the midst of taking. */
struct meantime {
	/* How many chunks lay on the shelf when it began. */
	uint64_t chunks;
	/* Whether it is killed there; else it goes on to the end. */
	bool killed;
	/* What others do before, meanwhile and after. */
	void (*begin)(void);
	void (*happen)(void);
	void (*check)(void);
};

/* Tells whether the worker was through after so many instructions. */
static bool
stand_at(const struct meantime *meantime, long steps)
{
	struct walker walker = {0};
	long all = 1000000;
	bool through;

	open_shelf();
	*outcome = (struct outcome){0};
	for (uint64_t i = 1; i <= meantime->chunks; i++)
		put(10 + i);
	if (meantime->begin)
		meantime->begin();
	walker_start(&walker, NULL, worker_takes);
	through = walker_walk(&walker, &steps) == WALK_ENDED;
	if (meantime->killed)
		walker_kill(&walker);
	meantime->happen();
	if (!meantime->killed) {
		if (!through)
			assert_int_equal(
				walker_walk(&walker, &all), WALK_ENDED);
		walker_kill(&walker);
	}
	meantime->check();
	close_shelf();
	return through;
}

static long
stride(void)
{
	const char *every = getenv("FORKLORE_EVERY_POINT");

	return every && strcmp(every, "1") == 0 ? 1 : STRIDE;
}

/* Draws the first of the instructions that are tried. */
static long
first_point(void)
{
	uint32_t chance;

	sys_random(&chance, sizeof(chance));
	return (long)(chance % (uint64_t)stride());
}

static void
stand_everywhere(const struct meantime *meantime)
{
	void *memory;
	long steps = first_point();

	if (!walking_is_possible())
		skip();
	MUST(sys_map_shared(sizeof(*outcome), &memory));
	outcome = memory;
	while (!stand_at(meantime, steps))
		steps += stride();
	sys_unmap_shared(memory, sizeof(*outcome));
	/* Or it was not taken through. */
	assert_true(steps > 20);
}

/* Which of both chunks the worker in seat 1 got. */
static uint64_t other_got;

static void
another_takes_two(void)
{
	other_got = take(1);
	assert_true(other_got == 11 || other_got == 12);
	assert_int_equal(take(1), other_got == 11 ? 12 : 0);
}

static void
each_has_one_taker(void)
{
	must_be_taken_by(other_got == 11);
	must_be_taken_by(1);
	no_other_must_be_taken();
	assert_int_equal(take(1), 0);
}

static void
all_places_can_be_used(void)
{
	each_has_one_taker();
	for (uint64_t i = 1; i <= 2 * SHELF_PLACES; i++) {
		assert_true(shelf_has_room(shelf));
		put(100 + i);
		assert_int_equal(take(1), 100 + i);
		must_be_taken_by(1);
	}
}

static void
worker_killed_while_it_takes_has_taken_or_not(void **state)
{
	(void)state;
	stand_everywhere(&(struct meantime){
		2, true, NULL, another_takes_two, all_places_can_be_used});
}

static void
two_workers_never_take_the_same(void **state)
{
	(void)state;
	stand_everywhere(&(struct meantime){
		2, false, NULL, another_takes_two, each_has_one_taker});
}

/* All places are used again and again, and one chunk is left. */
static void
others_use_all_places(void)
{
	size_t taker;

	/* The first may be with the worker that stands. */
	other_got = take(1);
	for (uint64_t i = 12; i < 12 + 2 * SHELF_PLACES; i++) {
		while (shelf_taken(shelf, &taker))
			;
		put(i);
		assert_int_equal(take(1), i);
	}
	while (shelf_taken(shelf, &taker))
		;
	put(1000);
}

static void
it_has_what_nobody_else_has(void)
{
	assert_true(outcome->took);
	assert_int_equal(outcome->number, other_got == 11 ? 1000 : 11);
	assert_int_equal(take(1), other_got == 11 ? 0 : 1000);
}

static void
worker_that_was_stopped_for_long_takes_nothing_stale(void **state)
{
	(void)state;
	stand_everywhere(&(struct meantime){1, false, NULL,
		others_use_all_places, it_has_what_nobody_else_has});
}

static bool was_woken;

static void
pool_lays_one_out(void)
{
	put(11);
	was_woken = find_sleeper() == 0;
}

/* Who is woken does not run, and who is not does not sleep. */
static void
it_is_woken_or_has_taken(void)
{
	assert_int_equal(was_woken, !outcome->took);
	assert_int_equal(take(0), was_woken ? 11 : 0);
}

static void
worker_that_lies_down_is_woken_or_takes(void **state)
{
	(void)state;
	stand_everywhere(&(struct meantime){
		0, false, NULL, pool_lays_one_out, it_is_woken_or_has_taken});
}

/*
 * The worker in seat 1 has found nothing, and raised its flag with the one in
 * seat 0, or before, or after. The pool lays out two chunks.
 */
static void
another_lies_down(void)
{
	assert_int_equal(take(1), 0);
}

static size_t woken;

static void
pool_lays_out_two(void)
{
	woken = 0;
	for (uint64_t i = 11; i <= 12; i++) {
		put(i);
		woken += find_sleeper() != SEATS;
	}
}

/* Whoever was woken takes one: none is left for whoever sleeps. */
static void
nobody_sleeps_beside_a_chunk(void)
{
	assert_int_equal(woken + outcome->took, SEATS);
	assert_int_not_equal(take(1), 0);
	if (!outcome->took)
		assert_int_not_equal(take(0), 0);
	assert_int_equal(take(1), 0);
}

static void
nobody_sleeps_while_a_chunk_lies_there(void **state)
{
	(void)state;
	stand_everywhere(&(struct meantime){0, false, another_lies_down,
		pool_lays_out_two, nobody_sleeps_beside_a_chunk});
}

/*
 * The worker in seat 0 takes some steps; the pool lays a chunk out, and wakes
 * the worker if its flag is up; it takes some more; that in seat 1 looks; the
 * pool lays out another. Tells whether the first found it asleep, and whether
 * it was through after the steps.
 */
static bool
lay_out_between(long before, long after, bool *through)
{
	struct walker walker = {0};
	long all = 1000000;
	bool asleep;
	int left, sleepers;
	uint64_t got;

	open_shelf();
	*outcome = (struct outcome){0};
	walker_start(&walker, NULL, worker_takes);
	walker_walk(&walker, &before);
	put(11);
	asleep = find_sleeper() != SEATS;
	*through = walker_walk(&walker, &after) == WALK_ENDED;
	got = take(1);
	put(12);
	woken = find_sleeper();
	if (!*through)
		assert_int_equal(walker_walk(&walker, &all), WALK_ENDED);
	walker_kill(&walker);
	assert_true(woken != 0 || !outcome->took);
	assert_true(woken != 1 || got == 0);
	left = 2 - outcome->took - (got != 0);
	sleepers = !outcome->took + (got == 0) - (woken != SEATS);
	/* What is left has somebody who was woken for it, or nobody sleeps. */
	if (!asleep)
		assert_true(left <= (woken != SEATS) || sleepers == 0);
	close_shelf();
	return asleep;
}

IN_CHILD(worker_that_takes_at_its_second_look_is_not_woken_for_another)
{
	void *memory;
	bool through;
	long before = 0;

	if (!walking_is_possible())
		skip();
	MUST(sys_map_shared(sizeof(*outcome), &memory));
	outcome = memory;
	while (!lay_out_between(before, 0, &through))
		before++;
	/* The last step at which its flag is not up. */
	before--;
	for (long after = first_point(); !through; after += stride())
		lay_out_between(before, after, &through);
	sys_unmap_shared(memory, sizeof(*outcome));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(chunks_are_taken_once_and_in_their_order),
		cmocka_unit_test(place_is_used_again_once_its_taker_is_known),
		cmocka_unit_test(chunk_of_any_size_comes_through_whole),
		cmocka_unit_test(worker_that_finds_nothing_is_woken_once),
		cmocka_unit_test(worker_killed_while_it_takes_has_taken_or_not),
		cmocka_unit_test(two_workers_never_take_the_same),
		cmocka_unit_test(
			worker_that_was_stopped_for_long_takes_nothing_stale),
		cmocka_unit_test(worker_that_lies_down_is_woken_or_takes),
		cmocka_unit_test(nobody_sleeps_while_a_chunk_lies_there),
		cmocka_unit_test(
			worker_that_takes_at_its_second_look_is_not_woken_for_another),
	};

	return cmocka_run_group_tests_name("shelf", tests, NULL, NULL) != 0;
}
