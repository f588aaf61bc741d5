/* test_manager.c - managers begin, serve, and end, however anybody ends. */
#include "must.h"

#include "buffer.h"
#include "condition.h"
#include "encoding.h"
#include "manager.h"
#include "panic.h"
#include "post.h"
#include "process.h"
#include "sys.h"
#include "value.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

/* A manager, a condition of its, and a way for children to tell. */
struct scene {
	struct manager *manager;
	struct condition *condition;
	struct post told;
};

static void
set_scene(struct scene *scene)
{
	scene->told = post_open();
	MUST(manager_new(&scene->manager));
	MUST(manager_condition(scene->manager, &scene->condition));
}

static void
clear_scene(struct scene *scene)
{
	condition_free(scene->condition);
	manager_free(scene->manager);
	close(scene->told.ends[0]);
	if (scene->told.ends[1] >= 0)
		close(scene->told.ends[1]);
}

/* The server's process, which is in the address that a proxy writes down. */
static pid_t
server_of(struct condition *condition)
{
	struct value *value = value_condition(condition);
	struct buffer buffer = {0};
	const char *address;
	int pid = 0;

	MUST(encode_value(value, &buffer));
	buffer_put_byte(&buffer, 0);
	address = memmem(buffer.bytes, buffer.length, "/proc/", 6);
	assert_non_null(address);
	assert_int_equal(sscanf(address, "/proc/%d/", &pid), 1);
	assert_true(pid > 1 && pid != getpid());
	buffer_fini(&buffer);
	value_free(value);
	return pid;
}

/* Kills the server, which stays a zombie until its manager is freed. */
static void
kill_server(struct scene *scene)
{
	pid_t server = server_of(scene->condition);
	siginfo_t info;

	kill(server, SIGKILL);
	assert_int_equal(
		waitid(P_PID, (id_t)server, &info, WEXITED | WNOWAIT), 0);
}

static void
acquire_and_release(struct condition *condition)
{
	MUST(condition_acquire(condition));
	MUST(condition_release(condition));
}

IN_CHILD(manager_serves_until_it_is_freed)
{
	struct scene scene;
	pid_t server;

	set_scene(&scene);
	server = server_of(scene.condition);
	acquire_and_release(scene.condition);
	manager_free(scene.manager);
	scene.manager = NULL;
	assert_int_equal(kill(server, 0), -1);
	no_child_must_be_left();
	for (int i = 0; i < 2; i++)
		MUST_RAISE(ConnectionError, condition_acquire(scene.condition));
	/* And NULL is fine. */
	clear_scene(&scene);
}

IN_CHILD(manager_leaves_no_descriptor)
{
	size_t descriptors = descriptor_count();

	for (int i = 0; i < 5; i++) {
		struct manager *manager;
		struct condition *condition;

		MUST(manager_new(&manager));
		MUST(manager_condition(manager, &condition));
		acquire_and_release(condition);
		manager_free(manager);
		condition_free(condition);
		assert_int_equal(descriptor_count(), descriptors);
	}
}

static void
free_inherited(void *context)
{
	manager_free(((struct scene *)context)->manager);
}

IN_CHILD(manager_free_in_another_process_does_nothing)
{
	struct scene scene;

	set_scene(&scene);
	child_must_succeed(free_inherited, &scene);
	acquire_and_release(scene.condition);
	clear_scene(&scene);
}

static void
make_and_use(void *context)
{
	const struct scene *scene = context;
	struct condition *condition;

	MUST(manager_condition(scene->manager, &condition));
	acquire_and_release(condition);
	condition_free(condition);
}

IN_CHILD(manager_makes_conditions_for_a_child)
{
	struct scene scene;

	set_scene(&scene);
	child_must_succeed(make_and_use, &scene);
	clear_scene(&scene);
}

static void
make_and_tell(void *context)
{
	struct scene *scene = context;

	MUST(manager_new(&scene->manager));
	MUST(manager_condition(scene->manager, &scene->condition));
	post_send(&scene->told, '!');
	/* Its end is the parent's to choose. */
	for (;;)
		pause();
}

static void
make_and_end(void *context)
{
	struct scene *scene = context;

	MUST(manager_new(&scene->manager));
	post_send(&scene->told, '!');
}

