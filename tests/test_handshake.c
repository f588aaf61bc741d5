/* test_handshake.c - only who knows the key gets through a handshake. */
#include "must.h"

#include "channel.h"
#include "handshake.h"
#include "post.h"

#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define NONCE_SIZE HANDSHAKE_NONCE_SIZE
#define PROOF_SIZE 32
#define ANSWER_SIZE (NONCE_SIZE + PROOF_SIZE)

/* The server's end is here, the client's is a child's. */
struct meeting {
	int sockets[2];
	struct channel server;
	unsigned char nonce[NONCE_SIZE];
	/* The client, and what it is to raise: ERROR_KIND_COUNT for nothing. */
	enum error_kind expected;
	pid_t client;
};

static void
be_the_client(void *context)
{
	struct meeting *meeting = context;
	struct channel channel;

	close(meeting->sockets[0]);
	channel_init(&channel, meeting->sockets[1], meeting->sockets[1],
		HANDSHAKE_LIMIT);
	if (meeting->expected == ERROR_KIND_COUNT)
		MUST(handshake_as_client(&channel));
	else
		MUST_RAISE(meeting->expected, handshake_as_client(&channel));
	channel_fini(&channel);
}

/* Starts a client that is to raise an error of that kind, or none. */
static void
meet(struct meeting *meeting, enum error_kind expected)
{
	meeting->expected = expected;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0,
				 meeting->sockets),
		0);
	channel_init(&meeting->server, meeting->sockets[0], meeting->sockets[0],
		HANDSHAKE_LIMIT);
	meeting->client = child_start(be_the_client, meeting);
	close(meeting->sockets[1]);
}

static void
part(struct meeting *meeting)
{
	assert_int_equal(child_wait(meeting->client), 0);
	channel_fini(&meeting->server);
	close(meeting->sockets[0]);
}

static void
challenge(struct meeting *meeting)
{
	MUST(handshake_challenge(&meeting->server, meeting->nonce));
	MUST(channel_flush(&meeting->server));
}

/* Challenges, and waits for the client's answer; borrowed from the channel. */
static struct reader
challenge_and_hear(struct meeting *meeting)
{
	struct reader answer;

	challenge(meeting);
	assert_true(becomes_readable(meeting->sockets[0]));
	MUST(channel_receive(&meeting->server, &answer));
	return answer;
}

/* Sends a message of a server that is not what it should be. */
static void
send_message(struct meeting *meeting, const void *bytes, size_t size)
{
	meeting->server.limit = SIZE_MAX;
	buffer_put_bytes(channel_begin(&meeting->server), bytes, size);
	MUST(channel_end(&meeting->server));
	MUST(channel_flush(&meeting->server));
}

/* What a server replies to an answer to this nonce, borrowed from a channel. */
static struct reader
reply_to(struct channel *channel, const unsigned char nonce[NONCE_SIZE],
	const unsigned char *answer, bool *welcome)
{
	struct reader reader = {answer, ANSWER_SIZE};

	channel_init(channel, -1, -1, HANDSHAKE_LIMIT);
	MUST(handshake_reply(channel, nonce, &reader, welcome));
	/* After the head of the frame. */
	return (struct reader){channel->outgoing.bytes + sizeof(uint64_t),
		channel->outgoing.length - sizeof(uint64_t)};
}

static bool
is_welcome(const unsigned char nonce[NONCE_SIZE], const unsigned char *answer)
{
	struct channel channel;
	struct reader reply;
	bool welcome;

	reply = reply_to(&channel, nonce, answer, &welcome);
	/* Who is turned away gets no proof. */
	assert_int_equal(reply.length, welcome ? 1 + PROOF_SIZE : 1);
	assert_int_equal(reply.bytes[0], welcome);
	channel_fini(&channel);
	return welcome;
}

/* The challenge and the right answer to it, of a client that is then left. */
struct answered {
	unsigned char nonce[NONCE_SIZE];
	unsigned char answer[ANSWER_SIZE];
};

static struct answered
hear_an_answer(void)
{
	struct answered answered;
	struct meeting meeting;
	struct reader answer;

	meet(&meeting, ConnectionError);
	answer = challenge_and_hear(&meeting);
	assert_int_equal(answer.length, ANSWER_SIZE);
	memcpy(answered.answer, answer.bytes, ANSWER_SIZE);
	memcpy(answered.nonce, meeting.nonce, NONCE_SIZE);
	shutdown(meeting.sockets[0], SHUT_RDWR);
	part(&meeting);
	return answered;
}

IN_CHILD(who_knows_the_key_is_welcome)
{
	struct meeting meeting;
	struct reader answer;
	bool welcome = false;

	meet(&meeting, ERROR_KIND_COUNT);
	answer = challenge_and_hear(&meeting);
	MUST(handshake_reply(
		&meeting.server, meeting.nonce, &answer, &welcome));
	assert_true(welcome);
	MUST(channel_flush(&meeting.server));
	part(&meeting);
}

