/*
 * test_siege.c - while others besiege the manager's door, those who know the
 * key are served, and more of them get in.
 *
 * An attack is a child that goes on until it is killed. It says when it has
 * begun, and again each time it has done its worst once more; so the test knows
 * that the honest were served during the attack, and not before or after it.
 */
#include "guests.h"
#include "must.h"
#include "post.h"

#include <poll.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/resource.h>

/* Far more than the server bears at a time. */
#define MANY 1000

/* How often the honest are served during an attack. */
#define ROUNDS 20

/* The server, and where an attacker says that it has done its worst. */
struct attack {
	const char *address;
	struct post done;
};

/* A word is lost if many have not been read: nobody waits for a reader. */
static void
say_done(const struct attack *attack)
{
	if (write(attack->done.ends[1], "!", 1) < 0)
		assert_int_equal(errno, EAGAIN);
}

/* Waits until the attacker has done its worst once more. */
static void
await_attack(const struct attack *attack)
{
	char words[4096];

	while (read(attack->done.ends[0], words, sizeof(words)) > 0)
		;
	post_await(&attack->done);
}

static void
besiege(child_main *attacker)
{
	struct attack attack;
	struct scene scene;
	pid_t pid;

	set_scene(&scene);
	attack = (struct attack){scene.hosting.address, post_open()};
	for (int i = 0; i < 2; i++)
		MUST(sys_set_nonblocking(attack.done.ends[i]));
	pid = child_start(attacker, &attack);
	for (int i = 0; i < ROUNDS; i++) {
		await_attack(&attack);
		honest_must_go_on(&scene.hosting, &scene.honest);
	}
	await_attack(&attack);
	child_kill(pid);
	post_close(&attack.done);
	clear_scene(&scene);
}

/* IN_SIEGE(name, attacker): the honest are served in spite of an attacker. */
#define IN_SIEGE(name, attacker)   \
	IN_CHILD(name)             \
	{                          \
		besiege(attacker); \
	}

static void
answer_wrongly(void *context)
{
	const struct attack *attack = context;
	unsigned char answer[64] = {0};

	for (;; say_done(attack)) {
		struct guest stranger = stranger_at(attack->address);

		send_frame(&stranger, sizeof(answer), answer, sizeof(answer));
		must_be_cut_off(stranger.socket);
		leave(&stranger);
	}
}

IN_SIEGE(honest_are_served_while_others_try_wrong_keys, answer_wrongly)

static void
ask_without_a_key(void *context)
{
	const struct attack *attack = context;

	for (;; say_done(attack)) {
		struct guest stranger = stranger_at(attack->address);

		/* Who is cut off already cannot send. */
		request_put(&(struct request){.kind = REQUEST_MAKE},
			channel_begin(&stranger.channel));
		MUST(channel_end(&stranger.channel));
		error_free(channel_flush(&stranger.channel));
		must_be_cut_off(stranger.socket);
		leave(&stranger);
	}
}

IN_SIEGE(honest_are_served_while_others_ask_without_a_key, ask_without_a_key)

static void
send_garbage(void *context)
{
	const struct attack *attack = context;
	unsigned char bytes[4096];

	memset(bytes, 0xff, sizeof(bytes));
	for (;; say_done(attack)) {
		struct guest stranger = stranger_at(attack->address);

		send_bytes(stranger.socket, bytes, sizeof(bytes));
		leave(&stranger);
	}
}

IN_SIEGE(honest_are_served_while_others_send_garbage, send_garbage)

/* Keeps so many connections, each of which has sent this and no more. */
static void
keep_connections(const struct attack *attack, const void *bytes, size_t size)
{
	static struct guest strangers[MANY];

	for (int i = 0;; i = (i + 1) % MANY) {
		if (strangers[i].socket > 0)
			leave(&strangers[i]);
		strangers[i] = stranger_at(attack->address);
		if (size > 0)
			send_bytes(strangers[i].socket, bytes, size);
		say_done(attack);
	}
}

static void
keep_coming_in_silence(void *context)
{
	keep_connections(context, NULL, 0);
}

