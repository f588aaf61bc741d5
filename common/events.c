#include "events.h"

#include "error.h"
#include "panic.h"
#include "sys.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

static struct error *
add(struct events *events, int descriptor, uint32_t interest, void *whose)
{
	struct epoll_event event = {.events = interest, .data.ptr = whose};

	if (epoll_ctl(events->epoll, EPOLL_CTL_ADD, descriptor, &event) < 0)
		return RAISE_ERRNO("epoll_ctl");
	return NULL;
}

struct error *
events_init(struct events *events)
{
	events->epoll = sys_private(epoll_create1(EPOLL_CLOEXEC));
	events->bell = sys_private(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
	if (events->epoll < 0 || events->bell < 0)
		return RAISE_ERRNO("descriptors for an event loop");
	/* At its edge: a ring is told of once, and nobody silences the bell. */
	TRY(add(events, events->bell, EPOLLIN | EPOLLET, NULL));
	return NULL;
}

void
events_fini(struct events *events)
{
	sys_close(events->epoll);
	sys_close(events->bell);
}

struct error *
events_listen(struct events *events, int descriptor, enum interest interest,
	void *whose)
{
	TRY(add(events, descriptor, interest == TO_READ ? EPOLLIN : EPOLLOUT,
		whose));
	return NULL;
}

struct error *
events_ignore(struct events *events, int descriptor)
{
	if (epoll_ctl(events->epoll, EPOLL_CTL_DEL, descriptor, NULL) < 0)
		return RAISE_ERRNO("epoll_ctl");
	return NULL;
}

struct error *
events_wait(struct events *events, double deadline, void *whose[EVENTS_AT_ONCE],
	size_t *count)
{
	struct epoll_event found[EVENTS_AT_ONCE];
	int ready = epoll_wait(events->epoll, found, EVENTS_AT_ONCE,
		sys_remaining_milliseconds(deadline));

	*count = 0;
	if (ready < 0 && errno != EINTR)
		return RAISE_ERRNO("epoll_wait");
	for (int i = 0; i < ready; i++)
		if (found[i].data.ptr)
			whose[(*count)++] = found[i].data.ptr;
	return NULL;
}

void
events_ring(struct events *events)
{
	uint64_t one = 1;

	if (write(events->bell, &one, sizeof(one)) < 0)
		panic("write to an eventfd: %s", strerror(errno));
}