/* Waits for the server to end, which is this process's child by then. */
static void
server_must_have_ended_well(struct scene *scene)
{
	int status;

	/* The server inherited the event from its creator. */
	post_await_ends(&scene->told);
	assert_true(waitpid(-1, &status, 0) > 0);
	assert_int_equal(status, 0);
	close(scene->told.ends[0]);
}

IN_CHILD(server_ends_when_its_creator_is_killed)
{
	struct scene scene = {.told = post_open()};
	pid_t creator = child_start(make_and_tell, &scene);

	post_await(&scene.told);
	child_kill(creator);
	server_must_have_ended_well(&scene);
}

IN_CHILD(server_ends_when_its_creator_ends)
{
	struct scene scene = {.told = post_open()};

	child_must_succeed(make_and_end, &scene);
	post_await(&scene.told);
	server_must_have_ended_well(&scene);
}

static void
linger(void *nothing)
{
	(void)nothing;
	for (;;)
		pause();
}

/* Tells its process id, and outlives its parent. */
static void
linger_on(void *context)
{
	const struct scene *scene = context;
	pid_t self = getpid();

	prctl(PR_SET_PDEATHSIG, 0);
	assert_int_equal(
		write(scene->told.ends[1], &self, sizeof(self)), sizeof(self));
	/* The end of the pipe is to tell of the server's end alone. */
	close(scene->told.ends[1]);
	linger(NULL);
}

static void
make_and_leave_a_child(void *context)
{
	struct scene *scene = context;

	MUST(manager_new(&scene->manager));
	child_start(linger_on, context);
	assert_true(becomes_readable(scene->told.ends[0]));
}

/* A child of the creator's has no share in the server's lifeline. */
IN_CHILD(server_ends_though_a_child_of_its_creator_lives_on)
{
	struct scene scene = {.told = post_open()};
	pid_t heir;

	child_must_succeed(make_and_leave_a_child, &scene);
	assert_int_equal(
		read(scene.told.ends[0], &heir, sizeof(heir)), sizeof(heir));
	server_must_have_ended_well(&scene);
	child_kill(heir);
}

IN_CHILD(server_ignores_SIGINT)
{
	struct scene scene;

	set_scene(&scene);
	MUST(condition_acquire(scene.condition));
	kill(server_of(scene.condition), SIGINT);
	MUST(condition_release(scene.condition));
	acquire_and_release(scene.condition);
	clear_scene(&scene);
}

IN_CHILD(server_that_was_killed_raises_ConnectionError)
{
	struct condition *none;
	struct scene scene;

	set_scene(&scene);
	MUST(condition_acquire(scene.condition));
	kill_server(&scene);
	MUST_RAISE(ConnectionError, condition_notify_all(scene.condition));
	MUST_RAISE(ConnectionError, condition_release(scene.condition));
	MUST_RAISE(ConnectionError, condition_acquire(scene.condition));
	MUST_RAISE(ConnectionError, manager_condition(scene.manager, &none));
	clear_scene(&scene);
}

static void
wait_in_vain(void *context)
{
	const struct scene *scene = context;

	MUST(condition_acquire(scene->condition));
	post_send(&scene->told, '!');
	MUST_RAISE(ConnectionError,
		condition_wait(scene->condition, FOREVER, NULL));
}

/* Starts a child; when this returns, it waits, and the lock is ours. */
static pid_t
start_waiter(struct scene *scene, child_main *run)
{
	pid_t waiter = child_start(run, scene);

	post_await(&scene->told);
	MUST(condition_acquire(scene->condition));
	return waiter;
}

/* Starts two children; when this returns, they wait, and the lock is ours. */
static void
start_two_waiters(struct scene *scene, child_main *run, pid_t waiters[2])
{
	waiters[0] = start_waiter(scene, run);
	MUST(condition_release(scene->condition));
	waiters[1] = start_waiter(scene, run);
}

IN_CHILD(server_that_is_killed_raises_ConnectionError_in_those_that_wait)
{
	struct scene scene;
	pid_t waiters[2];

	set_scene(&scene);
	start_two_waiters(&scene, wait_in_vain, waiters);
	/* Now one waits, and one stands for the lock. */
	MUST(condition_notify(scene.condition, 1));
	kill_server(&scene);
	assert_int_equal(child_wait(waiters[0]), 0);
	assert_int_equal(child_wait(waiters[1]), 0);
	clear_scene(&scene);
}

