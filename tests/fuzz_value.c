/* fuzz_value.c - values and errors, made of any bytes. */
#include "fuzz.h"

#include "encoding.h"
#include "error.h"
#include "value.h"

#include <stdlib.h>

/* An object that is a number: an odd one cannot be decoded. */
struct token {
	size_t holders;
	uint8_t number;
};

static void
hold_token(void *object)
{
	((struct token *)object)->holders++;
}

static void
drop_token(void *object)
{
	if (--((struct token *)object)->holders == 0)
		free(object);
}

static struct error *
encode_token(const void *object, struct buffer *buffer)
{
	buffer_put_byte(buffer, ((const struct token *)object)->number);
	return NULL;
}

static struct error *
decode_token(struct reader *reader, void **object)
{
	struct token *token;
	uint8_t number;

	TRY(reader_take_byte(reader, &number));
	if (number % 2 == 1)
		return RAISE(RuntimeError, "there is no token %d", number);
	token = must_have(malloc(sizeof(*token)));
	*token = (struct token){1, number};
	*object = token;
	return NULL;
}

static const struct value_class token_class = {
	.interface = "Token",
	.name = "token",
	.hold = hold_token,
	.drop = drop_token,
	.encode = encode_token,
	.decode = decode_token,
};

__attribute__((constructor)) static void
register_token(void)
{
	encoding_register(&token_class);
}

/* A value, and its copy, are written down as just these bytes. */
static void
value_must_be(const struct value *value, struct reader bytes)
{
	struct value *copy = value_copy(value);
	struct buffer written = {0}, again = {0};

	MUST_HOLD(!encode_value(value, &written));
	MUST_HOLD(!encode_value(copy, &again));
	MUST_HOLD(fuzz_equal(&written, bytes));
	MUST_HOLD(fuzz_equal(&again, bytes));
	buffer_fini(&written);
	buffer_fini(&again);
	value_free(copy);
}

/* There is one way to write a value down, so it comes out as it went in. */
void
fuzz_value(struct reader input)
{
	struct reader rest = input;
	struct value *value;
	struct error *error = decode_value(&rest, &value);

	MUST_HOLD(rest.length <= input.length);
	if (!error) {
		input.length -= rest.length;
		value_must_be(value, input);
		value_free(value);
	}
	error_free(error);
}

static void
error_must_be(const struct error *error, struct reader bytes)
{
	struct error *copy = error_copy(error);
	struct buffer written = {0};

	encode_error(copy, &written);
	MUST_HOLD(fuzz_equal(&written, bytes));
	buffer_fini(&written);
	free(error_traceback(copy));
	error_free(copy);
}

void
fuzz_error(struct reader input)
{
	struct reader rest = input;
	struct error *decoded;
	struct error *error = decode_error(&rest, &decoded);

	MUST_HOLD(rest.length <= input.length);
	if (!error) {
		input.length -= rest.length;
		error_must_be(decoded, input);
		error_free(decoded);
	}
	error_free(error);
}
