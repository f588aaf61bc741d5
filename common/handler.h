/*
 * handler.h - the thread of a pool that deals chunks of work to its workers,
 * collects what they reply, settles results and calls callbacks.
 */
#ifndef FORKLORE_HANDLER_H
#define FORKLORE_HANDLER_H

#include <stdbool.h>
#include <stddef.h>

struct error;
struct handler;
struct submission;
struct worker_plan;

/*
 * Starts a handler with that many workers. The plan is borrowed until the
 * handler is freed. Raises OSError.
 */
struct error *
handler_new(struct worker_plan *plan, size_t workers, struct handler **handler);

/* Terminates, waits and frees; NULL is fine. Panics in a callback. */
void handler_free(struct handler *handler);

/* Whether the calling thread is this handler's, that is, runs a callback. */
bool handler_is_current(const struct handler *handler);

/*
 * Takes a submission. Raises ValueError after close or terminate, or the error
 * that broke the pool.
 */
struct error *
handler_submit(struct handler *handler, struct submission *submission);

/* Lets nothing more be submitted. */
void handler_close(struct handler *handler);

/* Ends the work at once, and waits for that unless in a callback. */
void handler_terminate(struct handler *handler);

/*
 * Waits until all work is done and all processes have ended. Raises ValueError
 * while more may be submitted, RuntimeError in a callback.
 */
struct error *handler_join(struct handler *handler);

#endif