IN_CHILD(manager_free_raises_ConnectionError_in_those_that_wait)
{
	struct scene scene;
	pid_t waiters[2];

	set_scene(&scene);
	start_two_waiters(&scene, wait_in_vain, waiters);
	MUST(condition_release(scene.condition));
	manager_free(scene.manager);
	scene.manager = NULL;
	assert_int_equal(child_wait(waiters[0]), 0);
	assert_int_equal(child_wait(waiters[1]), 0);
	clear_scene(&scene);
}

static void
take_the_lock(void *context)
{
	const struct scene *scene = context;

	for (int i = 0; i < 3; i++)
		MUST(condition_acquire(scene->condition));
	post_send(&scene->told, '!');
	linger(NULL);
}

IN_CHILD(lock_of_a_client_that_is_killed_passes_on)
{
	struct scene scene;
	bool died = false;
	pid_t owner;

	set_scene(&scene);
	owner = child_start(take_the_lock, &scene);
	post_await(&scene.told);
	child_kill(owner);
	MUST(condition_acquire(scene.condition));
	MUST(condition_owner_died(scene.condition, &died));
	assert_true(died);
	MUST(condition_release(scene.condition));
	MUST(condition_acquire(scene.condition));
	MUST(condition_owner_died(scene.condition, &died));
	assert_false(died);
	clear_scene(&scene);
}

static void
wait_for_notify(void *context)
{
	const struct scene *scene = context;
	bool notified = false;

	MUST(condition_acquire(scene->condition));
	post_send(&scene->told, '!');
	MUST(condition_wait(scene->condition, FOREVER, &notified));
	assert_true(notified);
	MUST(condition_release(scene->condition));
}

static void
wait_then_find_the_owner_dead(void *context)
{
	const struct scene *scene = context;
	bool died = false;

	MUST(condition_acquire(scene->condition));
	post_send(&scene->told, '!');
	MUST(condition_wait(scene->condition, FOREVER, NULL));
	MUST(condition_owner_died(scene->condition, &died));
	assert_true(died);
}

static void
notify_and_linger(void *context)
{
	const struct scene *scene = context;

	MUST(condition_acquire(scene->condition));
	MUST(condition_notify_all(scene->condition));
	post_send(&scene->told, '!');
	linger(NULL);
}

IN_CHILD(lock_of_a_client_that_is_killed_passes_on_to_who_stands_for_it)
{
	pid_t waiter, notifier;
	struct scene scene;

	set_scene(&scene);
	waiter = start_waiter(&scene, wait_then_find_the_owner_dead);
	MUST(condition_release(scene.condition));
	notifier = child_start(notify_and_linger, &scene);
	post_await(&scene.told);
	child_kill(notifier);
	assert_int_equal(child_wait(waiter), 0);
	clear_scene(&scene);
}

IN_CHILD(client_killed_while_it_waits_takes_no_wake_up)
{
	struct scene scene;
	pid_t waiters[2];

	set_scene(&scene);
	start_two_waiters(&scene, wait_for_notify, waiters);
	child_kill(waiters[0]);
	MUST(condition_notify(scene.condition, 1));
	MUST(condition_release(scene.condition));
	assert_int_equal(child_wait(waiters[1]), 0);
	clear_scene(&scene);
}

IN_CHILD(client_killed_while_it_stands_for_the_lock_hands_its_wake_up_on)
{
	struct scene scene;
	pid_t waiters[2];

	set_scene(&scene);
	start_two_waiters(&scene, wait_for_notify, waiters);
	MUST(condition_notify(scene.condition, 1));
	child_kill(waiters[0]);
	MUST(condition_release(scene.condition));
	assert_int_equal(child_wait(waiters[1]), 0);
	clear_scene(&scene);
}

/*
 * condition.h: a wake-up that it did not live to use goes to who waited behind
 * it. Whoever is stopped uses nothing.
 */
IN_CHILD(client_killed_before_it_hears_of_its_wake_up_hands_it_on)
{
	struct scene scene;
	pid_t waiters[2];

	set_scene(&scene);
	start_two_waiters(&scene, wait_for_notify, waiters);
	assert_true(process_stop(waiters[0]));
	MUST(condition_notify(scene.condition, 1));
	MUST(condition_release(scene.condition));
	child_kill(waiters[0]);
	assert_int_equal(child_wait(waiters[1]), 0);
	clear_scene(&scene);
}

