/* test_proxy.c - a condition in a manager, by way of its proxies. */
#include "must.h"

#include "buffer.h"
#include "condition.h"
#include "condition_class.h"
#include "encoding.h"
#include "hosting.h"
#include "link.h"
#include "post.h"
#include "proxy.h"
#include "request.h"
#include "sys.h"
#include "value.h"

#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#define WRITTEN_LIMIT 256

/* A server, a proxy to a condition in it, and a way for children to tell. */
struct scene {
	struct hosting hosting;
	struct condition *condition;
	uint64_t number;
	struct post told;
};

static struct buffer
write_down(struct condition *condition)
{
	struct value *value = value_condition(condition);
	struct buffer buffer = {0};

	MUST(encode_value(value, &buffer));
	value_free(value);
	return buffer;
}

/* Makes a proxy of what was written down; the caller frees it. */
static struct condition *
read_back(const struct buffer *buffer)
{
	struct reader reader = {buffer->bytes, buffer->length};
	struct value *value;
	void *object;

	MUST(decode_value(&reader, &value));
	MUST(reader_end(&reader));
	MUST(value_get_object(value, CONDITION_INTERFACE, &object));
	condition_hold(object);
	value_free(value);
	return object;
}

/* The conditions of a server are numbered from 1. */
/* The number of the condition in its server, as a proxy writes it down. */
static uint64_t
number_of(struct condition *condition)
{
	struct buffer written = write_down(condition);
	struct reader reader = {written.bytes, written.length};
	uint64_t number;
	uint8_t kind;
	char *name;

	MUST(reader_take_byte(&reader, &kind));
	MUST(reader_take_text(&reader, &name));
	MUST(reader_take_number(&reader, &number));
	free(name);
	buffer_fini(&written);
	return number;
}

static void
set_scene(struct scene *scene)
{
	scene->told = post_open();
	scene->hosting = hosting_start();
	MUST(proxy_new(scene->hosting.address, &scene->condition));
	scene->number = number_of(scene->condition);
}

static void
clear_scene(struct scene *scene)
{
	condition_free(scene->condition);
	link_forget(scene->hosting.address);
	hosting_end(&scene->hosting);
	close(scene->told.ends[0]);
	close(scene->told.ends[1]);
}

/*
 * Whether the server has the condition, whoever holds it, when it has heard of
 * all that this process dropped.
 */
static bool
lives(const struct scene *scene)
{
	struct request request = {
		.kind = REQUEST_OWNER_DIED, .condition = scene->number};
	struct error *error = link_request_for_process(
		scene->hosting.address, &request, NULL);
	bool unknown;

	assert_non_null(error);
	assert_int_equal(error->kind, RuntimeError);
	unknown = strstr(error->message, "no condition") != NULL;
	error_free(error);
	return !unknown;
}

/* The server hears of what another process does in its own time. */
static void
must_soon_be_gone(const struct scene *scene)
{
	double deadline = sys_deadline(CHILD_LIMIT);

	while (lives(scene))
		assert_true(sys_remaining(deadline) > 0);
}

static void
acquire_and_release(struct condition *condition)
{
	MUST(condition_acquire(condition));
	MUST(condition_release(condition));
}

IN_CHILD(proxy_does_what_a_condition_does)
{
	struct scene scene;
	bool died = true, notified = true;

	set_scene(&scene);
	MUST(condition_acquire(scene.condition));
	MUST(condition_acquire(scene.condition));
	MUST(condition_owner_died(scene.condition, &died));
	assert_false(died);
	MUST(condition_wait(scene.condition, 0.001, &notified));
	assert_false(notified);
	notified = true;
	MUST(condition_wait(scene.condition, 0, &notified));
	assert_false(notified);
	MUST(condition_notify(scene.condition, 1));
	MUST(condition_notify_all(scene.condition));
	MUST(condition_release(scene.condition));
	MUST(condition_release(scene.condition));
	clear_scene(&scene);
}

