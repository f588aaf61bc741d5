/* bare_lock.c - pthread's mutex and condition variable, in shared memory. */
#include "bare.h"
#include "condition_class.h"
#include "crowd.h"
#include "error.h"
#include "sys.h"

#include <pthread.h>

/*
 * What is shared by the processes. A crowd takes it for a condition, which
 * costs it a call through a pointer.
 */
struct bare {
	struct condition condition;
	pthread_mutex_t mutex;
	pthread_cond_t changed;
};

static struct error *
make_shared(struct bare **bare)
{
	pthread_condattr_t kind;
	void *memory;

	TRY(sys_map_shared(sizeof(**bare), &memory));
	*bare = memory;
	sys_init_robust_mutex(&(*bare)->mutex);
	pthread_condattr_init(&kind);
	pthread_condattr_setpshared(&kind, PTHREAD_PROCESS_SHARED);
	pthread_cond_init(&(*bare)->changed, &kind);
	pthread_condattr_destroy(&kind);
	return NULL;
}

struct error *
bare_mutex(const struct trial *trial, double *value)
{
	struct bare *bare;
	double start;

	TRY(make_shared(&bare));
	start = sys_now();
	for (long i = 0; i < trial->count; i++) {
		pthread_mutex_lock(&bare->mutex);
		pthread_mutex_unlock(&bare->mutex);
	}
	*value = 1e9 * (sys_now() - start) / (double)trial->count;
	sys_unmap_shared(bare, sizeof(*bare));
	return NULL;
}

static struct error *
acquire(struct condition *condition)
{
	pthread_mutex_lock(&((struct bare *)condition)->mutex);
	return NULL;
}

static struct error *
release(struct condition *condition)
{
	pthread_mutex_unlock(&((struct bare *)condition)->mutex);
	return NULL;
}

static struct error *
wait(struct condition *condition, double timeout, bool *notified)
{
	struct bare *bare = (struct bare *)condition;

	(void)timeout;
	(void)notified;
	pthread_cond_wait(&bare->changed, &bare->mutex);
	return NULL;
}

static struct error *
notify(struct condition *condition, long n)
{
	(void)n;
	pthread_cond_broadcast(&((struct bare *)condition)->changed);
	return NULL;
}

static const struct condition_class bare_class = {
	.acquire = acquire,
	.release = release,
	.wait = wait,
	.notify = notify,
};

struct error *
bare_broadcast(const struct trial *trial, double *value)
{
	struct bare *bare;

	TRY(make_shared(&bare));
	condition_init(&bare->condition, &bare_class);
	TRY(crowd_wake(&bare->condition, 4, trial->count, value));
	sys_unmap_shared(bare, sizeof(*bare));
	return NULL;
}