IN_CHILD(manager_free_ends_a_server_that_was_stopped)
{
	struct scene scene;

	set_scene(&scene);
	acquire_and_release(scene.condition);
	assert_true(process_stop(server_of(scene.condition)));
	manager_free(scene.manager);
	scene.manager = NULL;
	no_child_must_be_left();
	clear_scene(&scene);
}

IN_CHILD(condition_free_does_not_wait_for_a_manager_that_is_stopped)
{
	struct scene scene;

	set_scene(&scene);
	/* The proxy has the lock to give back, and its hold. */
	MUST(condition_acquire(scene.condition));
	assert_true(process_stop(server_of(scene.condition)));
	condition_free(scene.condition);
	scene.condition = NULL;
	clear_scene(&scene);
}

IN_CHILD(managers_do_not_know_each_other)
{
	struct scene first, second;
	bool died;

	set_scene(&first);
	set_scene(&second);
	MUST(condition_acquire(first.condition));
	MUST_RAISE(RuntimeError, condition_release(second.condition));
	MUST(condition_acquire(second.condition));
	kill_server(&first);
	MUST_RAISE(ConnectionError, condition_release(first.condition));
	MUST(condition_owner_died(second.condition, &died));
	assert_false(died);
	clear_scene(&first);
	MUST(condition_release(second.condition));
	acquire_and_release(second.condition);
	clear_scene(&second);
}

static _Atomic bool enough;

static void *
allocate_again_and_again(void *nothing)
{
	while (!enough)
		free(must_have(malloc(64)));
	return nothing;
}

IN_CHILD_BESIDE_THREADS(manager_can_be_made_where_other_threads_run)
{
	pthread_t threads[2];

	for (int i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&threads[i], NULL,
					 allocate_again_and_again, NULL),
			0);
	for (int i = 0; i < 20; i++) {
		struct scene scene;

		set_scene(&scene);
		acquire_and_release(scene.condition);
		clear_scene(&scene);
	}
	enough = true;
	for (int i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
}

static void *
make_managers(void *nothing)
{
	for (int i = 0; i < 10; i++) {
		struct scene scene;

		set_scene(&scene);
		acquire_and_release(scene.condition);
		clear_scene(&scene);
	}
	return nothing;
}

IN_CHILD_BESIDE_THREADS(managers_can_be_made_by_several_threads_at_once)
{
	pthread_t threads[4];

	for (int i = 0; i < 4; i++)
		assert_int_equal(
			pthread_create(&threads[i], NULL, make_managers, NULL),
			0);
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
}

#define CLIENTS 64
#define ROUNDS 5

/* In shared memory, and changed by many, but only under the lock. */
struct tally {
	struct condition *condition;
	volatile int count;
	volatile int present;
};

static bool
all_are_present(void *context)
{
	return ((struct tally *)context)->present == CLIENTS;
}

static void
count_up(void *context)
{
	struct tally *tally = context;

	for (int i = 0; i < ROUNDS; i++) {
		MUST(condition_acquire(tally->condition));
		tally->count = tally->count + 1;
		MUST(condition_release(tally->condition));
	}
	MUST(condition_acquire(tally->condition));
	tally->present = tally->present + 1;
	MUST(condition_notify_all(tally->condition));
	MUST(condition_wait_for(
		tally->condition, all_are_present, tally, FOREVER, NULL));
	MUST(condition_release(tally->condition));
}

IN_CHILD(manager_serves_64_clients_at_once)
{
	pid_t clients[CLIENTS];
	struct scene scene;
	struct tally *tally;
	void *memory;

	set_scene(&scene);
	MUST(sys_map_shared(sizeof(*tally), &memory));
	tally = memory;
	tally->condition = scene.condition;
	for (int i = 0; i < CLIENTS; i++)
		clients[i] = child_start(count_up, tally);
	for (int i = 0; i < CLIENTS; i++)
		assert_int_equal(child_wait(clients[i]), 0);
	assert_int_equal(tally->count, CLIENTS * ROUNDS);
	sys_unmap_shared(memory, sizeof(*tally));
	clear_scene(&scene);
}

/* With how many descriptors, and whether that sufficed. */
struct shortage {
	size_t descriptors;
	struct post sufficed;
};

