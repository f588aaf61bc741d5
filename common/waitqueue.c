#include "waitqueue.h"

#include "error.h"
#include "panic.h"
#include "sys.h"
#include "trace.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>

static enum place_state
state_of(const struct place *place)
{
	return (enum place_state)atomic_load(&place->state);
}

/* Takes a place's mutex unless a living thread has it. */
static bool
try_alive(struct place *place)
{
	int result = pthread_mutex_trylock(&place->alive);

	if (result == EOWNERDEAD)
		result = pthread_mutex_consistent(&place->alive);
	if (result != 0 && result != EBUSY)
		panic("pthread_mutex_trylock: %s", strerror(result));
	return result == 0;
}

static bool
is_dead(struct place *place)
{
	if (!try_alive(place))
		return false;
	pthread_mutex_unlock(&place->alive);
	return true;
}

/* A place for the calling thread, its mutex held; NULL if there is none. */
static struct place *
take_place(struct waitqueue *queue)
{
	struct place *place;

	for (uint32_t i = 0; i < queue->used; i++)
		if (state_of(&queue->places[i]) == PLACE_FREE &&
			try_alive(&queue->places[i]))
			return &queue->places[i];
	if (queue->used == WAITQUEUE_PLACES)
		return NULL;
	place = &queue->places[queue->used];
	sys_init_robust_mutex(&place->alive);
	/* Nobody else can have it yet. */
	try_alive(place);
	queue->used++;
	return place;
}

struct error *
waitqueue_join(struct waitqueue *queue, struct place **joined)
{
	struct place *place = take_place(queue);

	if (!place)
		return RAISE(RuntimeError,
			"all %d places to wait on a condition are taken",
			WAITQUEUE_PLACES);
	place->ticket = queue->next_ticket++;
	atomic_store(&place->state, PLACE_WAITING);
	*joined = place;
	return NULL;
}

void
waitqueue_sleep(struct place *place, double deadline)
{
	sys_futex_wait(&place->state, PLACE_WAITING, deadline);
}

bool
waitqueue_notified(const struct place *place)
{
	return state_of(place) == PLACE_NOTIFIED;
}

void
waitqueue_leave(struct waitqueue *queue, struct place *place)
{
	if (waitqueue_notified(place))
		queue->notified--;
	atomic_store(&place->state, PLACE_FREE);
	pthread_mutex_unlock(&place->alive);
}

/*
 * The living thread that has waited longest, among tickets below a bound; NULL
 * if there is none. The dead that are met on the way are forgotten.
 */
static struct place *
longest_waiting(struct waitqueue *queue, uint64_t below)
{
	struct place *longest = NULL;

	for (uint32_t i = 0; i < queue->used; i++) {
		struct place *place = &queue->places[i];

		if (state_of(place) != PLACE_WAITING)
			continue;
		if (is_dead(place))
			atomic_store(&place->state, PLACE_FREE);
		else if (place->ticket < below &&
			 (!longest || place->ticket < longest->ticket))
			longest = place;
	}
	return longest;
}

static void
notify_place(struct waitqueue *queue, struct place *place, uint64_t heirs_below,
	uint64_t woken_by)
{
	place->heirs_below = heirs_below;
	place->woken_by = woken_by;
	queue->notified++;
	atomic_store(&place->state, PLACE_NOTIFIED);
	sys_futex_wake(&place->state);
}

static size_t
notify_everybody(struct waitqueue *queue)
{
	size_t woken = 0;

	for (uint32_t i = 0; i < queue->used; i++)
		if (state_of(&queue->places[i]) == PLACE_WAITING) {
			notify_place(
				queue, &queue->places[i], 0, trace_latest());
			woken++;
		}
	return woken;
}

static size_t
notify_longest(struct waitqueue *queue, long n)
{
	struct place *place;
	size_t woken = 0;

	for (; n > 0; n--) {
		place = longest_waiting(queue, queue->next_ticket);
		if (!place)
			break;
		notify_place(queue, place, queue->next_ticket, trace_latest());
		woken++;
	}
	return woken;
}

size_t
waitqueue_notify(struct waitqueue *queue, long n)
{
	return n >= (long)queue->used ? notify_everybody(queue)
				      : notify_longest(queue, n);
}

void
waitqueue_hand_on(struct waitqueue *queue)
{
	for (uint32_t i = 0; i < queue->used && queue->notified > 0; i++) {
		struct place *dead = &queue->places[i];
		struct place *heir;

		if (!waitqueue_notified(dead) || !is_dead(dead))
			continue;
		heir = longest_waiting(queue, dead->heirs_below);
		if (heir)
			notify_place(
				queue, heir, dead->heirs_below, dead->woken_by);
		atomic_store(&dead->state, PLACE_FREE);
		queue->notified--;
	}
}

void
waitqueue_recover(struct waitqueue *queue)
{
	queue->notified = 0;
	for (uint32_t i = 0; i < queue->used; i++)
		if (waitqueue_notified(&queue->places[i]))
			queue->notified++;
}
