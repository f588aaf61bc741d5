/* test_link.c - whose connection is whose, and when it is closed. */
#include "must.h"

#include "hosting.h"
#include "link.h"
#include "post.h"
#include "request.h"
#include "sys.h"

#include <pthread.h>
#include <signal.h>

/* A server with one condition, made and held by this process. */
struct scene {
	struct hosting hosting;
	uint64_t condition;
	struct post event;
};

static void
set_scene(struct scene *scene)
{
	struct request make = {.kind = REQUEST_MAKE};

	scene->event = post_open();
	scene->hosting = hosting_start();
	MUST(link_request_for_process(
		scene->hosting.address, &make, &scene->condition));
}

static void
clear_scene(struct scene *scene)
{
	link_forget(scene->hosting.address);
	hosting_end(&scene->hosting);
	close(scene->event.ends[0]);
	close(scene->event.ends[1]);
}

static struct error *
try_to(const struct scene *scene, enum request_kind kind)
{
	struct request request = {.kind = kind,
		.condition = scene->condition,
		.timeout = FOREVER,
		.amount = 1};

	return link_request(scene->hosting.address, &request, NULL);
}

/* Runs a thread to its end. */
static void
run_thread(void *(*run)(void *), void *context)
{
	pthread_t thread;

	assert_int_equal(pthread_create(&thread, NULL, run, context), 0);
	assert_int_equal(pthread_join(thread, NULL), 0);
}

IN_CHILD(link_request_gives_the_reply_or_raises_it)
{
	struct request unknown = {
		.kind = REQUEST_ACQUIRE, .condition = UINT64_MAX};
	struct scene scene;
	uint64_t reply = 42;

	set_scene(&scene);
	assert_true(make_condition(&scene.hosting) != scene.condition);
	MUST_RAISE_WITH(RuntimeError, "no condition",
		link_request(scene.hosting.address, &unknown, &reply));
	MUST_RAISE_WITH(RuntimeError, "no condition",
		link_request_for_process(
			scene.hosting.address, &unknown, &reply));
	/* An error is a reply: the connection is as good as before. */
	MUST(try_to(&scene, REQUEST_ACQUIRE));
	MUST(try_to(&scene, REQUEST_RELEASE));
	clear_scene(&scene);
}

static void *
be_another_owner(void *context)
{
	MUST_RAISE(RuntimeError, try_to(context, REQUEST_RELEASE));
	return NULL;
}

IN_CHILD(each_thread_is_an_owner_of_its_own)
{
	struct scene scene;

	set_scene(&scene);
	MUST(try_to(&scene, REQUEST_ACQUIRE));
	run_thread(be_another_owner, &scene);
	MUST(try_to(&scene, REQUEST_RELEASE));
	clear_scene(&scene);
}

static void *
end_with_the_lock(void *context)
{
	MUST(try_to(context, REQUEST_ACQUIRE));
	return NULL;
}

IN_CHILD(thread_that_ends_gives_its_lock_back)
{
	struct scene scene;

	set_scene(&scene);
	run_thread(end_with_the_lock, &scene);
	MUST(try_to(&scene, REQUEST_ACQUIRE));
	clear_scene(&scene);
}

IN_CHILD(thread_has_one_connection_for_all_its_requests)
{
	struct scene scene;
	size_t descriptors;

	set_scene(&scene);
	descriptors = descriptor_count();
	MUST(try_to(&scene, REQUEST_ACQUIRE));
	assert_int_equal(descriptor_count(), descriptors + 1);
	MUST(try_to(&scene, REQUEST_RELEASE));
	MUST_RAISE(RuntimeError, try_to(&scene, REQUEST_RELEASE));
	assert_int_equal(descriptor_count(), descriptors + 1);
	clear_scene(&scene);
}

IN_CHILD(thread_that_ends_closes_its_connection)
{
	struct scene scene;
	size_t descriptors;

	set_scene(&scene);
	descriptors = descriptor_count();
	run_thread(be_another_owner, &scene);
	assert_int_equal(descriptor_count(), descriptors);
	clear_scene(&scene);
}

