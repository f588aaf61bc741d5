/* test_server.c - what a stranger or a bad guest does harms nobody else. */
#include "guests.h"
#include "must.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/un.h>

/* More than the server bears at a time. */
#define MANY_STRANGERS 300

IN_CHILD(server_ends_with_its_lifeline)
{
	struct hosting hosting = hosting_start();
	char *address = strdup(hosting.address);
	int connection;

	hosting_end(&hosting);
	MUST_RAISE(ConnectionError, door_connect(address, &connection));
	free(address);
}

IN_CHILD(server_serves)
{
	struct scene scene;

	set_scene(&scene);
	clear_scene(&scene);
}

IN_CHILD(stranger_with_a_wrong_answer_is_told_so_and_cut_off)
{
	unsigned char answer[64] = {0};
	struct reader challenge, reply;
	struct guest stranger;
	struct scene scene;

	set_scene(&scene);
	stranger = stranger_at(scene.hosting.address);
	MUST(channel_receive(&stranger.channel, &challenge));
	send_frame(&stranger, sizeof(answer), answer, sizeof(answer));
	assert_true(becomes_readable(stranger.socket));
	MUST(channel_receive(&stranger.channel, &reply));
	assert_int_equal(reply.length, 1);
	assert_int_equal(reply.bytes[0], 0);
	must_be_cut_off(stranger.socket);
	leave(&stranger);
	clear_scene(&scene);
}

static void
stranger_must_be_cut_off_after(
	struct scene *scene, const void *bytes, size_t size)
{
	struct guest stranger = stranger_at(scene->hosting.address);

	send_bytes(stranger.socket, bytes, size);
	must_be_cut_off(stranger.socket);
	leave(&stranger);
	honest_must_go_on(&scene->hosting, &scene->honest);
}

IN_CHILD(stranger_who_sends_garbage_is_cut_off)
{
	static const char http[] = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";
	unsigned char bytes[4096];
	struct scene scene;

	set_scene(&scene);
	stranger_must_be_cut_off_after(&scene, http, sizeof(http));
	memset(bytes, 0xff, sizeof(bytes));
	stranger_must_be_cut_off_after(&scene, bytes, sizeof(bytes));
	/* Empty frames. */
	memset(bytes, 0, sizeof(bytes));
	stranger_must_be_cut_off_after(&scene, bytes, sizeof(bytes));
	/* Lengths of any size. */
	for (int bit = 0; bit < 64; bit += 7) {
		uint64_t length = UINT64_C(1) << bit;

		memcpy(bytes, &length, sizeof(length));
		if (length > HANDSHAKE_LIMIT)
			stranger_must_be_cut_off_after(&scene, bytes, 8);
		else
			stranger_must_be_cut_off_after(&scene, bytes, 256);
	}
	clear_scene(&scene);
}

IN_CHILD(stranger_who_asks_before_the_handshake_is_cut_off)
{
	struct guest stranger;
	struct scene scene;

	set_scene(&scene);
	stranger = stranger_at(scene.hosting.address);
	send_request(&stranger, request_for(REQUEST_MAKE, 0));
	must_be_cut_off(stranger.socket);
	leave(&stranger);
	clear_scene(&scene);
}

IN_CHILD(stranger_who_leaves_in_the_midst_is_forgotten)
{
	uint64_t length = 64;
	struct scene scene;

	set_scene(&scene);
	for (size_t size = 0; size <= sizeof(length); size++) {
		struct guest stranger = stranger_at(scene.hosting.address);

		send_bytes(stranger.socket, &length, size);
		leave(&stranger);
	}
	clear_scene(&scene);
}

/* Its length alone is enough. */
IN_CHILD(overlong_frame_costs_a_guest_its_connection)
{
	struct guest guest;
	struct scene scene;

	set_scene(&scene);
	guest = guest_at(scene.hosting.address);
	send_frame(&guest, REQUEST_LIMIT + 1, NULL, 0);
	must_be_cut_off(guest.socket);
	leave(&guest);
	clear_scene(&scene);
}