IN_CHILD(challenges_and_answers_are_new_each_time)
{
	struct answered first = hear_an_answer(), second = hear_an_answer();

	assert_memory_not_equal(first.nonce, second.nonce, NONCE_SIZE);
	assert_memory_not_equal(first.answer, second.answer, NONCE_SIZE);
}

IN_CHILD(answer_with_one_bit_wrong_is_turned_away)
{
	struct answered answered = hear_an_answer();

	assert_true(is_welcome(answered.nonce, answered.answer));
	for (size_t bit = 0; bit < 8 * ANSWER_SIZE; bit++) {
		answered.answer[bit / 8] ^= (unsigned char)(1 << bit % 8);
		assert_false(is_welcome(answered.nonce, answered.answer));
		answered.answer[bit / 8] ^= (unsigned char)(1 << bit % 8);
	}
	for (size_t bit = 0; bit < 8 * NONCE_SIZE; bit++) {
		answered.nonce[bit / 8] ^= (unsigned char)(1 << bit % 8);
		assert_false(is_welcome(answered.nonce, answered.answer));
		answered.nonce[bit / 8] ^= (unsigned char)(1 << bit % 8);
	}
}

IN_CHILD(answer_of_wrong_length_is_refused)
{
	struct answered answered = hear_an_answer();

	for (size_t length = 0; length <= HANDSHAKE_LIMIT; length++) {
		unsigned char *bytes = calloc(1, length + 1);
		struct reader answer = {bytes, length};
		struct channel channel;
		bool welcome = false;

		if (length == ANSWER_SIZE) {
			free(bytes);
			continue;
		}
		memcpy(bytes, answered.answer,
			length < ANSWER_SIZE ? length : ANSWER_SIZE);
		channel_init(&channel, -1, -1, HANDSHAKE_LIMIT);
		MUST_RAISE(ValueError, handshake_reply(&channel, answered.nonce,
					       &answer, &welcome));
		assert_false(welcome);
		assert_false(channel_has_outgoing(&channel));
		channel_fini(&channel);
		free(bytes);
	}
}

IN_CHILD(replayed_answer_is_turned_away)
{
	struct answered first = hear_an_answer(), second = hear_an_answer();

	assert_false(is_welcome(second.nonce, first.answer));
	assert_false(is_welcome(first.nonce, second.answer));
}

IN_CHILD(servers_own_proof_is_no_answer)
{
	struct answered answered = hear_an_answer();
	struct channel channel;
	struct reader reply;
	bool welcome;

	reply = reply_to(&channel, answered.nonce, answered.answer, &welcome);
	assert_int_equal(reply.length, 1 + PROOF_SIZE);
	memcpy(answered.answer + NONCE_SIZE, reply.bytes + 1, PROOF_SIZE);
	assert_false(is_welcome(answered.nonce, answered.answer));
	channel_fini(&channel);
}

IN_CHILD(challenge_sent_back_is_no_answer)
{
	struct answered answered = hear_an_answer();

	memcpy(answered.answer, answered.nonce, NONCE_SIZE);
	assert_false(is_welcome(answered.nonce, answered.answer));
	memcpy(answered.answer + NONCE_SIZE, answered.nonce, NONCE_SIZE);
	assert_false(is_welcome(answered.nonce, answered.answer));
}

IN_CHILD(client_that_is_turned_away_raises_AuthenticationError)
{
	struct meeting meeting;

	meet(&meeting, AuthenticationError);
	challenge_and_hear(&meeting);
	send_message(&meeting, "", 1);
	part(&meeting);
}

IN_CHILD(client_does_not_trust_a_server_with_one_bit_wrong)
{
	static const size_t bits[] = {0, 7, 100, 255};

	for (size_t i = 0; i < 4; i++) {
		unsigned char forged[1 + PROOF_SIZE];
		struct meeting meeting;
		struct channel channel;
		struct reader answer, reply;
		bool welcome;

		meet(&meeting, AuthenticationError);
		answer = challenge_and_hear(&meeting);
		reply = reply_to(
			&channel, meeting.nonce, answer.bytes, &welcome);
		assert_int_equal(reply.length, sizeof(forged));
		memcpy(forged, reply.bytes, sizeof(forged));
		forged[1 + bits[i] / 8] ^= (unsigned char)(1 << bits[i] % 8);
		send_message(&meeting, forged, sizeof(forged));
		channel_fini(&channel);
		part(&meeting);
	}
}

IN_CHILD(client_does_not_trust_its_own_proof)
{
	unsigned char reflected[1 + PROOF_SIZE] = {1};
	struct meeting meeting;
	struct reader answer;

	meet(&meeting, AuthenticationError);
	answer = challenge_and_hear(&meeting);
	memcpy(reflected + 1, answer.bytes + NONCE_SIZE, PROOF_SIZE);
	send_message(&meeting, reflected, sizeof(reflected));
	part(&meeting);
}