IN_SIEGE(honest_are_served_while_others_come_and_say_nothing,
	keep_coming_in_silence)

static void
begin_handshakes(void *context)
{
	struct {
		uint64_t length;
		char nonce[HANDSHAKE_NONCE_SIZE];
	} half = {.length = 64};

	keep_connections(context, &half, sizeof(half));
}

IN_SIEGE(honest_are_served_while_others_do_half_a_handshake, begin_handshakes)

static void
send_overlong_frames(void *context)
{
	const struct attack *attack = context;

	for (;; say_done(attack)) {
		struct guest guest = guest_at(attack->address);

		send_frame(&guest, REQUEST_LIMIT + 1, NULL, 0);
		must_be_cut_off(guest.socket);
		leave(&guest);
	}
}

IN_SIEGE(honest_are_served_while_others_send_overlong_frames,
	send_overlong_frames)

static void
leave_within_frames(void *context)
{
	const struct attack *attack = context;

	for (;; say_done(attack)) {
		struct guest guest = guest_at(attack->address);

		send_frame(&guest, 25, "half a request", 14);
		leave(&guest);
	}
}

IN_SIEGE(
	honest_are_served_while_others_leave_within_frames, leave_within_frames)

/* Whether more has come than so many bytes, before the end. */
static bool
more_comes(int socket, int *bytes)
{
	struct pollfd reader = {.fd = socket, .events = POLLRDHUP};
	int before = *bytes;

	while (ioctl(socket, FIONREAD, bytes) == 0 && *bytes == before)
		if (poll(&reader, 1, 0) != 0 || sched_yield() != 0)
			return false;
	return true;
}

/* Waits for each reply before it asks again, but reads none. */
static void
ask_and_never_read(void *context)
{
	const struct attack *attack = context;

	for (;; say_done(attack)) {
		struct guest guest = guest_at(attack->address);
		int bytes = 0;

		do
			send_request(&guest,
				request_for(REQUEST_OWNER_DIED, UINT64_MAX));
		while (more_comes(guest.socket, &bytes));
		leave(&guest);
	}
}

IN_SIEGE(honest_are_served_while_others_never_read, ask_and_never_read)

/* They were there before the honest one comes, and are there afterwards. */
IN_CHILD(come_a_thousand_times_in_silence)
{
	static struct guest strangers[MANY];
	const rlim_t enough = MANY + 100;
	struct scene scene;

	assert_int_equal(
		setrlimit(RLIMIT_NOFILE, &(struct rlimit){enough, enough}), 0);
	set_scene(&scene);
	for (int i = 0; i < MANY; i++)
		strangers[i] = stranger_at(scene.hosting.address);
	honest_must_go_on(&scene.hosting, &scene.honest);
	/* The last one was not cut off to that end. */
	MUST(handshake_as_client(&strangers[MANY - 1].channel));
	honest_must_go_on(&scene.hosting, &scene.honest);
	for (int i = 0; i < MANY; i++)
		leave(&strangers[i]);
	clear_scene(&scene);
}

static void
a_thousand_silent_connections_keep_nobody_out(void **state)
{
	skip_under_valgrind();
	come_a_thousand_times_in_silence(state);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(honest_are_served_while_others_try_wrong_keys),
		cmocka_unit_test(
			honest_are_served_while_others_ask_without_a_key),
		cmocka_unit_test(honest_are_served_while_others_send_garbage),
		cmocka_unit_test(
			honest_are_served_while_others_come_and_say_nothing),
		cmocka_unit_test(
			honest_are_served_while_others_do_half_a_handshake),
		cmocka_unit_test(
			honest_are_served_while_others_send_overlong_frames),
		cmocka_unit_test(
			honest_are_served_while_others_leave_within_frames),
		cmocka_unit_test(honest_are_served_while_others_never_read),
		cmocka_unit_test(a_thousand_silent_connections_keep_nobody_out),
	};

	return cmocka_run_group_tests_name(
		       "siege", tests, adopt_orphans, kill_orphans) != 0;
}
