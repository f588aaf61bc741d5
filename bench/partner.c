#include "partner.h"

#include "error.h"
#include "sys.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

static struct error *
start(struct partner *partner, partner_main *run, int in, int out)
{
	/* What is private is closed in the other process. */
	sys_private(partner->in);
	if (partner->out != partner->in)
		sys_private(partner->out);
	TRY(sys_fork(-1, &partner->pid));
	if (partner->pid == 0) {
		run(in, out);
		_exit(0);
	}
	close(in);
	if (out != in)
		close(out);
	return NULL;
}

struct error *
partner_start_on_pipes(struct partner *partner, partner_main *run)
{
	int there[2], back[2];

	if (pipe2(there, O_CLOEXEC) < 0 || pipe2(back, O_CLOEXEC) < 0)
		return RAISE_ERRNO("pipe");
	partner->in = back[0];
	partner->out = there[1];
	TRY(start(partner, run, there[0], back[1]));
	return NULL;
}

struct error *
partner_start_on_socket(struct partner *partner, partner_main *run)
{
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
		return RAISE_ERRNO("socketpair");
	partner->in = partner->out = ends[0];
	TRY(start(partner, run, ends[1], ends[1]));
	return NULL;
}

void
partner_end(struct partner *partner)
{
	sys_close(partner->out);
	if (partner->in != partner->out)
		sys_close(partner->in);
	sys_reap(partner->pid);
}