static struct error *
use_a_manager(struct manager *manager)
{
	SCOPED(condition) condition = NULL;

	TRY(manager_condition(manager, &condition));
	TRY(condition_acquire(condition));
	TRY(condition_release(condition));
	return NULL;
}

/*
 * Whoever has too few is told so; whoever is turned away, for the server has
 * too few, only of that.
 */
static void
make_with_few_descriptors(void *context)
{
	const struct shortage *shortage = context;
	struct manager *manager = NULL;
	struct error *error;

	leave_descriptors(shortage->descriptors);
	error = manager_new(&manager);
	if (!error)
		error = use_a_manager(manager);
	if (!error)
		post_send(&shortage->sufficed, '!');
	else if (manager && error->kind == ConnectionError)
		error_free(error);
	else
		MUST_RAISE_WITH(OSError, "Too many open files", error);
	manager_free(manager);
	no_child_must_be_left();
	for (size_t i = 0; i < shortage->descriptors; i++)
		assert_true(dup(STDIN_FILENO) >= 0);
}

IN_CHILD(make_managers_with_few_descriptors)
{
	char directory[] = "/tmp/test-manager-XXXXXX";
	struct shortage shortage = {0, post_open()};

	assert_non_null(mkdtemp(directory));
	setenv("TMPDIR", directory, 1);
	while (!readable_within(shortage.sufficed.ends[0], 0)) {
		child_must_succeed(make_with_few_descriptors, &shortage);
		assert_int_equal(entry_count(directory), 0);
		assert_true(++shortage.descriptors < 16);
	}
	assert_int_equal(rmdir(directory), 0);
	close(shortage.sufficed.ends[0]);
	close(shortage.sufficed.ends[1]);
}

static void
manager_without_descriptors_raises_OSError_and_leaves_nothing(void **state)
{
	skip_under_valgrind();
	make_managers_with_few_descriptors(state);
}

IN_CHILD(manager_in_a_missing_tmpdir_raises_OSError_that_names_it)
{
	struct manager *manager;

	setenv("TMPDIR", "/no/such/directory", 1);
	MUST_RAISE_WITH(OSError, "/no/such/directory", manager_new(&manager));
	no_child_must_be_left();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(manager_serves_until_it_is_freed),
		cmocka_unit_test(manager_leaves_no_descriptor),
		cmocka_unit_test(manager_free_in_another_process_does_nothing),
		cmocka_unit_test(manager_makes_conditions_for_a_child),
		cmocka_unit_test(server_ends_when_its_creator_is_killed),
		cmocka_unit_test(server_ends_when_its_creator_ends),
		cmocka_unit_test(
			server_ends_though_a_child_of_its_creator_lives_on),
		cmocka_unit_test(server_ignores_SIGINT),
		cmocka_unit_test(server_that_was_killed_raises_ConnectionError),
		cmocka_unit_test(
			server_that_is_killed_raises_ConnectionError_in_those_that_wait),
		cmocka_unit_test(
			manager_free_raises_ConnectionError_in_those_that_wait),
		cmocka_unit_test(lock_of_a_client_that_is_killed_passes_on),
		cmocka_unit_test(
			lock_of_a_client_that_is_killed_passes_on_to_who_stands_for_it),
		cmocka_unit_test(client_killed_while_it_waits_takes_no_wake_up),
		cmocka_unit_test(
			client_killed_while_it_stands_for_the_lock_hands_its_wake_up_on),
		cmocka_unit_test(
			client_killed_before_it_hears_of_its_wake_up_hands_it_on),
		cmocka_unit_test(manager_free_ends_a_server_that_was_stopped),
		cmocka_unit_test(
			condition_free_does_not_wait_for_a_manager_that_is_stopped),
		cmocka_unit_test(managers_do_not_know_each_other),
		cmocka_unit_test(manager_can_be_made_where_other_threads_run),
		cmocka_unit_test(
			managers_can_be_made_by_several_threads_at_once),
		cmocka_unit_test(manager_serves_64_clients_at_once),
		cmocka_unit_test(
			manager_without_descriptors_raises_OSError_and_leaves_nothing),
		cmocka_unit_test(
			manager_in_a_missing_tmpdir_raises_OSError_that_names_it),
	};

	return cmocka_run_group_tests_name(
		       "manager", tests, adopt_orphans, kill_orphans) != 0;
}