IN_CHILD(request_cut_short_costs_a_guest_its_connection)
{
	struct buffer whole = {0};
	struct scene scene;

	set_scene(&scene);
	request_put(&(struct request){.kind = REQUEST_MAKE}, &whole);
	for (size_t length = 0; length < whole.length; length++) {
		struct guest guest = guest_at(scene.hosting.address);

		send_frame(&guest, length, whole.bytes, length);
		must_be_cut_off(guest.socket);
		leave(&guest);
	}
	buffer_fini(&whole);
	clear_scene(&scene);
}

IN_CHILD(request_of_unknown_kind_costs_a_guest_its_connection)
{
	struct guest guest;
	struct scene scene;

	set_scene(&scene);
	guest = guest_at(scene.hosting.address);
	send_request(&guest, request_for(REQUEST_KIND_COUNT, 1));
	must_be_cut_off(guest.socket);
	leave(&guest);
	clear_scene(&scene);
}

IN_CHILD(frame_cut_short_by_a_guests_end_is_forgotten)
{
	struct scene scene;

	set_scene(&scene);
	for (size_t size = 0; size < 8; size++) {
		struct guest guest = guest_at(scene.hosting.address);

		send_frame(&guest, 33, "\0\0\0\0\0\0\0", size);
		leave(&guest);
	}
	clear_scene(&scene);
}

IN_CHILD(frame_that_comes_byte_by_byte_is_understood)
{
	struct buffer *frame;
	struct guest guest;
	struct scene scene;
	uint64_t number = 0;

	set_scene(&scene);
	guest = guest_at(scene.hosting.address);
	frame = channel_begin(&guest.channel);
	request_put(&(struct request){.kind = REQUEST_MAKE}, frame);
	MUST(channel_end(&guest.channel));
	for (size_t i = 0; i < frame->length; i++) {
		send_bytes(guest.socket, frame->bytes + i, 1);
		/* Once the other is served, the byte was read. */
		honest_must_go_on(&scene.hosting, &scene.honest);
	}
	MUST(reply_of(&guest, &number));
	assert_true(number > 0);
	leave(&guest);
	clear_scene(&scene);
}

IN_CHILD(request_before_the_reply_costs_a_guest_its_connection)
{
	struct guest guest;
	struct scene scene;
	uint64_t condition;

	set_scene(&scene);
	condition = make_condition(&scene.hosting);
	MUST(ask_as(&scene.honest, request_for(REQUEST_ACQUIRE, condition)));
	guest = guest_at(scene.hosting.address);
	send_request(&guest, request_for(REQUEST_ACQUIRE, condition));
	send_request(&guest, request_for(REQUEST_RELEASE, condition));
	must_be_cut_off(guest.socket);
	leave(&guest);
	/* It left the queue in which it stood. */
	MUST(ask_as(&scene.honest, request_for(REQUEST_RELEASE, condition)));
	ask(&scene.hosting, request_for(REQUEST_ACQUIRE, condition));
	clear_scene(&scene);
}

/* Both come at once, so the second cannot have waited for the reply. */
IN_CHILD(two_requests_at_once_cost_a_guest_its_connection)
{
	struct guest guest;
	struct scene scene;

	set_scene(&scene);
	guest = guest_at(scene.hosting.address);
	for (int i = 0; i < 2; i++) {
		struct request request = request_for(REQUEST_MAKE, 0);

		request_put(&request, channel_begin(&guest.channel));
		MUST(channel_end(&guest.channel));
	}
	MUST(channel_flush(&guest.channel));
	must_be_cut_off(guest.socket);
	leave(&guest);
	clear_scene(&scene);
}

