/*
 * test_faults_start.c - pools and managers that start where descriptors,
 * processes, memory or room on the disk are short: whatever is missing, and at
 * whichever point, they start and work, or say why not and leave nothing.
 *
 * Each attempt is made in a child, whose limits are its own.
 */
#include "condition.h"
#include "faults.h"
#include "manager.h"
#include "pool.h"
#include "result.h"
#include "tasks.h"
#include "value.h"

#include <fcntl.h>
#include <grp.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

/* Sanitizers need more than there is memory. */
#if defined(HAS_ADDRESS_SANITIZER) || defined(HAS_THREAD_SANITIZER)
#define skip_where_memory_cannot_be_limited() skip()
#else
#define skip_where_memory_cannot_be_limited() (void)0
#endif

/* What is started, and used once it is there. */
typedef struct error *start_function(void);

/* Whether a result failed for want of something, not of its worker. */
static bool
fails_of_shortage(struct result *result)
{
	SCOPED(error) error = result_get(result, CHILD_LIMIT, NULL);

	return error && error->kind == OSError;
}

/* Also has a worker replaced, which takes as much once more. */
static struct error *
use_a_pool(void)
{
	SCOPED(pool) pool = NULL;
	SCOPED(result) lost = NULL;
	pid_t worker;

	TRY(pool_new(2, &pool));
	TRY(pool_apply(pool, square, integers(5, 6), NULL));
	TRY(pool_apply_async(pool, hold, integers(0, 1), NULL, &lost));
	/* Or the pool hears only now that there is no second worker. */
	while (!wire_is_readable(&reports, 0.001))
		if (result_ready(lost))
			return result_get(lost, 0, NULL);
	worker = (pid_t)wire_receive(&reports);
	kill_process(worker);
	/* Or only now, if the zygote was slow to try. */
	if (fails_of_shortage(lost))
		return result_get(lost, 0, NULL);
	must_be_lost(lost, worker);
	TRY(pool_apply(pool, square, integers(5, 6), NULL));
	TRY(pool_close(pool));
	TRY(pool_join(pool));
	return NULL;
}

static struct error *
acquire_and_release(struct condition *condition)
{
	TRY(condition_acquire(condition));
	TRY(condition_release(condition));
	return NULL;
}

static struct error *
use_a_manager(void)
{
	SCOPED(manager) manager = NULL;
	SCOPED(condition) condition = NULL;

	TRY(manager_new(&manager));
	TRY(manager_condition(manager, &condition));
	TRY(acquire_and_release(condition));
	return NULL;
}

static struct error *
use_its_argument(const struct value *arguments, struct value **result)
{
	struct condition *condition;

	(void)result;
	TRY(value_condition_at(arguments, 0, &condition));
	TRY(acquire_and_release(condition));
	return NULL;
}

static struct error *
use_both(void)
{
	SCOPED(manager) manager = NULL;
	SCOPED(condition) condition = NULL;
	SCOPED(pool) pool = NULL;

	TRY(manager_new(&manager));
	TRY(manager_condition(manager, &condition));
	TRY(pool_new(2, &pool));
	TRY(pool_apply(pool, use_its_argument,
		value_list(value_condition(condition)), NULL));
	return NULL;
}

/* A shortage: how it is made, for how little, and what it makes calls say. */
struct shortage {
	void (*limit)(size_t amount);
	size_t amount;
	start_function *start;
	const char *reason;
	/* Or, where there is even less; or NULL. */
	const char *earlier_reason;
	/* Whether what suffices once may be too little the next time. */
	bool varies;
	/* Where everything may be written, and nothing is to be left. */
	const char *directory;
	struct wire succeeded;
};

/*
 * A server that is short of descriptors itself turns its clients away, who
 * learn no more than that.
 */
static void
must_be_clear(struct error *error, const struct shortage *shortage)
{
	const char *earlier = shortage->earlier_reason;

	if (error->kind == ConnectionError &&
		shortage->limit == leave_descriptors &&
		shortage->start != use_a_pool)
		error_free(error);
	else if (earlier &&
		 strncmp(error->message, earlier, strlen(earlier)) == 0)
		MUST_RAISE_WITH(OSError, earlier, error);
	else
		MUST_RAISE_WITH(OSError, shortage->reason, error);
}

/* How many descriptors this process has; it takes none to count them. */
static size_t
count_descriptors(void)
{
	size_t count = 0;

	for (int i = 0; i < 256; i++)
		count += fcntl(i, F_GETFD) >= 0;
	return count;
}

static void
attempt(void *context)
{
	const struct shortage *shortage = context;
	size_t descriptors = count_descriptors();
	struct error *error;

	prctl(PR_SET_CHILD_SUBREAPER, 1);
	setenv("TMPDIR", shortage->directory, 1);
	shortage->limit(shortage->amount);
	error = shortage->start();
	if (!error)
		wire_send(&shortage->succeeded, 0);
	else
		must_be_clear(error, shortage);
	no_child_must_be_left();
	assert_int_equal(count_descriptors(), descriptors);
}

/*
 * Tries with every amount from 0 up to below end: the first is too little, the
 * last is enough.
 */
