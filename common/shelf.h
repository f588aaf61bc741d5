/*
 * shelf.h - the chunks of work that nobody has taken yet, in memory that a pool
 * shares with its workers. The pool lays chunks out; a worker that has nothing
 * to do takes the next. Workers have seats, numbered from 0.
 *
 * Taking. The chunks have tickets: 1, 2, and so on. One word, the turn, says
 * which was taken last, and by whom. A worker copies the chunk after that, and
 * then tries to replace the turn, in one compare-and-exchange, by the next
 * ticket and its own seat. If it succeeds, the copy is the chunk, and nobody
 * else has it; if not, another was faster, and the copy is thrown away. So a
 * worker that is killed at any instruction has taken a chunk or has not, and
 * the pool can tell which; one that is stopped is in nobody's way. The turn
 * names one taker only: before anybody replaces it, they note in the place of
 * its chunk who took that.
 *
 * Sleeping. A worker that finds nothing raises its flag, looks once more, and
 * then waits for a wake-up. For each chunk that the pool has laid out and that
 * still lies there, it lowers one flag, if one is up, and wakes that worker. So
 * either the worker sees the chunk, or the pool sees the flag. A worker whose
 * second look finds something lowers its own flag. Whoever lowers a flag has
 * decided what comes: if it was the pool, exactly one wake-up, for which the
 * worker waits; if it was the worker, none. In either case it then tries to
 * take.
 *
 * So no chunk lies there while a worker sleeps: when that worker looked,
 * nothing did, and for each chunk since then a worker was woken, which takes
 * one; a worker that was not woken and takes one too only leaves less. Who is
 * killed between being woken and taking breaks this rule: when a worker has
 * ended, and something lies there, the pool wakes another.
 */
#ifndef FORKLORE_SHELF_H
#define FORKLORE_SHELF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buffer;
struct error;
struct reader;
struct shelf;

/* How many chunks have room, and the longest, in bytes. */
#define SHELF_PLACES 64
#define SHELF_CHUNK_LIMIT ((size_t)65512)

/* Makes an empty shelf for workers yet to be forked. Raises OSError. */
struct error *shelf_new(size_t seats, struct shelf **shelf);

/* Frees it for the calling process; NULL is fine. */
void shelf_free(struct shelf *shelf);

/* The pool's part, which is for one thread. */

/* How many chunks were laid out whose takers shelf_taken() has not yet told. */
size_t shelf_count(const struct shelf *shelf);

/*
 * Whether another chunk has room. A place is free again when shelf_taken() has
 * told who took its chunk.
 */
bool shelf_has_room(const struct shelf *shelf);

/*
 * Lays a chunk out, for which there is room; an empty one says that the chunk
 * is too long for a place, and that its taker is to ask for it. With it goes
 * the entry in the record of the run that caused it, or 0.
 */
void shelf_put(struct shelf *shelf, struct reader chunk, uint64_t cause);

/*
 * Tells who took the next chunk that was taken: of each once, in their order.
 * False if there is none to tell of. The pool itself has the seat after the
 * last; a seat beyond that means that a task has overwritten the shelf.
 */
bool shelf_taken(struct shelf *shelf, size_t *seat);

/* Takes the next chunk for the pool itself, if there is one, and drops it. */
bool shelf_take_back(struct shelf *shelf);

/*
 * Lowers the first flag that is up, and gives the seat of its worker, which is
 * to be woken. False if none is up.
 */
bool shelf_find_sleeper(struct shelf *shelf, size_t *seat);

/* The worker in a seat has ended: it does not sleep. */
void shelf_vacate(struct shelf *shelf, size_t seat);

/*
 * The worker's part. Takes the next chunk, in place of what is in the buffer,
 * and tells what caused it. Or gives false where there is none: then exactly
 * one wake-up will come, which the worker is to await before it calls again.
 */
bool shelf_take(struct shelf *shelf, size_t seat, struct buffer *chunk,
	uint64_t *cause);

#endif