IN_CHILD(error_is_no_reason_to_cut_a_guest_off)
{
	struct scene scene;
	uint64_t mine;

	set_scene(&scene);
	MUST(ask_as(&scene.honest, request_for(REQUEST_MAKE, 0)));
	mine = make_condition(&scene.hosting);
	for (int i = 0; i < 2; i++) {
		MUST_RAISE_WITH(RuntimeError, "no condition",
			ask_as(&scene.honest,
				request_for(REQUEST_HOLD, mine + 1)));
		/* Nobody can drop what another holds. */
		send_request(&scene.honest, request_for(REQUEST_DROP, mine));
		MUST_RAISE_WITH(RuntimeError, "un-acquired",
			ask_as(&scene.honest,
				request_for(REQUEST_NOTIFY, mine)));
	}
	ask(&scene.hosting, request_for(REQUEST_ACQUIRE, mine));
	clear_scene(&scene);
}

/*
 * Connects through a descriptor that was got before the change of user, so that
 * only the server can turn it away.
 */
static void
connect_as_another_user(void *address)
{
	struct sockaddr_un path = {.sun_family = AF_UNIX};
	int handle = open(address, O_PATH | O_CLOEXEC);
	int connection = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	char byte;

	assert_true(handle >= 0 && connection >= 0);
	assert_int_equal(setegid(65534), 0);
	assert_int_equal(seteuid(65534), 0);
	snprintf(path.sun_path, sizeof(path.sun_path), "/proc/self/fd/%d",
		handle);
	assert_int_equal(
		connect(connection, (struct sockaddr *)&path, sizeof(path)), 0);
	/* Not even a challenge comes. */
	assert_true(becomes_readable(connection));
	assert_true(read(connection, &byte, 1) <= 0);
}

static void
run_test_of_other_user(void)
{
	struct scene scene;

	umask(0);
	set_scene(&scene);
	child_must_succeed(connect_as_another_user, scene.hosting.address);
	clear_scene(&scene);
}

static void
another_user_is_turned_away(void **state)
{
	void (*run)(void) = run_test_of_other_user;

	(void)state;
	if (geteuid() != 0)
		skip(); /* Only root can become another user. */
	child_must_succeed(run_alone, &run);
}

/* Opens many connections, in this order. */
static void
crowd_the_door(const char *address, struct guest strangers[MANY_STRANGERS])
{
	struct reader challenge;

	for (int i = 0; i < MANY_STRANGERS; i++) {
		strangers[i] = stranger_at(address);
		assert_true(becomes_readable(strangers[i].socket));
		MUST(channel_receive(&strangers[i].channel, &challenge));
	}
}

IN_CHILD(of_too_many_strangers_the_oldest_have_to_go)
{
	static struct guest strangers[MANY_STRANGERS];
	struct scene scene;

	set_scene(&scene);
	crowd_the_door(scene.hosting.address, strangers);
	must_be_cut_off(strangers[0].socket);
	must_be_cut_off(strangers[MANY_STRANGERS / 2].socket);
	honest_must_go_on(&scene.hosting, &scene.honest);
	/* The youngest may still go through with it. */
	assert_false(readable_within(strangers[MANY_STRANGERS - 1].socket, 0));
	for (int i = 0; i < MANY_STRANGERS; i++)
		leave(&strangers[i]);
	clear_scene(&scene);
}

/* A stranger who is challenged; for one that is turned away, socket -1. */
static struct guest
knock(const char *address)
{
	struct guest guest = stranger_at(address);
	char byte;

	assert_true(becomes_readable(guest.socket));
	if (recv(guest.socket, &byte, 1, MSG_PEEK) == 1)
		return guest;
	leave(&guest);
	return (struct guest){.socket = -1};
}

