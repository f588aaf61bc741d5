#include "door.h"

#include "error.h"
#include "panic.h"
#include "sys.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

/*
 * How many may wait outside to be let in; who comes when there are as many
 * sleeps in connect(). They are few, since who comes last has to wait for all
 * that came before it.
 */
#define WAITING_LIMIT 16

/* False if the path is too long. */
static bool
address_of_path(const char *path, struct sockaddr_un *address)
{
	*address = (struct sockaddr_un){.sun_family = AF_UNIX};
	if (strlen(path) >= sizeof(address->sun_path))
		return false;
	strcpy(address->sun_path, path);
	return true;
}

static struct error *
bind_and_listen(int listener, const char *path, int *handle)
{
	struct sockaddr_un address;

	if (!address_of_path(path, &address))
		return RAISE(OSError,
			"'%s' is too long for a socket's address: is TMPDIR?",
			path);
	if (bind(listener, (struct sockaddr *)&address, sizeof(address)) < 0)
		return RAISE_ERRNO("bind to '%s'", path);
	if (listen(listener, WAITING_LIMIT) < 0)
		return RAISE_ERRNO("listen at '%s'", path);
	*handle = open(path, O_PATH | O_CLOEXEC);
	if (*handle < 0)
		return RAISE_ERRNO("open '%s'", path);
	return NULL;
}

/*
 * Drawn when the program starts, and inherited by all processes forked from it:
 * nobody else knows what their directories will be called.
 */
static uint64_t secret;

__attribute__((constructor)) static void
draw_secret(void)
{
	sys_random(&secret, sizeof(secret));
}

/* Where the door of a process is made: a directory, and the socket in it. */
struct site {
	char *directory;
	char *socket;
};

static struct site
site_of(pid_t process)
{
	const char *parent = getenv("TMPDIR");
	struct site site;

	if (asprintf(&site.directory, "%s/forklore-%016" PRIx64 "-%d",
		    parent && *parent ? parent : "/tmp", secret,
		    (int)process) < 0 ||
		asprintf(&site.socket, "%s/socket", site.directory) < 0)
		panic("out of memory");
	return site;
}

static void
site_clear(struct site *site)
{
	unlink(site->socket);
	rmdir(site->directory);
	free(site->socket);
	free(site->directory);
}

void
door_clear(pid_t process)
{
	struct site site = site_of(process);

	site_clear(&site);
}

static struct error *
bind_at(const struct site *site, int listener, int *handle)
{
	if (mkdir(site->directory, 0700) < 0)
		return RAISE_ERRNO("make the directory '%s'", site->directory);
	TRY(bind_and_listen(listener, site->socket, handle));
	return NULL;
}

/* Binds in a directory of its own, which is gone afterwards. */
static struct error *
bind_in_passing(int listener, int *handle)
{
	struct site site = site_of(sys_process());
	struct error *error = TRACED(bind_at(&site, listener, handle));

	site_clear(&site);
	return error;
}

struct error *
door_open(int *listener, int *handle, char **address)
{
	struct error *error;

	*listener =
		socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (*listener < 0)
		return RAISE_ERRNO("socket");
	*handle = -1;
	error = TRACED(bind_in_passing(*listener, handle));
	if (error) {
		sys_close(*handle);
		sys_close(*listener);
		return error;
	}
	if (asprintf(address, "/proc/%d/fd/%d", (int)getpid(), *handle) < 0)
		panic("out of memory");
	return NULL;
}

/* Only the door's own user is let near it. */
static struct error *
refusal(const char *path)
{
	if (errno == EACCES)
		return RAISE(AuthenticationError,
			"the manager at %s belongs to another user", path);
	return RAISE(ConnectionError, "the manager at %s: %s", path,
		strerror(errno));
}

struct error *
door_connect(const char *path, int *connection)
{
	struct sockaddr_un address;
	int made;

	if (!address_of_path(path, &address))
		return RAISE(ConnectionError,
			"'%s' is too long for a manager's address", path);
	TRY(sys_socket(&made));
	while (connect(made, (struct sockaddr *)&address, sizeof(address)) < 0)
		if (errno != EINTR) {
			struct error *error = refusal(path);

			sys_close(made);
			return error;
		}
	*connection = made;
	return NULL;
}
