/* panic.h - the end of a program that cannot go on. */
#ifndef FORKLORE_PANIC_H
#define FORKLORE_PANIC_H

/*
 * Writes "panic: FILE:LINE: message" to standard error and aborts. For misuse
 * that no caller could be told of, and for broken invariants; whatever can be
 * reported is an error object instead (error.h). May be called from anywhere.
 */
#define panic(...) panic_at(__FILE__, __LINE__, __VA_ARGS__)

_Noreturn void panic_at(const char *file, int line, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/*
 * Gives back the pointer that an allocation returned, and panics when that is
 * NULL. To be wrapped around malloc, strdup and their kin; the caller frees.
 */
void *must_have(void *pointer);

#endif