IN_CHILD(server_without_descriptors_turns_away_but_keeps_its_guests)
{
	static const struct rlimit limit = {32, 32};
	struct guest guests[32];
	struct scene scene;
	int count = 0;

	set_scene(&scene);
	assert_int_equal(
		prlimit(scene.hosting.server, RLIMIT_NOFILE, &limit, NULL), 0);
	while ((guests[count] = knock(scene.hosting.address)).socket >= 0) {
		MUST(handshake_as_client(&guests[count++].channel));
		assert_true(count < 32);
	}
	for (int i = 0; i < 3; i++) {
		assert_int_equal(knock(scene.hosting.address).socket, -1);
		MUST(ask_as(&guests[i], request_for(REQUEST_MAKE, 0)));
	}
	leave(&guests[--count]);
	pass_two_rounds(&scene.honest);
	honest_must_go_on(&scene.hosting, &scene.honest);
	while (count > 0)
		leave(&guests[--count]);
	pass_two_rounds(&scene.honest);
	clear_scene(&scene);
}

/* What it would cost to keep all replies is more than a guest may cost. */
#define UNREAD_REQUESTS 200000

/* Sends until it is stopped, or has sent that many; gives how many it sent. */
static int
send_without_reading(struct guest *guest)
{
	struct buffer *frame = channel_begin(&guest->channel);
	struct request request = request_for(REQUEST_OWNER_DIED, UINT64_MAX);
	struct pollfd writer = {.fd = guest->socket, .events = POLLOUT};
	int sent = 0;

	request_put(&request, frame);
	MUST(channel_end(&guest->channel));
	MUST(sys_set_nonblocking(guest->socket));
	while (sent < UNREAD_REQUESTS) {
		ssize_t wrote = send(guest->socket, frame->bytes, frame->length,
			MSG_NOSIGNAL);

		if (wrote == (ssize_t)frame->length)
			sent++;
		else if (wrote >= 0 || errno != EAGAIN)
			break;
		else if (poll(&writer, 1, 1000) == 0)
			break; /* The server does not read on: as good. */
	}
	channel_cancel(&guest->channel);
	return sent;
}

IN_CHILD(guest_who_does_not_read_is_stopped)
{
	struct guest guest;
	struct scene scene;

	set_scene(&scene);
	guest = guest_at(scene.hosting.address);
	assert_true(send_without_reading(&guest) < UNREAD_REQUESTS);
	honest_must_go_on(&scene.hosting, &scene.honest);
	leave(&guest);
	clear_scene(&scene);
}

IN_CHILD(guest_who_does_not_read_its_reply_hinders_nobody)
{
	struct guest guest;
	struct scene scene;
	uint64_t condition;

	set_scene(&scene);
	condition = make_condition(&scene.hosting);
	MUST(ask_as(&scene.honest, request_for(REQUEST_HOLD, condition)));
	MUST(ask_as(&scene.honest, request_for(REQUEST_HOLD, condition)));
	guest = guest_at(scene.hosting.address);
	send_request(&guest, request_for(REQUEST_ACQUIRE, condition));
	honest_must_go_on(&scene.hosting, &scene.honest);
	/* It has the lock, though it has not heard of that. */
	MUST_RAISE(RuntimeError,
		ask_as(&scene.honest, request_for(REQUEST_RELEASE, condition)));
	leave(&guest);
	MUST(ask_as(&scene.honest, request_for(REQUEST_ACQUIRE, condition)));
	MUST(ask_as(&scene.honest, request_for(REQUEST_RELEASE, condition)));
	clear_scene(&scene);
}

/* Has a guest take the lock and wait; when this returns, it waits. */
static struct guest
waiting_guest(struct scene *scene, uint64_t condition)
{
	struct guest guest = guest_at(scene->hosting.address);

	MUST(ask_as(&guest, request_for(REQUEST_ACQUIRE, condition)));
	send_request(&guest, request_for(REQUEST_WAIT, condition));
	MUST(ask_as(&scene->honest, request_for(REQUEST_ACQUIRE, condition)));
	MUST(ask_as(&scene->honest, request_for(REQUEST_RELEASE, condition)));
	return guest;
}