static void
sweep(struct shortage shortage, size_t end)
{
	char directory[] = "/tmp/test-start-XXXXXX";
	bool succeeded = false;

	assert_non_null(mkdtemp(directory));
	assert_int_equal(chmod(directory, 0777), 0);
	shortage.directory = directory;
	open_wires();
	wire_open(&shortage.succeeded);
	for (; shortage.amount < end; shortage.amount++) {
		child_must_succeed(attempt, &shortage);
		assert_int_equal(entry_count(directory), 0);
		if (wire_is_readable(&shortage.succeeded, 0)) {
			wire_receive(&shortage.succeeded);
			assert_true(shortage.amount > 0);
			succeeded = true;
		} else if (succeeded && !shortage.varies) {
			fail_msg("with %zu it failed, with less it did not",
				shortage.amount);
		} else {
			succeeded = false;
		}
	}
	assert_true(succeeded);
	wire_close(&shortage.succeeded);
	close_wires();
	assert_int_equal(rmdir(directory), 0);
}

#define DESCRIPTORS 31
/* Four times what they need, since the thread sanitizer adds its threads. */
#define PROCESSES 24
#define NO_DESCRIPTOR "Too many open files"

static void
pool_starts_with_enough_descriptors_or_says_that_they_are_too_few(void **state)
{
	(void)state;
	sweep((struct shortage){leave_descriptors, .start = use_a_pool,
		      .reason = NO_DESCRIPTOR},
		DESCRIPTORS);
}

static void
manager_starts_with_enough_descriptors_or_says_that_they_are_too_few(
	void **state)
{
	(void)state;
	sweep((struct shortage){leave_descriptors, .start = use_a_manager,
		      .reason = NO_DESCRIPTOR},
		DESCRIPTORS);
}

static void
both_start_with_enough_descriptors_or_say_that_they_are_too_few(void **state)
{
	(void)state;
	sweep((struct shortage){leave_descriptors, .start = use_both,
		      .reason = NO_DESCRIPTOR},
		DESCRIPTORS);
}

/* A user of whom there is no process: the limit does not bind root. */
static void
become_another_user(void)
{
	uid_t user = 40000 + (uid_t)getpid() % 20000;

	assert_int_equal(setgroups(0, NULL), 0);
	assert_int_equal(setresgid(user, user, user), 0);
	assert_int_equal(setresuid(user, user, user), 0);
	/* Both of which a change of user undoes. */
	prctl(PR_SET_DUMPABLE, 1);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
}

/* How many there may be: the calling one is one of them. */
static void
limit_processes(size_t count)
{
	become_another_user();
	setrlimit(RLIMIT_NPROC, &(struct rlimit){count, count});
}

/*
 * Only root can become a user of whom there is no process. How many are enough
 * depends on how soon those that end are reaped.
 */
static void
sweep_processes(start_function *start)
{
	if (geteuid() != 0)
		skip();
	sweep((struct shortage){limit_processes, .start = start,
		      .reason = "Resource temporarily unavailable",
		      .varies = true},
		PROCESSES);
}

static void
pool_starts_with_enough_processes_or_says_that_they_are_too_few(void **state)
{
	(void)state;
	sweep_processes(use_a_pool);
}

static void
both_start_with_enough_processes_or_say_that_they_are_too_few(void **state)
{
	(void)state;
	sweep_processes(use_both);
}

/* Lets this process have more memory, by quarters of a thread's stack. */
static void
limit_memory(size_t amount)
{
	FILE *statm = fopen("/proc/self/statm", "r");
	pthread_attr_t attributes;
	size_t pages, stack;
	rlim_t limit;

	assert_non_null(statm);
	assert_int_equal(fscanf(statm, "%zu", &pages), 1);
	fclose(statm);
	pthread_attr_init(&attributes);
	pthread_attr_getstacksize(&attributes, &stack);
	pthread_attr_destroy(&attributes);
	limit = pages * (size_t)sysconf(_SC_PAGESIZE) +
		(amount + 1) * (stack / 4);
	setrlimit(RLIMIT_AS, &(struct rlimit){limit, limit});
}

static void
pool_starts_with_enough_memory_or_says_that_it_is_too_little(void **state)
{
	(void)state;
	skip_where_memory_cannot_be_limited();
	sweep((struct shortage){limit_memory, .start = use_a_pool,
		      .reason = "the thread of a pool",
		      .earlier_reason = "mmap of "},
		8);
}

IN_CHILD(start_both_where_no_file_may_grow)
{
	setrlimit(RLIMIT_FSIZE, &(struct rlimit){0, 0});
	open_wires();
	MUST(use_both());
	MUST(use_a_pool());
	close_wires();
}

static void
both_start_where_no_file_may_grow(void **state)
{
	skip_where_processes_are_counted();
	start_both_where_no_file_may_grow(state);
}

