/*
 * test_admission.c - who is let in at the manager's door when there are too
 * many who have not proved that they know the key; and who is let go.
 *
 * The server's own source is included, so that its rounds can be run one by
 * one, and no test has to wait for time to pass.
 */
#include "server.c"

#include "guests.h"
#include "must.h"

#include <pthread.h>

/* A server in this process, with as many strangers as it bears. */
static struct {
	int creator;
	char *address;
	struct guest strangers[STRANGERS_LIMIT];
} crowd;

/* Has the server let in one who then need not give way to anybody. */
static struct guest
let_in(void)
{
	struct guest stranger = stranger_at(crowd.address);
	size_t before = self.stranger_count;

	while (self.stranger_count == before)
		MUST(serve_once());
	TAILQ_LAST(&self.clients, client_list)->undisturbed_until = FOREVER;
	return stranger;
}

static void
open_and_fill(void)
{
	int lifeline[2];

	assert_int_equal(
		socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, lifeline),
		0);
	self.lifeline = lifeline[0];
	crowd.creator = lifeline[1];
	MUST(open_up(&crowd.address));
	for (int i = 0; i < STRANGERS_LIMIT; i++) {
		assert_false(self.shut);
		crowd.strangers[i] = let_in();
	}
	MUST(mind_door());
}

static void
close_and_free(void)
{
	while (!TAILQ_EMPTY(&self.clients))
		let_go(TAILQ_FIRST(&self.clients));
	for (int i = 0; i < STRANGERS_LIMIT; i++)
		leave(&crowd.strangers[i]);
	free(crowd.address);
	close(self.lifeline);
	close(crowd.creator);
	sys_close(self.listener);
	sys_close(self.handle);
	sys_close(self.spare);
	events_fini(&self.events);
}

/* The server has nothing to do, though somebody knocks. */
static void
must_wait_outside(struct guest *stranger)
{
	struct pollfd events = {.fd = self.events.epoll, .events = POLLIN};

	assert_true(self.shut);
	assert_int_equal(poll(&events, 1, 0), 0);
	assert_false(readable_within(stranger->socket, 0));
	assert_int_equal(self.stranger_count, STRANGERS_LIMIT);
}

/* The server opens, and lets in who waited outside. */
static void
must_get_in(struct guest *stranger)
{
	while (!readable_within(stranger->socket, 0))
		MUST(serve_once());
}

IN_CHILD(nobody_is_let_in_while_no_stranger_need_give_way)
{
	struct guest newcomer;

	open_and_fill();
	newcomer = stranger_at(crowd.address);
	must_wait_outside(&newcomer);
	leave(&newcomer);
	close_and_free();
}

IN_CHILD(oldest_stranger_gives_way_when_it_has_had_its_time)
{
	struct client *oldest;
	struct guest newcomer;

	open_and_fill();
	newcomer = stranger_at(crowd.address);
	oldest = TAILQ_FIRST(&self.clients);
	oldest->undisturbed_until = sys_now() - 1;
	must_get_in(&newcomer);
	must_be_cut_off(crowd.strangers[0].socket);
	assert_int_equal(self.stranger_count, STRANGERS_LIMIT);
	leave(&newcomer);
	close_and_free();
}

/* It would be a long wait otherwise, though the newcomer could come in. */
IN_CHILD(server_looks_again_when_the_oldest_has_had_its_time)
{
	struct client *oldest;

	open_and_fill();
	oldest = TAILQ_FIRST(&self.clients);
	oldest->undisturbed_until = sys_now();
	assert_true(next_deadline() == oldest->undisturbed_until);
	close_and_free();
}

IN_CHILD(stranger_that_leaves_makes_room)
{
	struct guest newcomer;

	open_and_fill();
	newcomer = stranger_at(crowd.address);
	leave(&crowd.strangers[5]);
	must_get_in(&newcomer);
	crowd.strangers[5] = newcomer;
	close_and_free();
}

static void *
shake_hands(void *context)
{
	struct guest *guest = context;

	return handshake_as_client(&guest->channel);
}

IN_CHILD(stranger_that_proves_itself_makes_room)
{
	struct guest newcomer;
	pthread_t thread;
	void *error;

	open_and_fill();
	newcomer = stranger_at(crowd.address);
	assert_int_equal(
		pthread_create(&thread, NULL, shake_hands, &crowd.strangers[5]),
		0);
	must_get_in(&newcomer);
	pthread_join(thread, &error);
	MUST(error);
	leave(&newcomer);
	close_and_free();
}

/* Makes a guest of a stranger, though it has proved nothing. */
static void
trust(struct client *client)
{
	strike_stranger(client);
	client->stranger = false;
}

static void
serve_request(struct client *client, enum request_kind kind, uint64_t condition)
{
	host_serve(client,
		&(struct request){.kind = kind, .condition = condition});
}

/* The one that has no room for its reply came first, so it was looked at. */
IN_CHILD(lock_of_one_that_goes_passes_by_one_that_does_not_read)
{
	struct client *deaf, *owner, *next;
	const struct hosted *hosted;

	open_and_fill();
	trust(deaf = TAILQ_FIRST(&self.clients));
	trust(owner = TAILQ_NEXT(deaf, link));
	trust(next = TAILQ_NEXT(owner, link));
	serve_request(owner, REQUEST_MAKE, 0);
	hosted = owner->holds[0];
	serve_request(owner, REQUEST_ACQUIRE, hosted->number);
	serve_request(deaf, REQUEST_ACQUIRE, hosted->number);
	serve_request(next, REQUEST_ACQUIRE, hosted->number);
	while (send(deaf->socket, "", 1, MSG_NOSIGNAL) == 1)
		;
	client_doom(owner);
	let_go_of_doomed();
	assert_ptr_equal(hosted->owner, &next->visitor);
	close_and_free();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			nobody_is_let_in_while_no_stranger_need_give_way),
		cmocka_unit_test(
			oldest_stranger_gives_way_when_it_has_had_its_time),
		cmocka_unit_test(
			server_looks_again_when_the_oldest_has_had_its_time),
		cmocka_unit_test(stranger_that_leaves_makes_room),
		cmocka_unit_test(stranger_that_proves_itself_makes_room),
		cmocka_unit_test(
			lock_of_one_that_goes_passes_by_one_that_does_not_read),
	};

	return cmocka_run_group_tests_name(
		       "admission", tests, adopt_orphans, kill_orphans) != 0;
}
