#include "panic.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void
panic_at(const char *file, int line, const char *format, ...)
{
	char message[512];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(message, sizeof(message), format, arguments);
	va_end(arguments);
	fprintf(stderr, "panic: %s:%d: %s\n", file, line, message);
	abort();
}

void *
must_have(void *pointer)
{
	if (!pointer)
		panic("out of memory");
	return pointer;
}