/* The end of a guest may come in one batch with what would wake it. */
IN_CHILD(wake_up_is_not_given_to_one_that_is_already_gone)
{
	struct guest first, second;
	struct scene scene;
	uint64_t condition, notified = 0;

	set_scene(&scene);
	condition = make_condition(&scene.hosting);
	first = waiting_guest(&scene, condition);
	second = waiting_guest(&scene, condition);
	MUST(ask_as(&scene.honest, request_for(REQUEST_ACQUIRE, condition)));
	MUST(ask_as(&scene.honest, request_for(REQUEST_NOTIFY, condition)));
	stop_server(&scene);
	leave(&first);
	send_request(&scene.honest, request_for(REQUEST_RELEASE, condition));
	let_server_go_on(&scene);
	MUST(reply_of(&scene.honest, NULL));
	MUST(reply_of(&second, &notified));
	assert_true(notified);
	leave(&second);
	clear_scene(&scene);
}

/* It was granted the lock, and told so, but did not live to read that. */
IN_CHILD(wake_up_that_was_never_heard_of_is_handed_on)
{
	struct guest first, second;
	struct scene scene;
	uint64_t condition, notified = 0;

	set_scene(&scene);
	condition = make_condition(&scene.hosting);
	first = waiting_guest(&scene, condition);
	second = waiting_guest(&scene, condition);
	MUST(ask_as(&scene.honest, request_for(REQUEST_ACQUIRE, condition)));
	MUST(ask_as(&scene.honest, request_for(REQUEST_NOTIFY, condition)));
	MUST(ask_as(&scene.honest, request_for(REQUEST_RELEASE, condition)));
	assert_true(becomes_readable(first.socket));
	leave(&first);
	MUST(reply_of(&second, &notified));
	assert_true(notified);
	leave(&second);
	clear_scene(&scene);
}

IN_CHILD(wake_up_that_was_heard_of_is_not_handed_on)
{
	struct guest first, second;
	struct scene scene;
	uint64_t condition;

	set_scene(&scene);
	condition = make_condition(&scene.hosting);
	first = waiting_guest(&scene, condition);
	second = waiting_guest(&scene, condition);
	MUST(ask_as(&scene.honest, request_for(REQUEST_ACQUIRE, condition)));
	MUST(ask_as(&scene.honest, request_for(REQUEST_NOTIFY, condition)));
	MUST(ask_as(&scene.honest, request_for(REQUEST_RELEASE, condition)));
	MUST(reply_of(&first, NULL));
	MUST(ask_as(&first, request_for(REQUEST_OWNER_DIED, condition)));
	leave(&first);
	pass_two_rounds(&scene.honest);
	assert_false(readable_within(second.socket, 0));
	leave(&second);
	clear_scene(&scene);
}

/* The owner is alive, and within what the lock guards, when the server ends. */
IN_CHILD(end_of_the_server_grants_the_lock_to_nobody)
{
	struct guest waiter;
	struct scene scene;
	uint64_t condition;

	set_scene(&scene);
	condition = make_condition(&scene.hosting);
	waiter = waiting_guest(&scene, condition);
	MUST(ask_as(&scene.honest, request_for(REQUEST_ACQUIRE, condition)));
	MUST(ask_as(&scene.honest, request_for(REQUEST_NOTIFY, condition)));
	link_forget(scene.hosting.address);
	hosting_end(&scene.hosting);
	MUST_RAISE(ConnectionError, reply_of(&waiter, NULL));
	leave(&waiter);
	leave(&scene.honest);
}

/* More than the server bears at a time. */
#define CROWD 300

struct crowd {
	const char *address;
	struct post begun;
};

static void
be_in_a_crowd(void *context)
{
	const struct crowd *crowd = context;
	struct guest guest;

	post_send(&crowd->begun, '!');
	guest = guest_at(crowd->address);
	MUST(ask_as(&guest, request_for(REQUEST_MAKE, 0)));
	leave(&guest);
}