IN_CHILD(proxy_raises_RuntimeError_without_the_lock)
{
	struct scene scene;
	bool died;

	set_scene(&scene);
	MUST_RAISE_WITH(RuntimeError, "cannot release un-acquired lock",
		condition_release(scene.condition));
	MUST_RAISE_WITH(RuntimeError, "cannot wait on un-acquired lock",
		condition_wait(scene.condition, FOREVER, NULL));
	MUST_RAISE_WITH(RuntimeError, "cannot notify on un-acquired lock",
		condition_notify(scene.condition, 1));
	MUST_RAISE_WITH(RuntimeError, "cannot notify on un-acquired lock",
		condition_notify_all(scene.condition));
	MUST_RAISE(RuntimeError, condition_owner_died(scene.condition, &died));
	clear_scene(&scene);
}

IN_CHILD(proxy_that_was_written_down_stands_for_the_same_condition)
{
	struct condition *other, *copy;
	struct buffer written;
	struct scene scene;

	set_scene(&scene);
	MUST(proxy_new(scene.hosting.address, &other));
	written = write_down(scene.condition);
	copy = read_back(&written);
	MUST(condition_acquire(copy));
	MUST_RAISE(RuntimeError, condition_release(other));
	MUST(condition_release(scene.condition));
	buffer_fini(&written);
	condition_free(copy);
	condition_free(other);
	clear_scene(&scene);
}

IN_CHILD(proxy_that_was_written_down_in_part_is_no_value)
{
	struct buffer written;
	struct value *value;
	struct scene scene;

	set_scene(&scene);
	written = write_down(scene.condition);
	for (size_t length = 0; length < written.length; length++) {
		unsigned char *bytes = malloc(length ? length : 1);
		struct reader reader = {bytes, length};

		memcpy(bytes, written.bytes, length);
		MUST_RAISE(ValueError, decode_value(&reader, &value));
		free(bytes);
	}
	buffer_fini(&written);
	clear_scene(&scene);
}

