/*
 * error.h - failures are objects: made where the fault is, passed up call by
 * call, and printed as a traceback.
 *
 * A function that can fail returns struct error *, and NULL when all went well.
 * Whoever gets an error owns it: it is passed up (TRY), kept, or freed.
 */
#ifndef FORKLORE_ERROR_H
#define FORKLORE_ERROR_H

#include "scoped.h"

#include <stddef.h>

/* Every kind of error, named as Python's users know them. */
#define ERROR_KINDS(KIND)         \
	KIND(AssertionError)      \
	KIND(AuthenticationError) \
	KIND(ConnectionError)     \
	KIND(IndexError)          \
	KIND(MaybeEncodingError)  \
	KIND(OSError)             \
	KIND(PoolTerminatedError) \
	KIND(RuntimeError)        \
	KIND(TimeoutError)        \
	KIND(TypeError)           \
	KIND(ValueError)          \
	KIND(WorkerLostError)

#define ERROR_KIND_CONSTANT(kind) kind,
enum error_kind { ERROR_KINDS(ERROR_KIND_CONSTANT) ERROR_KIND_COUNT };
#undef ERROR_KIND_CONSTANT

/* One step of an error's way up: which call, where, in which place. */
struct frame {
	const char *file;
	int line;
	const char *function;
	const char *call;
	const char *place;
};

/*
 * An error. Its frames stand innermost first: frame 0 is where it was made.
 * The strings, those of the frames included, are the error's own.
 */
struct error {
	enum error_kind kind;
	char *message;
	struct frame *frames;
	size_t frame_count;
};

/*
 * Makes an error of a kind, with a printf-like message and this line as its
 * first frame: return RAISE(ValueError, "%d is not positive", n);
 */
#define RAISE(kind, ...)                                              \
	error_trace(error_new(kind, __VA_ARGS__), __FILE__, __LINE__, \
		__func__, "RAISE(" #kind ", ...)")

/* The same for a failed system call: adds ": " and what errno says. */
#define RAISE_ERRNO(...)                                              \
	error_trace(error_new_errno(__VA_ARGS__), __FILE__, __LINE__, \
		__func__, "RAISE_ERRNO(...)")

/* The outcome of a fallible call, with this line as a frame if it failed. */
#define TRACED(call) error_trace((call), __FILE__, __LINE__, __func__, #call)

/*
 * Makes a fallible call, and returns its error, if any, to the caller. (It does
 * not use TRACED, so that the text of the call is as it stands.)
 */
#define TRY(call)                                                     \
	do {                                                          \
		struct error *error_of_call = error_trace(            \
			(call), __FILE__, __LINE__, __func__, #call); \
		if (error_of_call)                                    \
			return error_of_call;                         \
	} while (0)

/* Makes an error without frames; RAISE() is what calls it. */
struct error *error_new(enum error_kind kind, const char *format, ...)
	__attribute__((format(printf, 2, 3), returns_nonnull));

/* Makes an OSError whose message ends in what errno says. */
struct error *error_new_errno(const char *format, ...)
	__attribute__((format(printf, 1, 2), returns_nonnull));

/* Frees an error; NULL is fine. */
void error_free(struct error *error);
DEFINE_SCOPED(error)

/* Gives a copy, frames and all, which the caller frees. */
struct error *error_copy(const struct error *error);

/* Adds a frame, as the outermost so far; its strings are copied. */
void error_add_frame(struct error *error, const struct frame *frame);

/* Adds a frame of the calling thread's place, and gives the error back. */
static inline struct error *error_trace(struct error *error, const char *file,
	int line, const char *function, const char *call);

/* The name of a kind: "RuntimeError". */
const char *error_kind_name(enum error_kind kind);

/*
 * Writes the error as Python prints an uncaught exception: a header, the frames
 * with the oldest call first, then "RuntimeError: message". A frame from
 * another place than the caller's says which: "[worker 2]". The caller frees
 * the text.
 */
char *error_traceback(const struct error *error);

/*
 * Names the place where the calling thread runs, for the frames it adds from
 * now on: "main" until told otherwise, then "handler", "zygote", "worker 2" and
 * so on. At most 31 bytes are kept. A forked child starts with its parent's
 * name.
 */
void
error_set_place(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The name of the calling thread's place; the thread's own, until it ends. */
const char *error_place(void);

static inline struct error *
error_trace(struct error *error, const char *file, int line,
	const char *function, const char *call)
{
	if (error)
		error_add_frame(error, &(struct frame){file, line, function,
					       call, error_place()});
	return error;
}

#endif
