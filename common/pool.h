/*
 * pool.h - worker processes that run tasks.
 *
 * A pool forks its workers when it is made; they inherit what is global then.
 * What is submitted later goes to them encoded (encoding.h): what cannot be
 * encoded never reaches a worker, and its submission fails in this process.
 * That failure waits in the result (result.h) until somebody asks.
 *
 * A pool may be used by all threads of the process that made it. A call from
 * another process raises RuntimeError.
 */
#ifndef FORKLORE_POOL_H
#define FORKLORE_POOL_H

#include "scoped.h"
#include "task.h"

#include <limits.h>
#include <stddef.h>

struct callbacks;
struct error;
struct pool;
struct result;
struct value;

/* What a pool may be made with; all zero is what pool_new() takes. */
struct pool_options {
	/* Run first in each worker, the replacements too. */
	initializer_function *initializer;
	/*
	 * Its arguments, a list, which the pool takes; NULL for none. They are
	 * inherited, not sent: a condition in shared memory may be among them.
	 */
	struct value *initializer_arguments;
	/*
	 * How many chunks a worker runs before it is replaced; 0 for no limit.
	 */
	size_t maximum_chunks;
};

/*
 * Makes a pool of that many workers; the caller frees it. Raises ValueError if
 * workers is 0, OSError if the system refuses, ConnectionError if the process
 * that forks the workers is killed meanwhile, AssertionError in a worker.
 */
struct error *pool_new(size_t workers, struct pool **pool);
struct error *pool_new_with(
	size_t workers, const struct pool_options *options, struct pool **pool);

/*
 * Terminates a pool, waits for the end of its processes, and frees it; NULL is
 * fine. Results stay valid. Panics in a callback; in another process than the
 * one that made the pool it does nothing.
 */
void pool_free(struct pool *pool);
DEFINE_SCOPED(pool)

/* The chunk size that makes at most four times as many chunks as workers. */
#define DEFAULT_CHUNK_SIZE LONG_MIN

/*
 * Each runs tasks and waits for what they return, in *value, which the caller
 * frees and may leave NULL: apply runs one, with a list of arguments, and gives
 * what it returned; map one for each item, which is its argument; starmap one
 * for each item, which is the list of its arguments. The maps give a list in
 * the order of the items, which go to workers in chunks of chunk_size, at least
 * 1, or DEFAULT_CHUNK_SIZE. Arguments and items are taken, after an error, too.
 *
 * They raise the first error of any task; RuntimeError, MaybeEncodingError or
 * whatever else keeps an item from its worker or a result from coming back;
 * WorkerLostError if the worker was lost that ran it; PoolTerminatedError;
 * ValueError if the pool was closed or the chunk size is below 1; TypeError if
 * the items are no list (of lists); and if the pool is broken, since its
 * initializer failed or it can start no workers, the error that broke it.
 */
struct error *pool_apply(struct pool *pool, task_function *task,
	struct value *arguments, struct value **value);
struct error *pool_map(struct pool *pool, task_function *task,
	struct value *items, long chunk_size, struct value **value);
struct error *pool_starmap(struct pool *pool, task_function *task,
	struct value *items, long chunk_size, struct value **value);

/*
 * The same without waiting: *result, which the caller frees, will have the
 * value or the error; callbacks, which may be NULL, are copied. Only the
 * ValueErrors, the TypeErrors and the error of a broken pool are raised at
 * once.
 */
struct error *pool_apply_async(struct pool *pool, task_function *task,
	struct value *arguments, const struct callbacks *callbacks,
	struct result **result);
struct error *pool_map_async(struct pool *pool, task_function *task,
	struct value *items, long chunk_size, const struct callbacks *callbacks,
	struct result **result);
struct error *pool_starmap_async(struct pool *pool, task_function *task,
	struct value *items, long chunk_size, const struct callbacks *callbacks,
	struct result **result);

/* Lets nothing more be submitted; what was goes on. May be repeated. */
struct error *pool_close(struct pool *pool);

/*
 * Ends the pool at once: its workers are killed, and every pending result gets
 * a PoolTerminatedError. Returns when that has happened, but from a callback at
 * once. May be repeated.
 */
struct error *pool_terminate(struct pool *pool);

/*
 * Waits until a pool that was closed or terminated has finished its work and
 * its processes have ended. Raises ValueError if it was neither, RuntimeError
 * in a callback. May be repeated.
 */
struct error *pool_join(struct pool *pool);

#endif
