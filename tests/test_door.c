/* test_door.c - a manager's door is found by its address, and leaves no trace.
 */
#include "must.h"

#include "door.h"
#include "post.h"
#include "sys.h"

#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

struct door {
	int listener;
	int handle;
	char *address;
};

static struct door
open_door(void)
{
	struct door door;

	MUST(door_open(&door.listener, &door.handle, &door.address));
	return door;
}

static void
close_door(struct door *door)
{
	sys_close(door->listener);
	sys_close(door->handle);
	free(door->address);
}

/* A new directory, which TMPDIR names from now on. */
static char *
new_tmpdir(void)
{
	char *path = strdup("/tmp/test-door-XXXXXX");

	assert_non_null(path);
	assert_non_null(mkdtemp(path));
	setenv("TMPDIR", path, 1);
	return path;
}

/* Removes it; which fails unless it is empty. */
static void
remove_tmpdir(char *path)
{
	assert_int_equal(entry_count(path), 0);
	assert_int_equal(rmdir(path), 0);
	free(path);
}

static void
must_lead_to(const char *address, int listener)
{
	int connection, accepted;
	char byte = 0;

	MUST(door_connect(address, &connection));
	accepted = accept(listener, NULL, NULL);
	assert_true(accepted >= 0);
	assert_int_equal(write(connection, "x", 1), 1);
	assert_int_equal(read(accepted, &byte, 1), 1);
	assert_int_equal(byte, 'x');
	close(accepted);
	sys_close(connection);
}

IN_CHILD(door_leads_to_its_listener)
{
	struct door first = open_door(), second = open_door();

	must_lead_to(first.address, first.listener);
	must_lead_to(second.address, second.listener);
	must_lead_to(first.address, first.listener);
	close_door(&first);
	close_door(&second);
}

IN_CHILD(door_leaves_nothing_in_tmpdir)
{
	char *tmpdir = new_tmpdir();
	struct door door = open_door();

	assert_int_equal(entry_count(tmpdir), 0);
	must_lead_to(door.address, door.listener);
	close_door(&door);
	remove_tmpdir(tmpdir);
}

/* That a directory was used can be seen by when it was last changed. */
IN_CHILD(door_is_made_in_tmpdir)
{
	char *tmpdir = new_tmpdir();
	const struct timespec past[2] = {{.tv_sec = 1}, {.tv_sec = 1}};
	struct stat status;
	struct door door;

	assert_int_equal(utimensat(AT_FDCWD, tmpdir, past, 0), 0);
	door = open_door();
	assert_int_equal(stat(tmpdir, &status), 0);
	assert_true(status.st_mtime > 1);
	close_door(&door);
	remove_tmpdir(tmpdir);
}

/* Who is not root may not make anything in "/", but may in "/tmp". */
static void
open_door_without_tmpdir(void *nothing)
{
	struct door door;

	(void)nothing;
	if (geteuid() == 0)
		assert_int_equal(setuid(65534), 0);
	unsetenv("TMPDIR");
	door = open_door();
	close_door(&door);
	setenv("TMPDIR", "", 1);
	door = open_door();
	close_door(&door);
}

IN_CHILD(door_needs_no_tmpdir)
{
	child_must_succeed(open_door_without_tmpdir, NULL);
}

IN_CHILD(door_does_not_block_or_outlive_exec)
{
	struct door door = open_door();
	int connection;

	assert_int_equal(accept(door.listener, NULL, NULL), -1);
	assert_int_equal(errno, EAGAIN);
	MUST(door_connect(door.address, &connection));
	assert_true(fcntl(door.listener, F_GETFD) & FD_CLOEXEC);
	assert_true(fcntl(door.handle, F_GETFD) & FD_CLOEXEC);
	assert_true(fcntl(connection, F_GETFD) & FD_CLOEXEC);
	sys_close(connection);
	close_door(&door);
}

static void
use_no_connection(void *context)
{
	assert_int_equal(fcntl(*(int *)context, F_GETFD), -1);
}

