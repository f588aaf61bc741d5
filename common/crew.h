/*
 * crew.h - the workers of a pool, each in a seat of its own, and what comes
 * from them.
 *
 * A worker that ends is replaced. The crew knows nothing of tasks: whoever owns
 * it, one thread, gives messages to idle seats, and is told through a
 * crew_owner of replies and of losses. That thread has SIGPIPE blocked or
 * ignored, since a worker may end while it is written to.
 */
#ifndef FORKLORE_CREW_H
#define FORKLORE_CREW_H

#include "scoped.h"
#include "worker.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buffer;
struct crew;
struct error;
struct reader;

/* No seat. */
#define NO_SEAT SIZE_MAX

/* What the crew's owner is told, from within crew_step(). */
struct crew_owner {
	/* The busy worker in a seat sent a reply, of a kind; it is idle now. */
	void (*replied)(void *owner, size_t seat, enum reply_kind kind,
		struct reader *reply);
	/*
	 * The busy worker in a seat is lost, and why, in an error which is
	 * taken; begun tells whether it had read its message whole.
	 */
	void (*lost)(void *owner, size_t seat, bool begun, struct error *why);
	void *owner;
};

/*
 * Makes a crew of that many workers, which start at once. The plan is borrowed
 * until the crew is freed; its begun is set here. Raises OSError.
 */
struct error *crew_new(struct worker_plan *plan, size_t seats,
	struct crew_owner owner, struct crew **crew);

/* Kills whoever is left and waits for the end of all. NULL is fine. */
void crew_free(struct crew *crew);
DEFINE_SCOPED(crew)

/* An idle seat, or NO_SEAT. */
size_t crew_idle(struct crew *crew);

/*
 * Begins a message to an idle seat and gives the buffer for its payload, which
 * is to begin with a chunk_head of this number. Then crew_send() makes the seat
 * busy, or crew_cancel() leaves it idle. crew_send() raises ValueError for a
 * payload too long, and the seat is idle.
 */
struct buffer *crew_begin(struct crew *crew, size_t seat, uint64_t *number);
struct error *crew_send(struct crew *crew, size_t seat);
void crew_cancel(struct crew *crew, size_t seat);

/* Lets all workers end, none of which may be busy, and replaces none. */
void crew_close(struct crew *crew);

/* Whether no worker is left. */
bool crew_gone(const struct crew *crew);

/* Makes crew_step() return soon. May be called from any thread. */
void crew_wake(struct crew *crew);

/*
 * Waits until something happens, and deals with all that has. An error means
 * that the crew is of no more use: its initializer failed, no worker can be
 * started, or its zygote is gone. Seats that are busy then are not heard of any
 * more.
 */
struct error *crew_step(struct crew *crew);

#endif