IN_CHILD(link_forget_closes_both_connections)
{
	struct scene first, second;
	size_t descriptors;

	set_scene(&second);
	MUST(try_to(&second, REQUEST_ACQUIRE));
	set_scene(&first);
	MUST(try_to(&first, REQUEST_ACQUIRE));
	descriptors = descriptor_count();
	link_forget(first.hosting.address);
	assert_int_equal(descriptor_count(), descriptors - 2);
	link_forget(first.hosting.address);
	link_forget("/no/address");
	assert_int_equal(descriptor_count(), descriptors - 2);
	/* Those to the other server are left alone. */
	MUST(try_to(&second, REQUEST_RELEASE));
	clear_scene(&first);
	clear_scene(&second);
}

static void
be_a_child(void *context)
{
	const struct scene *scene = context;
	struct request hold = {
		.kind = REQUEST_HOLD, .condition = scene->condition};

	MUST_RAISE(RuntimeError, try_to(scene, REQUEST_RELEASE));
	MUST(link_request_for_process(scene->hosting.address, &hold, NULL));
	link_forget(scene->hosting.address);
	MUST_RAISE(RuntimeError, try_to(scene, REQUEST_RELEASE));
}

IN_CHILD(child_has_connections_of_its_own)
{
	struct scene scene;

	set_scene(&scene);
	MUST(try_to(&scene, REQUEST_ACQUIRE));
	child_must_succeed(be_a_child, &scene);
	/* The child's end and its link_forget() changed nothing here. */
	MUST(try_to(&scene, REQUEST_RELEASE));
	clear_scene(&scene);
}

static void
count_inherited(void *context)
{
	/* The directory and both ends of the event, besides what was before. */
	assert_int_equal(descriptor_count(), *(const size_t *)context);
}

IN_CHILD(count_what_a_child_inherits)
{
	size_t descriptors = descriptor_count();
	struct scene scene;

	set_scene(&scene);
	MUST(try_to(&scene, REQUEST_ACQUIRE));
	descriptors += 2;
	child_must_succeed(count_inherited, &descriptors);
	clear_scene(&scene);
}

static void
child_inherits_no_connection(void **state)
{
	skip_under_valgrind();
	count_what_a_child_inherits(state);
}

/* Tells its process id, and outlives its parent. */
static void
linger(void *context)
{
	const struct scene *scene = context;
	pid_t self = getpid();

	prctl(PR_SET_PDEATHSIG, 0);
	assert_int_equal(
		write(scene->event.ends[1], &self, sizeof(self)), sizeof(self));
	for (;;)
		pause();
}

static void
leave_a_child_behind(void *context)
{
	const struct scene *scene = context;

	MUST(try_to(scene, REQUEST_ACQUIRE));
	child_start(linger, context);
	assert_true(becomes_readable(scene->event.ends[0]));
}

IN_CHILD(connection_ends_with_its_process_though_a_child_lives_on)
{
	struct scene scene;
	pid_t heir;

	set_scene(&scene);
	child_must_succeed(leave_a_child_behind, &scene);
	assert_int_equal(
		read(scene.event.ends[0], &heir, sizeof(heir)), sizeof(heir));
	MUST(try_to(&scene, REQUEST_ACQUIRE));
	child_kill(heir);
	clear_scene(&scene);
}

IN_CHILD(dead_manager_raises_ConnectionError)
{
	struct request hold = {.kind = REQUEST_HOLD, .condition = 1};
	struct scene scene;
	size_t descriptors;

	set_scene(&scene);
	MUST(try_to(&scene, REQUEST_ACQUIRE));
	descriptors = descriptor_count();
	child_kill(scene.hosting.server);
	for (int i = 0; i < 2; i++) {
		MUST_RAISE(ConnectionError, try_to(&scene, REQUEST_RELEASE));
		MUST_RAISE(ConnectionError,
			link_request_for_process(
				scene.hosting.address, &hold, NULL));
	}
	assert_int_equal(descriptor_count(), descriptors - 2);
	sys_close(scene.hosting.lifeline);
	free(scene.hosting.address);
	close(scene.event.ends[0]);
	close(scene.event.ends[1]);
}