IN_CHILD(connection_is_not_inherited)
{
	struct door door = open_door();
	int connection;

	MUST(door_connect(door.address, &connection));
	child_must_succeed(use_no_connection, &connection);
	sys_close(connection);
	close_door(&door);
}

IN_CHILD(door_in_a_missing_tmpdir_raises_OSError_that_names_it)
{
	struct door door;

	setenv("TMPDIR", "/no/such/directory", 1);
	MUST_RAISE_WITH(OSError, "/no/such/directory",
		door_open(&door.listener, &door.handle, &door.address));
	MUST_RAISE_WITH(OSError, "No such file",
		door_open(&door.listener, &door.handle, &door.address));
}

/* A socket's path is short, but who sets TMPDIR cannot know that. */
IN_CHILD(door_in_a_tmpdir_of_long_name_opens_or_raises_OSError)
{
	char *tmpdir = new_tmpdir();
	char longer[PATH_MAX];
	struct error *error;
	struct door door;

	snprintf(longer, sizeof(longer), "%s/%0100d", tmpdir, 0);
	assert_int_equal(mkdir(longer, 0700), 0);
	setenv("TMPDIR", longer, 1);
	error = door_open(&door.listener, &door.handle, &door.address);
	assert_int_equal(entry_count(longer), 0);
	assert_int_equal(rmdir(longer), 0);
	remove_tmpdir(tmpdir);
	if (error) {
		MUST_RAISE_WITH(OSError, "long", error);
	} else {
		must_lead_to(door.address, door.listener);
		close_door(&door);
	}
}

static void
open_door_with_descriptors(void *context)
{
	const size_t *more = context;
	struct door door;

	leave_descriptors(*more);
	if (*more < 2)
		MUST_RAISE_WITH(OSError, "Too many open files",
			door_open(&door.listener, &door.handle, &door.address));
	else
		MUST(door_open(&door.listener, &door.handle, &door.address));
}

IN_CHILD(open_doors_with_few_descriptors)
{
	char *tmpdir = new_tmpdir();

	for (size_t more = 0; more < 4; more++)
		child_must_succeed(open_door_with_descriptors, &more);
	remove_tmpdir(tmpdir);
}

static void
door_without_descriptors_raises_OSError_and_leaves_nothing(void **state)
{
	skip_under_valgrind();
	open_doors_with_few_descriptors(state);
}

static void
connect_in_need(void *address)
{
	int connection;

	leave_descriptors(0);
	MUST_RAISE_WITH(OSError, "Too many open files",
		door_connect(address, &connection));
}

IN_CHILD(connect_without_descriptors)
{
	struct door door = open_door();

	child_must_succeed(connect_in_need, door.address);
	must_lead_to(door.address, door.listener);
	close_door(&door);
}

static void
connection_without_descriptors_raises_OSError(void **state)
{
	skip_under_valgrind();
	connect_without_descriptors(state);
}

static void
connect_in_vain(void *address)
{
	size_t descriptors = descriptor_count();
	int connection;

	MUST_RAISE_WITH(
		ConnectionError, address, door_connect(address, &connection));
	assert_int_equal(descriptor_count(), descriptors);
}

static void
open_door_and_tell(void *context)
{
	int out = *(int *)context;
	struct door door = open_door();

	assert_true(write(out, door.address, strlen(door.address)) > 0);
	free(door.address);
}

IN_CHILD(address_of_a_dead_process_raises_ConnectionError)
{
	char address[64] = "";
	int ends[2];

	assert_int_equal(pipe(ends), 0);
	child_must_succeed(open_door_and_tell, &ends[1]);
	close(ends[1]);
	assert_true(read(ends[0], address, sizeof(address) - 1) > 0);
	close(ends[0]);
	connect_in_vain(address);
}

IN_CHILD(door_that_was_closed_raises_ConnectionError)
{
	struct door door = open_door();

	sys_close(door.listener);
	connect_in_vain(door.address);
	sys_close(door.handle);
	connect_in_vain(door.address);
	free(door.address);
}

