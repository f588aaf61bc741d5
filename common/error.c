#include "error.h"

#include "panic.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PLACE_SIZE 32

static _Thread_local char place[PLACE_SIZE] = "main";

static char *
copy_text(const char *text)
{
	return must_have(strdup(text));
}

static struct error *
error_from(enum error_kind kind, char *message)
{
	struct error *error = must_have(calloc(1, sizeof(*error)));

	error->kind = kind;
	error->message = message;
	return error;
}

static char *
format_text(const char *format, va_list arguments)
{
	char *text;

	if (vasprintf(&text, format, arguments) < 0)
		panic("out of memory");
	return text;
}

struct error *
error_new(enum error_kind kind, const char *format, ...)
{
	va_list arguments;
	char *message;

	va_start(arguments, format);
	message = format_text(format, arguments);
	va_end(arguments);
	return error_from(kind, message);
}

struct error *
error_new_errno(const char *format, ...)
{
	const char *reason = strerror(errno);
	va_list arguments;
	char *what;
	struct error *error;

	va_start(arguments, format);
	what = format_text(format, arguments);
	va_end(arguments);
	error = error_new(OSError, "%s: %s", what, reason);
	free(what);
	return error;
}

void
error_free(struct error *error)
{
	if (!error)
		return;
	for (size_t i = 0; i < error->frame_count; i++) {
		free((char *)error->frames[i].file);
		free((char *)error->frames[i].function);
		free((char *)error->frames[i].call);
		free((char *)error->frames[i].place);
	}
	free(error->frames);
	free(error->message);
	free(error);
}

struct error *
error_copy(const struct error *error)
{
	struct error *copy = error_from(error->kind, copy_text(error->message));

	for (size_t i = 0; i < error->frame_count; i++)
		error_add_frame(copy, &error->frames[i]);
	return copy;
}

void
error_add_frame(struct error *error, const struct frame *frame)
{
	error->frames = must_have(reallocarray(
		error->frames, error->frame_count + 1, sizeof(*error->frames)));
	error->frames[error->frame_count++] = (struct frame){
		.file = copy_text(frame->file),
		.line = frame->line,
		.function = copy_text(frame->function),
		.call = copy_text(frame->call),
		.place = copy_text(frame->place),
	};
}

const char *
error_kind_name(enum error_kind kind)
{
#define ERROR_KIND_NAME(kind) #kind,
	static const char *const names[] = {ERROR_KINDS(ERROR_KIND_NAME)};
#undef ERROR_KIND_NAME

	if (kind >= ERROR_KIND_COUNT)
		panic("%d is not a kind of error", (int)kind);
	return names[kind];
}

static void
print_frame(FILE *stream, const struct frame *frame)
{
	fprintf(stream, "  File \"%s\", line %d, in %s", frame->file,
		frame->line, frame->function);
	if (strcmp(frame->place, place) != 0)
		fprintf(stream, " [%s]", frame->place);
	fprintf(stream, "\n    %s\n", frame->call);
}

char *
error_traceback(const struct error *error)
{
	char *text;
	size_t size;
	FILE *stream = must_have(open_memstream(&text, &size));

	fputs("Traceback (most recent call last):\n", stream);
	for (size_t i = error->frame_count; i > 0; i--)
		print_frame(stream, &error->frames[i - 1]);
	fprintf(stream, "%s: %s\n", error_kind_name(error->kind),
		error->message);
	if (fclose(stream) != 0)
		panic("out of memory");
	return text;
}

void
error_set_place(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(place, sizeof(place), format, arguments);
	va_end(arguments);
}

const char *
error_place(void)
{
	return place;
}