static void
wait_for_a_manager_that_dies(void *context)
{
	const struct scene *scene = context;

	MUST(try_to(scene, REQUEST_ACQUIRE));
	post_send(&scene->event, '!');
	MUST_RAISE(ConnectionError, try_to(scene, REQUEST_WAIT));
}

IN_CHILD(manager_that_dies_raises_ConnectionError_in_who_waits)
{
	struct scene scene;
	pid_t waiter;

	set_scene(&scene);
	waiter = child_start(wait_for_a_manager_that_dies, &scene);
	post_await(&scene.event);
	/* Once the lock is ours, the child waits. */
	MUST(try_to(&scene, REQUEST_ACQUIRE));
	child_kill(scene.hosting.server);
	assert_int_equal(child_wait(waiter), 0);
	link_forget(scene.hosting.address);
	sys_close(scene.hosting.lifeline);
	free(scene.hosting.address);
	close(scene.event.ends[0]);
	close(scene.event.ends[1]);
}

#define SHARING_THREADS 4
#define SHARING_ROUNDS 200

static void *
hold_and_drop(void *context)
{
	const struct scene *scene = context;
	struct request request = {.condition = scene->condition};

	for (int i = 0; i < SHARING_ROUNDS; i++) {
		request.kind = i % 2 ? REQUEST_DROP : REQUEST_HOLD;
		MUST(link_request_for_process(
			scene->hosting.address, &request, NULL));
	}
	return NULL;
}

IN_CHILD(threads_share_the_connection_of_their_process)
{
	pthread_t threads[SHARING_THREADS];
	struct scene scene;
	size_t descriptors;

	set_scene(&scene);
	descriptors = descriptor_count();
	for (int i = 0; i < SHARING_THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL,
					 hold_and_drop, &scene),
			0);
	for (int i = 0; i < SHARING_THREADS; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	assert_int_equal(descriptor_count(), descriptors);
	clear_scene(&scene);
}

#define FORKS 150

static _Atomic bool enough;

static void *
connect_again_and_again(void *context)
{
	const struct scene *scene = context;
	struct request make = {.kind = REQUEST_MAKE};

	while (!enough) {
		MUST(link_request_for_process(
			scene->hosting.address, &make, NULL));
		link_forget(scene->hosting.address);
	}
	return NULL;
}

/* The locks of two modules are held across each fork. */
IN_CHILD_BESIDE_THREADS(forks_and_connections_do_not_lock_each_other_out)
{
	struct scene scene;
	pthread_t thread;

	set_scene(&scene);
	assert_int_equal(
		pthread_create(&thread, NULL, connect_again_and_again, &scene),
		0);
	for (int i = 0; i < FORKS; i++) {
		pid_t pid = fork();

		assert_true(pid >= 0);
		if (pid == 0)
			_exit(0);
		assert_int_equal(child_wait(pid), 0);
	}
	enough = true;
	assert_int_equal(pthread_join(thread, NULL), 0);
	clear_scene(&scene);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(link_request_gives_the_reply_or_raises_it),
		cmocka_unit_test(each_thread_is_an_owner_of_its_own),
		cmocka_unit_test(thread_that_ends_gives_its_lock_back),
		cmocka_unit_test(
			thread_has_one_connection_for_all_its_requests),
		cmocka_unit_test(thread_that_ends_closes_its_connection),
		cmocka_unit_test(link_forget_closes_both_connections),
		cmocka_unit_test(child_has_connections_of_its_own),
		cmocka_unit_test(child_inherits_no_connection),
		cmocka_unit_test(
			connection_ends_with_its_process_though_a_child_lives_on),
		cmocka_unit_test(dead_manager_raises_ConnectionError),
		cmocka_unit_test(
			manager_that_dies_raises_ConnectionError_in_who_waits),
		cmocka_unit_test(threads_share_the_connection_of_their_process),
		cmocka_unit_test(
			forks_and_connections_do_not_lock_each_other_out),
	};

	return cmocka_run_group_tests_name(
		       "link", tests, adopt_orphans, kill_orphans) != 0;
}