/* Checks what a manager says of a TMPDIR; a pool does not care. */
static void
must_name_tmpdir(const char *directory, const char *reason)
{
	struct manager *manager;
	struct error *error;

	setenv("TMPDIR", directory, 1);
	error = manager_new(&manager);
	assert_non_null(error);
	if (!strstr(error->message, directory))
		fail_msg("'%s' does not name %s", error->message, directory);
	MUST_RAISE_WITH(OSError, reason, error);
	no_child_must_be_left();
	open_wires();
	MUST(use_a_pool());
	close_wires();
}

IN_CHILD(manager_says_what_is_wrong_with_tmpdir)
{
	char directory[] = "/tmp/test-start-XXXXXX";
	char missing[64], file[64];

	assert_non_null(mkdtemp(directory));
	snprintf(missing, sizeof(missing), "%s/missing", directory);
	snprintf(file, sizeof(file), "%s/file", directory);
	close(open(file, O_CREAT | O_CLOEXEC, 0600));
	must_name_tmpdir(missing, "No such file or directory");
	must_name_tmpdir(file, "Not a directory");
	assert_int_equal(unlink(file), 0);
	assert_int_equal(entry_count(directory), 0);
	assert_int_equal(rmdir(directory), 0);
}

static void
use_forbidden_tmpdir(void *directory)
{
	if (geteuid() == 0)
		become_another_user();
	must_name_tmpdir(directory, "Permission denied");
}

IN_CHILD(manager_says_that_it_may_not_use_tmpdir)
{
	char directory[] = "/tmp/test-start-XXXXXX";

	assert_non_null(mkdtemp(directory));
	assert_int_equal(chmod(directory, 0555), 0);
	child_must_succeed(use_forbidden_tmpdir, directory);
	assert_int_equal(entry_count(directory), 0);
	assert_int_equal(rmdir(directory), 0);
}

/* Of a child that may not mount anything. */
enum { CANNOT_MOUNT = 77 };

/* Mounts a disk that nobody else sees, or ends the process. */
static void
mount_disk(const char *directory, unsigned long flags, const char *options)
{
	if (mount("none", directory, "tmpfs", flags, options) < 0)
		_exit(CANNOT_MOUNT);
}

/* That it can be unmounted shows that nothing there is in use any more. */
static void
unmount_disk(const char *directory)
{
	assert_int_equal(entry_count(directory), 0);
	assert_int_equal(umount(directory), 0);
}

/* On a disk with room for so many files and directories, itself included. */
static bool
manager_starts_with_room_for(const char *directory, int files)
{
	char options[32];
	struct error *error;

	snprintf(options, sizeof(options), "nr_inodes=%d", files);
	mount_disk(directory, 0, options);
	setenv("TMPDIR", directory, 1);
	error = use_both();
	no_child_must_be_left();
	unmount_disk(directory);
	if (!error)
		return true;
	if (!strstr(error->message, directory))
		fail_msg("'%s' does not name %s", error->message, directory);
	MUST_RAISE_WITH(OSError, "No space left on device", error);
	return false;
}

static void
use_bad_disks(void *context)
{
	const char *directory = context;
	int files = 1;

	prctl(PR_SET_CHILD_SUBREAPER, 1);
	if (unshare(CLONE_NEWNS) < 0 ||
		mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		_exit(CANNOT_MOUNT);
	while (!manager_starts_with_room_for(directory, files))
		files++;
	/* One for the directory, one for the socket. */
	assert_int_equal(files, 3);
	mount_disk(directory, 0, "nr_inodes=1");
	must_name_tmpdir(directory, "No space left on device");
	unmount_disk(directory);
	mount_disk(directory, MS_RDONLY, NULL);
	must_name_tmpdir(directory, "Read-only file system");
	unmount_disk(directory);
}

static void
manager_says_that_the_disk_is_full_or_read_only(void **state)
{
	char directory[] = "/tmp/test-start-XXXXXX";
	int status;

	(void)state;
	assert_non_null(mkdtemp(directory));
	status = child_wait(child_start(use_bad_disks, directory));
	assert_int_equal(rmdir(directory), 0);
	if (WIFEXITED(status) && WEXITSTATUS(status) == CANNOT_MOUNT)
		skip();
	assert_int_equal(status, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			pool_starts_with_enough_descriptors_or_says_that_they_are_too_few),
		cmocka_unit_test(
			manager_starts_with_enough_descriptors_or_says_that_they_are_too_few),
		cmocka_unit_test(
			both_start_with_enough_descriptors_or_say_that_they_are_too_few),
		cmocka_unit_test(
			pool_starts_with_enough_processes_or_says_that_they_are_too_few),
		cmocka_unit_test(
			both_start_with_enough_processes_or_say_that_they_are_too_few),
		cmocka_unit_test(
			pool_starts_with_enough_memory_or_says_that_it_is_too_little),
		cmocka_unit_test(both_start_where_no_file_may_grow),
		cmocka_unit_test(manager_says_what_is_wrong_with_tmpdir),
		cmocka_unit_test(manager_says_that_it_may_not_use_tmpdir),
		cmocka_unit_test(
			manager_says_that_the_disk_is_full_or_read_only),
	};

	return cmocka_run_group_tests_name(
		       "faults_start", tests, adopt_orphans, kill_orphans) != 0;
}
