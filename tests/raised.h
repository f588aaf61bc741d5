/* raised.h - what a test expects of a fallible call. */
#ifndef FORKLORE_RAISED_H
#define FORKLORE_RAISED_H

#include "error.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* CMocka wants these four before it. */
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

/* Fails the test, with the error's traceback, if a call raised. */
#define expect_ok(call) expect_ok_at((call), #call, __FILE__, __LINE__)

/* Fails the test unless a call raised that kind of error with that message. */
#define expect_error(call, kind, message) \
	expect_error_at((call), kind, message, #call, __FILE__, __LINE__)

static inline void
expect_ok_at(struct error *error, const char *call, const char *file, int line)
{
	char *traceback;

	if (!error)
		return;
	traceback = error_traceback(error);
	print_error("%s raised:\n%s", call, traceback);
	free(traceback);
	error_free(error);
	_fail(file, line);
}

static inline void
expect_error_at(struct error *error, enum error_kind kind, const char *message,
	const char *call, const char *file, int line)
{
	const char *raised = error ? error_kind_name(error->kind) : "nothing";
	const char *said = error ? error->message : "";

	if (!error || error->kind != kind || strcmp(said, message) != 0) {
		print_error("%s raised %s '%s', not %s '%s'\n", call, raised,
			said, error_kind_name(kind), message);
		error_free(error);
		_fail(file, line);
	}
	error_free(error);
}

#endif