/* Opens a door, tells its address, and never looks who comes. */
static void
keep_door_and_tell(void *pipe_end)
{
	open_door_and_tell(pipe_end);
	pause();
}

#define MANY 500

/* Connects until there is no room to wait outside; gives how many wait. */
static int
fill_the_place_outside(char *address, int waiting[MANY])
{
	struct sockaddr_un path = {.sun_family = AF_UNIX};
	int count = 0, failed;

	strcpy(path.sun_path, address);
	do {
		assert_true(count < MANY);
		waiting[count] = socket(
			AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
		assert_true(waiting[count] >= 0);
		failed = connect(waiting[count++], (struct sockaddr *)&path,
			sizeof(path));
	} while (!failed);
	assert_int_equal(errno, EAGAIN);
	return count;
}

struct latecomer {
	char *address;
	struct post begun;
};

static void
come_too_late(void *context)
{
	struct latecomer *latecomer = context;

	post_send(&latecomer->begun, '!');
	connect_in_vain(latecomer->address);
}

/* The manager is stopped, or slow; and then it ends. */
IN_CHILD(who_has_no_room_to_wait_hears_of_the_end)
{
	static int waiting[MANY];
	char address[64] = "";
	struct latecomer latecomer = {address, post_open()};
	struct post told = post_open();
	pid_t door = child_start(keep_door_and_tell, &told.ends[1]), pid;
	int count;

	assert_true(becomes_readable(told.ends[0]));
	assert_true(read(told.ends[0], address, sizeof(address) - 1) > 0);
	count = fill_the_place_outside(address, waiting);
	pid = child_start(come_too_late, &latecomer);
	post_await(&latecomer.begun);
	post_await_sleep(pid);
	child_kill(door);
	assert_int_equal(child_wait(pid), 0);
	while (count > 0)
		close(waiting[--count]);
	post_close(&latecomer.begun);
	post_close(&told);
}

IN_CHILD(address_that_is_none_raises_ConnectionError)
{
	char long_address[200];

	memset(long_address, '/', sizeof(long_address) - 1);
	long_address[sizeof(long_address) - 1] = 0;
	connect_in_vain(long_address);
	connect_in_vain("/dev/null");
	connect_in_vain("no-such-file");
}

static void
connect_as_another_user(void *address)
{
	int connection;

	assert_int_equal(setgid(65534), 0);
	assert_int_equal(setuid(65534), 0);
	MUST_RAISE_WITH(AuthenticationError, address,
		door_connect(address, &connection));
}

static void
door_is_closed_to_other_users(void **state)
{
	struct door door;

	(void)state;
	if (geteuid() != 0)
		skip(); /* Only root can become another user. */
	door = open_door();
	child_must_succeed(connect_as_another_user, door.address);
	must_lead_to(door.address, door.listener);
	close_door(&door);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(door_leads_to_its_listener),
		cmocka_unit_test(door_leaves_nothing_in_tmpdir),
		cmocka_unit_test(door_is_made_in_tmpdir),
		cmocka_unit_test(door_needs_no_tmpdir),
		cmocka_unit_test(door_does_not_block_or_outlive_exec),
		cmocka_unit_test(connection_is_not_inherited),
		cmocka_unit_test(
			door_in_a_missing_tmpdir_raises_OSError_that_names_it),
		cmocka_unit_test(
			door_in_a_tmpdir_of_long_name_opens_or_raises_OSError),
		cmocka_unit_test(
			door_without_descriptors_raises_OSError_and_leaves_nothing),
		cmocka_unit_test(connection_without_descriptors_raises_OSError),
		cmocka_unit_test(
			address_of_a_dead_process_raises_ConnectionError),
		cmocka_unit_test(door_that_was_closed_raises_ConnectionError),
		cmocka_unit_test(who_has_no_room_to_wait_hears_of_the_end),
		cmocka_unit_test(address_that_is_none_raises_ConnectionError),
		cmocka_unit_test(door_is_closed_to_other_users),
	};

	return cmocka_run_group_tests_name(
		       "door", tests, adopt_orphans, kill_orphans) != 0;
}
