#include "trace.h"

#include "error.h"
#include "panic.h"
#include "sys.h"
#include "value.h"

#include <errno.h>
#include <execinfo.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

struct log *trace_log;

/* Whether the thread that prints has it; robust, as it may be killed. */
static pthread_mutex_t *printing;

/* The calling thread's latest entry, and what its first is caused by. */
static _Thread_local uint64_t latest;
static _Thread_local uint64_t came_from;

/*
 * Kinds that a program's own calls bring about, so that the line of the call is
 * worth looking for. What ends one of them is about the same line.
 */
static const bool has_caller[TRACE_KIND_COUNT] = {
	[TRACE_FORK] = true,
	[TRACE_THREAD] = true,
	[TRACE_SUBMIT] = true,
	[TRACE_AWAIT] = true,
	[TRACE_ERROR_SEEN] = true,
	[TRACE_ACQUIRE] = true,
	[TRACE_WAIT] = true,
	[TRACE_NOTIFY] = true,
	[TRACE_RELEASE] = true,
	[TRACE_REQUEST] = true,
	[TRACE_PRINT] = true,
	[TRACE_SLEEP] = true,
};

static void
after_fork_in_child(void)
{
	came_from = latest;
	latest = 0;
}

struct error *
trace_open(void)
{
	void *memory, *mutex, *first;

	if (trace_log)
		return NULL;
	TRY(sys_map_shared(sizeof(struct log), &memory));
	TRY(sys_map_shared(sizeof(*printing), &mutex));
	printing = mutex;
	sys_init_robust_mutex(printing);
	if (pthread_atfork(NULL, NULL, after_fork_in_child) != 0)
		panic("out of memory");
	/* The first call loads a library, and allocates for it. */
	backtrace(&first, 1);
	trace_log = memory;
	return NULL;
}

/* What is cut off ends with a whole character of UTF-8. */
static void
copy_text(char *copy, size_t size, const char *text)
{
	size_t length = strnlen(text, size - 1);

	while (length > 0 && (text[length] & 0xC0) == 0x80)
		length--;
	memcpy(copy, text, length);
	copy[length] = '\0';
}

static void
tell_error(struct entry *entry, const struct error *error)
{
	size_t length = (size_t)snprintf(entry->text, sizeof(entry->text),
		"%s: ", error_kind_name(error->kind));

	copy_text(entry->text + length, sizeof(entry->text) - length,
		error->message);
	if (error->frame_count > 0) {
		snprintf(entry->born_in, sizeof(entry->born_in), "%s",
			error->frames[0].file);
		entry->born_at = error->frames[0].line;
	}
}

uint64_t
trace_record(const struct happening *happening, const struct error *error)
{
	uint64_t place = atomic_fetch_add_explicit(
		&trace_log->claimed, 1, memory_order_relaxed);
	struct entry *entry;
	int saved = errno;

	if (place >= TRACE_ROOM)
		return 0;
	entry = &trace_log->entries[place];
	entry->time = sys_now();
	entry->process = sys_process();
	entry->thread = sys_thread();
	copy_text(entry->place, sizeof(entry->place), error_place());
	entry->told = *happening;
	if (error)
		tell_error(entry, error);
	else if (happening->text)
		copy_text(entry->text, sizeof(entry->text), happening->text);
	entry->told.text = NULL;
	if (has_caller[happening->kind])
		entry->caller_count = backtrace(entry->callers, TRACE_CALLERS);
	atomic_store_explicit(
		&entry->kind, happening->kind, memory_order_release);
	latest = place + 1;
	errno = saved;
	return latest;
}

struct brief
trace_brief(const struct value *value)
{
	struct brief brief;
	long long integer;
	double real;

	if (value_kind(value) == VALUE_INTEGER) {
		error_free(value_get_integer(value, &integer));
		snprintf(brief.text, sizeof(brief.text), "%lld", integer);
	} else if (value_kind(value) == VALUE_REAL) {
		error_free(value_get_real(value, &real));
		snprintf(brief.text, sizeof(brief.text), "%.17g", real);
	} else {
		snprintf(brief.text, sizeof(brief.text), "%s",
			value_kind_name(value));
	}
	return brief;
}

uint64_t
trace_latest(void)
{
	return latest;
}

void
trace_come_from(uint64_t cause)
{
	came_from = cause;
}

void
trace_start(void)
{
	trace(.kind = TRACE_START, .cause = came_from);
}

static struct entry *
find(uint64_t number)
{
	struct entry *entry;

	if (!trace_log || number == 0 || number > TRACE_ROOM)
		return NULL;
	entry = &trace_log->entries[number - 1];
	return atomic_load_explicit(&entry->kind, memory_order_acquire) ? entry
									: NULL;
}

const struct entry *
trace_entry(uint64_t number)
{
	return find(number);
}

void
trace_woken(uint64_t number, uint64_t woken)
{
	struct entry *entry = find(number);

	if (entry)
		entry->told.woken = woken;
}

void
trace_child(uint64_t number, pid_t child)
{
	struct entry *entry = find(number);

	if (entry)
		entry->told.child = child;
}

void
trace_begin_line(void)
{
	if (trace_is_open() && sys_lock_robust_mutex(printing) == EOWNERDEAD)
		pthread_mutex_consistent(printing);
}

void
trace_end_line(void)
{
	if (trace_is_open())
		pthread_mutex_unlock(printing);
}
