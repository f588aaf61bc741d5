/* bare_lock.c - pthread's mutex and condition variable, in shared memory. */
#include "bare.h"
#include "crowd.h"
#include "error.h"
#include "sys.h"

#include <pthread.h>

/* What is shared by the processes. */
struct bare {
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
acquire(void *object)
{
	struct bare *bare = object;

	pthread_mutex_lock(&bare->mutex);
	return NULL;
}

static struct error *
release(void *object)
{
	struct bare *bare = object;

	pthread_mutex_unlock(&bare->mutex);
	return NULL;
}

static struct error *
wait(void *object)
{
	struct bare *bare = object;

	pthread_cond_wait(&bare->changed, &bare->mutex);
	return NULL;
}

static struct error *
notify_all(void *object)
{
	struct bare *bare = object;

	pthread_cond_broadcast(&bare->changed);
	return NULL;
}

static const struct bell bare_bell = {acquire, release, wait, notify_all};

struct error *
bare_broadcast(const struct trial *trial, double *value)
{
	struct bare *bare;

	TRY(make_shared(&bare));
	TRY(crowd_wake(&bare_bell, bare, 4, trial->count, value));
	sys_unmap_shared(bare, sizeof(*bare));
	return NULL;
}