IN_CHILD(client_does_not_trust_the_reply_to_another)
{
	struct answered other = hear_an_answer();
	unsigned char replayed[1 + PROOF_SIZE];
	struct meeting meeting;
	struct channel channel;
	struct reader reply;
	bool welcome;

	meet(&meeting, AuthenticationError);
	send_message(&meeting, other.nonce, NONCE_SIZE);
	reply = reply_to(&channel, other.nonce, other.answer, &welcome);
	assert_true(welcome);
	memcpy(replayed, reply.bytes, sizeof(replayed));
	send_message(&meeting, replayed, sizeof(replayed));
	channel_fini(&channel);
	part(&meeting);
}

/* Whoever welcomes without a proof cannot prove that it knows the key. */
IN_CHILD(client_does_not_trust_a_proof_of_wrong_length)
{
	static const size_t lengths[] = {0, 1, PROOF_SIZE, PROOF_SIZE + 2};
	unsigned char reply[PROOF_SIZE + 2] = {1};

	for (size_t i = 0; i < 4; i++) {
		struct meeting meeting;

		meet(&meeting, AuthenticationError);
		challenge_and_hear(&meeting);
		send_message(&meeting, reply, lengths[i]);
		part(&meeting);
	}
}

IN_CHILD(client_does_not_answer_a_challenge_of_wrong_length)
{
	static const size_t lengths[] = {0, NONCE_SIZE - 1, NONCE_SIZE + 1};
	unsigned char nonce[NONCE_SIZE + 1] = {0};

	for (size_t i = 0; i < 3; i++) {
		struct meeting meeting;

		meet(&meeting, AuthenticationError);
		send_message(&meeting, nonce, lengths[i]);
		part(&meeting);
	}
}

IN_CHILD(overlong_challenge_raises_ConnectionError)
{
	static const unsigned char bytes[HANDSHAKE_LIMIT + 1];
	struct meeting meeting;

	meet(&meeting, ConnectionError);
	send_message(&meeting, bytes, sizeof(bytes));
	part(&meeting);
}

IN_CHILD(server_that_hangs_up_raises_ConnectionError)
{
	struct meeting meeting;

	meet(&meeting, ConnectionError);
	shutdown(meeting.sockets[0], SHUT_RDWR);
	part(&meeting);
	meet(&meeting, ConnectionError);
	challenge_and_hear(&meeting);
	shutdown(meeting.sockets[0], SHUT_RDWR);
	part(&meeting);
}

/* Run anew, this program draws another key. */
static void
be_a_client_with_another_key(void *context)
{
	const struct meeting *meeting = context;

	dup2(meeting->sockets[1], STDIN_FILENO);
	child_start_over("client");
}

static int
run_client(void)
{
	struct channel channel;
	struct error *error;
	bool turned_away;

	channel_init(&channel, STDIN_FILENO, STDIN_FILENO, HANDSHAKE_LIMIT);
	error = handshake_as_client(&channel);
	turned_away = error && error->kind == AuthenticationError;
	error_free(error);
	channel_fini(&channel);
	return turned_away ? 0 : 1;
}

IN_CHILD(another_program_does_not_know_the_key)
{
	struct meeting meeting;
	struct reader answer;
	bool welcome = true;

	assert_int_equal(
		socketpair(AF_UNIX, SOCK_STREAM, 0, meeting.sockets), 0);
	channel_init(&meeting.server, meeting.sockets[0], meeting.sockets[0],
		HANDSHAKE_LIMIT);
	meeting.client = child_start(be_a_client_with_another_key, &meeting);
	close(meeting.sockets[1]);
	answer = challenge_and_hear(&meeting);
	MUST(handshake_reply(
		&meeting.server, meeting.nonce, &answer, &welcome));
	assert_false(welcome);
	MUST(channel_flush(&meeting.server));
	part(&meeting);
}

int
main(int argc, char *argv[])
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_knows_the_key_is_welcome),
		cmocka_unit_test(challenges_and_answers_are_new_each_time),
		cmocka_unit_test(answer_with_one_bit_wrong_is_turned_away),
		cmocka_unit_test(answer_of_wrong_length_is_refused),
		cmocka_unit_test(replayed_answer_is_turned_away),
		cmocka_unit_test(servers_own_proof_is_no_answer),
		cmocka_unit_test(challenge_sent_back_is_no_answer),
		cmocka_unit_test(
			client_that_is_turned_away_raises_AuthenticationError),
		cmocka_unit_test(
			client_does_not_trust_a_server_with_one_bit_wrong),
		cmocka_unit_test(client_does_not_trust_its_own_proof),
		cmocka_unit_test(client_does_not_trust_the_reply_to_another),
		cmocka_unit_test(client_does_not_trust_a_proof_of_wrong_length),
		cmocka_unit_test(
			client_does_not_answer_a_challenge_of_wrong_length),
		cmocka_unit_test(overlong_challenge_raises_ConnectionError),
		cmocka_unit_test(server_that_hangs_up_raises_ConnectionError),
		cmocka_unit_test(another_program_does_not_know_the_key),
	};

	if (argc > 1 && strcmp(argv[1], "client") == 0)
		return run_client();
	return cmocka_run_group_tests_name(
		       "handshake", tests, adopt_orphans, kill_orphans) != 0;
}