IN_CHILD(proxy_to_a_condition_that_is_gone_is_no_value)
{
	struct buffer written;
	struct reader reader;
	struct value *value;
	struct scene scene;

	set_scene(&scene);
	written = write_down(scene.condition);
	condition_free(scene.condition);
	scene.condition = NULL;
	reader = (struct reader){written.bytes, written.length};
	MUST_RAISE_WITH(
		RuntimeError, "no condition", decode_value(&reader, &value));
	child_kill(scene.hosting.server);
	reader = (struct reader){written.bytes, written.length};
	MUST_RAISE(ConnectionError, decode_value(&reader, &value));
	buffer_fini(&written);
	link_forget(scene.hosting.address);
	sys_close(scene.hosting.lifeline);
	free(scene.hosting.address);
	close(scene.told.ends[0]);
	close(scene.told.ends[1]);
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

IN_CHILD(proxy_is_of_use_to_a_child_that_inherited_it)
{
	struct scene scene;
	pid_t waiter;

	set_scene(&scene);
	waiter = child_start(wait_for_notify, &scene);
	post_await(&scene.told);
	MUST(condition_acquire(scene.condition));
	/* Now that the lock is ours, the child waits. */
	MUST(condition_notify(scene.condition, 1));
	MUST(condition_release(scene.condition));
	assert_int_equal(child_wait(waiter), 0);
	clear_scene(&scene);
}

static void
be_a_parent(void *context)
{
	const struct scene *scene = context;

	/* Neither the middle one nor the last have used it before. */
	child_must_succeed(wait_for_notify, context);
	acquire_and_release(scene->condition);
}

IN_CHILD(proxy_is_of_use_to_a_grandchild)
{
	struct scene scene;
	pid_t parent;

	set_scene(&scene);
	parent = child_start(be_a_parent, &scene);
	post_await(&scene.told);
	MUST(condition_acquire(scene.condition));
	MUST(condition_notify_all(scene.condition));
	MUST(condition_release(scene.condition));
	assert_int_equal(child_wait(parent), 0);
	clear_scene(&scene);
}

/* A child that was there before the manager, to which a proxy is sent. */
struct elder {
	int letters[2];
	struct post told;
};

static void
wait_for_a_letter(void *context)
{
	struct elder *elder = context;
	struct scene scene = {.told = elder->told};
	unsigned char bytes[WRITTEN_LIMIT];
	ssize_t length;

	assert_true(becomes_readable(elder->letters[0]));
	length = read(elder->letters[0], bytes, sizeof(bytes));
	assert_true(length > 0);
	scene.condition = read_back(
		&(struct buffer){.bytes = bytes, .length = (size_t)length});
	wait_for_notify(&scene);
	condition_free(scene.condition);
}

IN_CHILD(proxy_is_of_use_to_a_child_older_than_the_manager)
{
	struct elder elder = {.told = post_open()};
	struct buffer letter;
	struct scene scene;
	pid_t child;

	assert_int_equal(pipe(elder.letters), 0);
	child = child_start(wait_for_a_letter, &elder);
	set_scene(&scene);
	letter = write_down(scene.condition);
	assert_int_equal(write(elder.letters[1], letter.bytes, letter.length),
		letter.length);
	post_await(&elder.told);
	MUST(condition_acquire(scene.condition));
	MUST(condition_notify(scene.condition, 1));
	MUST(condition_release(scene.condition));
	assert_int_equal(child_wait(child), 0);
	buffer_fini(&letter);
	for (int i = 0; i < 2; i++) {
		close(elder.letters[i]);
		close(elder.told.ends[i]);
	}
	clear_scene(&scene);
}

IN_CHILD(condition_is_gone_with_its_last_proxy)
{
	struct condition *copy;
	struct buffer written;
	struct value *value;
	struct scene scene;

	set_scene(&scene);
	written = write_down(scene.condition);
	copy = read_back(&written);
	value = value_condition(copy);
	condition_free(scene.condition);
	assert_true(lives(&scene));
	condition_free(copy);
	assert_true(lives(&scene));
	value_free(value);
	assert_false(lives(&scene));
	scene.condition = NULL;
	buffer_fini(&written);
	clear_scene(&scene);
}

/* A child that uses a proxy, and then does nothing until it is told. */
struct keeper {
	struct scene *scene;
	struct post may_go;
};

static void
keep(void *context)
{
	const struct keeper *keeper = context;

	acquire_and_release(keeper->scene->condition);
	post_send(&keeper->scene->told, '!');
	post_await(&keeper->may_go);
	acquire_and_release(keeper->scene->condition);
	condition_free(keeper->scene->condition);
	post_send(&keeper->scene->told, '!');
	post_await(&keeper->may_go);
}

static pid_t
start_keeper(struct keeper *keeper, struct scene *scene)
{
	pid_t pid;

	*keeper = (struct keeper){scene, post_open()};
	pid = child_start(keep, keeper);
	post_await(&scene->told);
	condition_free(scene->condition);
	scene->condition = NULL;
	return pid;
}

static void
end_keeper(struct keeper *keeper)
{
	close(keeper->may_go.ends[0]);
	close(keeper->may_go.ends[1]);
}

IN_CHILD(condition_lives_as_long_as_a_child_has_a_proxy)
{
	struct keeper keeper;
	struct scene scene;
	pid_t child;

	set_scene(&scene);
	child = start_keeper(&keeper, &scene);
	assert_true(lives(&scene));
	post_send(&keeper.may_go, '!');
	post_await(&scene.told);
	/* The child lives on, but has dropped its proxy. */
	must_soon_be_gone(&scene);
	post_send(&keeper.may_go, '!');
	assert_int_equal(child_wait(child), 0);
	end_keeper(&keeper);
	clear_scene(&scene);
}

IN_CHILD(condition_is_gone_when_the_last_that_has_a_proxy_is_killed)
{
	struct keeper keeper;
	struct scene scene;
	pid_t child;

	set_scene(&scene);
	child = start_keeper(&keeper, &scene);
	assert_true(lives(&scene));
	child_kill(child);
	must_soon_be_gone(&scene);
	end_keeper(&keeper);
	clear_scene(&scene);
}

static void
free_an_inherited_proxy(void *context)
{
	size_t descriptors = descriptor_count();

	/* For that it needs no connection, unless it had one. */
	condition_free(((struct scene *)context)->condition);
	assert_int_equal(descriptor_count(), descriptors);
}

static void
use_and_free_an_inherited_proxy(void *context)
{
	acquire_and_release(((struct scene *)context)->condition);
	free_an_inherited_proxy(context);
}

IN_CHILD(child_cannot_drop_what_its_parent_holds)
{
	struct scene scene;

	set_scene(&scene);
	child_must_succeed(free_an_inherited_proxy, &scene);
	assert_true(lives(&scene));
	child_must_succeed(use_and_free_an_inherited_proxy, &scene);
	assert_true(lives(&scene));
	acquire_and_release(scene.condition);
	clear_scene(&scene);
}

/* proxy.h: a child holds what it inherited from its first use on. */
static void
use_late(void *context)
{
	const struct keeper *keeper = context;

	post_send(&keeper->scene->told, '!');
	post_await(&keeper->may_go);
	MUST_RAISE_WITH(RuntimeError, "the manager has no condition",
		condition_acquire(keeper->scene->condition));
}

IN_CHILD(inherited_proxy_that_was_not_used_yet_holds_nothing)
{
	struct keeper keeper;
	struct scene scene;
	pid_t child;

	set_scene(&scene);
	keeper = (struct keeper){&scene, post_open()};
	child = child_start(use_late, &keeper);
	post_await(&scene.told);
	condition_free(scene.condition);
	scene.condition = NULL;
	post_send(&keeper.may_go, '!');
	assert_int_equal(child_wait(child), 0);
	end_keeper(&keeper);
	clear_scene(&scene);
}

IN_CHILD(proxy_of_a_dead_manager_raises_ConnectionError_and_can_be_freed)
{
	struct condition *none;
	struct scene scene;
	bool died;

	set_scene(&scene);
	MUST(condition_acquire(scene.condition));
	child_kill(scene.hosting.server);
	MUST_RAISE(ConnectionError, condition_notify_all(scene.condition));
	MUST_RAISE(ConnectionError, condition_release(scene.condition));
	MUST_RAISE(ConnectionError, condition_acquire(scene.condition));
	MUST_RAISE(ConnectionError,
		condition_wait(scene.condition, FOREVER, NULL));
	MUST_RAISE(
		ConnectionError, condition_owner_died(scene.condition, &died));
	MUST_RAISE(ConnectionError, proxy_new(scene.hosting.address, &none));
	condition_free(scene.condition);
	link_forget(scene.hosting.address);
	sys_close(scene.hosting.lifeline);
	free(scene.hosting.address);
	close(scene.told.ends[0]);
	close(scene.told.ends[1]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(proxy_does_what_a_condition_does),
		cmocka_unit_test(proxy_raises_RuntimeError_without_the_lock),
		cmocka_unit_test(
			proxy_that_was_written_down_stands_for_the_same_condition),
		cmocka_unit_test(
			proxy_that_was_written_down_in_part_is_no_value),
		cmocka_unit_test(proxy_to_a_condition_that_is_gone_is_no_value),
		cmocka_unit_test(proxy_is_of_use_to_a_child_that_inherited_it),
		cmocka_unit_test(proxy_is_of_use_to_a_grandchild),
		cmocka_unit_test(
			proxy_is_of_use_to_a_child_older_than_the_manager),
		cmocka_unit_test(condition_is_gone_with_its_last_proxy),
		cmocka_unit_test(
			condition_lives_as_long_as_a_child_has_a_proxy),
		cmocka_unit_test(
			condition_is_gone_when_the_last_that_has_a_proxy_is_killed),
		cmocka_unit_test(child_cannot_drop_what_its_parent_holds),
		cmocka_unit_test(
			inherited_proxy_that_was_not_used_yet_holds_nothing),
		cmocka_unit_test(
			proxy_of_a_dead_manager_raises_ConnectionError_and_can_be_freed),
	};

	return cmocka_run_group_tests_name(
		       "proxy", tests, adopt_orphans, kill_orphans) != 0;
}
