#include "manager.h"

#include "board.h"
#include "door.h"
#include "error.h"
#include "link.h"
#include "panic.h"
#include "proxy.h"
#include "server.h"
#include "sys.h"

#include <signal.h>
#include <stdlib.h>

struct manager {
	pid_t creator;
	pid_t server;
	/*
	 * The server ends when this socket is closed, which the kernel sees to.
	 */
	int lifeline;
	char *address;
};

static struct error *
start(struct manager *manager)
{
	int ends[2];
	struct error *error;

	TRY(sys_socket_pair(ends));
	error = TRACED(board_fork(ends[1], &manager->server));
	if (!error && manager->server == 0)
		server_run(ends[1]);
	sys_close(ends[1]);
	manager->lifeline = ends[0];
	if (error)
		return error;
	error = TRACED(
		server_await_address(manager->lifeline, &manager->address));
	door_clear(manager->server);
	return error;
}

struct error *
manager_new(struct manager **manager)
{
	SCOPED(manager) made = must_have(calloc(1, sizeof(*made)));

	made->creator = sys_process();
	made->lifeline = -1;
	TRY(start(made));
	*manager = made;
	made = NULL;
	return NULL;
}

void
manager_free(struct manager *manager)
{
	if (!manager || manager->creator != sys_process())
		return;
	if (manager->address)
		link_forget(manager->address);
	sys_close(manager->lifeline);
	if (manager->server > 0) {
		/* Somebody may have stopped it. */
		kill(manager->server, SIGCONT);
		board_reap(manager->server);
	}
	free(manager->address);
	free(manager);
}

struct error *
manager_condition(struct manager *manager, struct condition **condition)
{
	TRY(proxy_new(manager->address, condition));
	return NULL;
}