/*
 * All of them knock before the server comes to look, and then some have to wait
 * outside until others have got through; but nobody has to give way.
 */
IN_CHILD(crowd_that_comes_all_at_once_is_served)
{
	static pid_t children[CROWD];
	struct scene scene;
	struct crowd crowd;

	set_scene(&scene);
	crowd = (struct crowd){scene.hosting.address, post_open()};
	stop_server(&scene);
	for (int i = 0; i < CROWD; i++) {
		children[i] = child_start(be_in_a_crowd, &crowd);
		post_await(&crowd.begun);
		post_await_sleep(children[i]);
	}
	let_server_go_on(&scene);
	for (int i = 0; i < CROWD; i++)
		assert_int_equal(child_wait(children[i]), 0);
	post_close(&crowd.begun);
	clear_scene(&scene);
}

/*
 * These wait from the first test to the last, for the server's patience ends
 * only after some seconds.
 */
static struct patience {
	struct scene scene;
	struct guest silent, halfway;
} patience;

static int
start_to_be_silent(void **state)
{
	uint64_t length = 64;

	adopt_orphans(state);
	set_scene(&patience.scene);
	patience.silent = stranger_at(patience.scene.hosting.address);
	patience.halfway = stranger_at(patience.scene.hosting.address);
	send_frame(&patience.halfway, length, &length, sizeof(length));
	return 0;
}

static void
stranger_who_does_not_answer_in_time_is_cut_off(void **state)
{
	(void)state;
	must_be_cut_off(patience.silent.socket);
	must_be_cut_off(patience.halfway.socket);
	leave(&patience.silent);
	leave(&patience.halfway);
	/* The guest has been silent even longer. */
	clear_scene(&patience.scene);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(server_ends_with_its_lifeline),
		cmocka_unit_test(server_serves),
		cmocka_unit_test(
			stranger_with_a_wrong_answer_is_told_so_and_cut_off),
		cmocka_unit_test(stranger_who_sends_garbage_is_cut_off),
		cmocka_unit_test(
			stranger_who_asks_before_the_handshake_is_cut_off),
		cmocka_unit_test(stranger_who_leaves_in_the_midst_is_forgotten),
		cmocka_unit_test(overlong_frame_costs_a_guest_its_connection),
		cmocka_unit_test(
			request_cut_short_costs_a_guest_its_connection),
		cmocka_unit_test(
			request_of_unknown_kind_costs_a_guest_its_connection),
		cmocka_unit_test(frame_cut_short_by_a_guests_end_is_forgotten),
		cmocka_unit_test(frame_that_comes_byte_by_byte_is_understood),
		cmocka_unit_test(
			request_before_the_reply_costs_a_guest_its_connection),
		cmocka_unit_test(
			two_requests_at_once_cost_a_guest_its_connection),
		cmocka_unit_test(error_is_no_reason_to_cut_a_guest_off),
		cmocka_unit_test(another_user_is_turned_away),
		cmocka_unit_test(of_too_many_strangers_the_oldest_have_to_go),
		cmocka_unit_test(
			server_without_descriptors_turns_away_but_keeps_its_guests),
		cmocka_unit_test(guest_who_does_not_read_is_stopped),
		cmocka_unit_test(
			guest_who_does_not_read_its_reply_hinders_nobody),
		cmocka_unit_test(
			wake_up_is_not_given_to_one_that_is_already_gone),
		cmocka_unit_test(wake_up_that_was_never_heard_of_is_handed_on),
		cmocka_unit_test(wake_up_that_was_heard_of_is_not_handed_on),
		cmocka_unit_test(end_of_the_server_grants_the_lock_to_nobody),
		cmocka_unit_test(crowd_that_comes_all_at_once_is_served),
		cmocka_unit_test(
			stranger_who_does_not_answer_in_time_is_cut_off),
	};

	return cmocka_run_group_tests_name(
		       "server", tests, start_to_be_silent, kill_orphans) != 0;
}
