#include "request.h"

#include "buffer.h"
#include "encoding.h"
#include "error.h"

enum {
	ANSWER_NUMBER,
	ANSWER_ERROR,
};

bool
request_has_reply(enum request_kind kind)
{
	return kind != REQUEST_DROP && kind != REQUEST_LET_GO;
}

const char *
request_name(enum request_kind kind)
{
	static const char *const names[REQUEST_KIND_COUNT] = {
		[REQUEST_MAKE] = "make",
		[REQUEST_HOLD] = "hold",
		[REQUEST_DROP] = "drop",
		[REQUEST_ACQUIRE] = "acquire",
		[REQUEST_RELEASE] = "release",
		[REQUEST_LET_GO] = "let go",
		[REQUEST_WAIT] = "wait",
		[REQUEST_NOTIFY] = "notify",
		[REQUEST_OWNER_DIED] = "owner died",
	};

	return names[kind];
}

void
request_put(const struct request *request, struct buffer *buffer)
{
	buffer_put_byte(buffer, (uint8_t)request->kind);
	buffer_put_number(buffer, request->condition);
	buffer_put_real(buffer, request->timeout);
	buffer_put_number(buffer, (uint64_t)request->amount);
}

struct error *
request_take(struct reader *reader, struct request *request)
{
	uint8_t kind;
	uint64_t amount;

	TRY(reader_take_byte(reader, &kind));
	if (kind >= REQUEST_KIND_COUNT)
		return RAISE(ValueError, "%d is not a kind of request", kind);
	TRY(reader_take_number(reader, &request->condition));
	TRY(reader_take_real(reader, &request->timeout));
	TRY(reader_take_number(reader, &amount));
	TRY(reader_end(reader));
	request->kind = kind;
	request->amount = (int64_t)amount;
	return NULL;
}

void
reply_put(uint64_t number, struct buffer *buffer)
{
	buffer_put_byte(buffer, ANSWER_NUMBER);
	buffer_put_number(buffer, number);
}

void
reply_put_error(const struct error *error, struct buffer *buffer)
{
	buffer_put_byte(buffer, ANSWER_ERROR);
	encode_error(error, buffer);
}

/* Takes an error that is all of a reply. */
static struct error *
take_error(struct reader *reader, struct error **error)
{
	SCOPED(error) taken = NULL;

	TRY(decode_error(reader, &taken));
	TRY(reader_end(reader));
	*error = taken;
	taken = NULL;
	return NULL;
}

struct error *
reply_take(struct reader *reader, uint64_t *number)
{
	struct error *error;
	uint8_t kind;

	TRY(reader_take_byte(reader, &kind));
	if (kind == ANSWER_ERROR) {
		TRY(take_error(reader, &error));
		return error;
	}
	if (kind != ANSWER_NUMBER)
		return RAISE(ValueError, "%d is not a kind of reply", kind);
	TRY(reader_take_number(reader, number));
	TRY(reader_end(reader));
	return NULL;
}
