/*
 * test_record.c - a record is read back as it was written; and each way in
 * which a file can be none is found, and named.
 */
#include "caption.h"
#include "mermaid.h"
#include "must.h"
#include "record.h"
#include "selection.h"
#include "shiviz.h"
#include "table.h"

#include <jansson.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <unistd.h>

/*
 * A small record. Of its entries, 4 comes after 5 in time, as may happen, and
 * there is no 3.
 */
static const char good[] =
	"{\"displayTimeUnit\":\"ms\",\"otherData\":{"
	"\"format\":\"forklore trace 1\",\"program\":\"small\","
	"\"command\":\"small --trace x\",\"lost\":7,"
	"\"ledger\":\"No tasks.\\n\"},\"traceEvents\":[\n"
	"{\"ph\":\"M\",\"pid\":1,\"tid\":1,\"name\":\"thread_name\","
	"\"args\":{\"name\":\"main\"}},\n"
	"{\"ph\":\"X\",\"pid\":1,\"tid\":1,\"ts\":0,\"dur\":1,"
	"\"cat\":\"process\",\"name\":\"start\",\"args\":{\"index\":1,"
	"\"kind\":\"start\",\"place\":\"main\",\"clock\":{\"main\":1}}},\n"
	"{\"ph\":\"X\",\"pid\":1,\"tid\":1,\"ts\":10,\"dur\":1,"
	"\"cat\":\"process\",\"name\":\"fork worker 10\",\"args\":{\"index\":2,"
	"\"kind\":\"fork\",\"place\":\"main\",\"file\":\"a.c\",\"line\":12,"
	"\"clock\":{\"main\":2}}},\n"
	"{\"ph\":\"X\",\"pid\":2,\"tid\":1,\"ts\":30,\"dur\":1,"
	"\"cat\":\"process\",\"name\":\"start\",\"args\":{\"index\":4,"
	"\"kind\":\"start\",\"place\":\"worker 10\",\"cause\":2,"
	"\"clock\":{\"main\":2,\"worker 10\":1}}},\n"
	"{\"ph\":\"s\",\"pid\":1,\"tid\":1,\"ts\":10,\"id\":4,"
	"\"cat\":\"cause\",\"name\":\"fork\"},\n"
	"{\"ph\":\"f\",\"pid\":2,\"tid\":1,\"ts\":30,\"id\":4,"
	"\"cat\":\"cause\",\"name\":\"fork\",\"bp\":\"e\"},\n"
	"{\"ph\":\"X\",\"pid\":3,\"tid\":1,\"ts\":20,\"dur\":1,"
	"\"cat\":\"process\",\"name\":\"start\",\"args\":{\"index\":5,"
	"\"kind\":\"start\",\"place\":\"worker 2\",\"cause\":2,"
	"\"clock\":{\"main\":2,\"worker 2\":1}}},\n"
	"{\"ph\":\"X\",\"pid\":3,\"tid\":1,\"ts\":40,\"dur\":9,"
	"\"cat\":\"output\",\"name\":\"hello\",\"args\":{\"index\":6,"
	"\"kind\":\"print\",\"place\":\"worker 2\",\"text\":\"hello\","
	"\"clock\":{\"main\":2,\"worker 2\":2}}},\n"
	"{\"ph\":\"X\",\"pid\":1,\"tid\":1,\"ts\":50,\"dur\":1,"
	"\"cat\":\"error\",\"name\":\"error seen by get\",\"args\":{"
	"\"index\":7,\"kind\":\"error_seen\",\"place\":\"main\",\"cause\":6,"
	"\"observer\":\"get\",\"error\":\"ValueError: no\",\"value\":\"1\","
	"\"clock\":{\"main\":3,\"worker 2\":2}}}\n"
	"]}\n";

/* Where in traceEvents an entry stands. */
enum { MAIN_1 = 1, MAIN_2, WORKER_10, WORKER_2 = 6, PRINT, SEEN };

/* The file that tests write to. */
static char path[64];

static int
make_file(void **state)
{
	(void)state;
	strcpy(path, "/tmp/forklore-record-XXXXXX");
	return close(mkstemp(path));
}

static int
remove_file(void **state)
{
	(void)state;
	return unlink(path);
}

static void
write_file(const char *bytes, size_t length)
{
	int file = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);

	assert_true(file >= 0);
	assert_int_equal(write(file, bytes, length), length);
	close(file);
}

static struct error *
read_bytes(const char *bytes, size_t length, struct record **record)
{
	write_file(bytes, length);
	return record_read(path, record);
}

/* A file of this is refused, in words that name it and say this. */
static void
must_be_refused(const char *text, const char *complaint)
{
	struct record *record;
	struct error *error = read_bytes(text, strlen(text), &record);

	assert_non_null(error);
	if (error->kind != ValueError ||
		strncmp(error->message, path, strlen(path)) != 0 ||
		!strstr(error->message, complaint))
		fail_msg("%s, not: %s", error->message, complaint);
	assert_null(strchr(error->message, '\n'));
	error_free(error);
}

static void
record_is_read_as_it_was_written(void **state)
{
	SCOPED(record) record = NULL;

	(void)state;
	MUST(read_bytes(good, strlen(good), &record));
	assert_string_equal(record->program, "small");
	assert_string_equal(record->command, "small --trace x");
	assert_string_equal(record->ledger, "No tasks.\n");
	assert_int_equal(record->lost, 7);
	assert_int_equal(record->entry_count, 6);
	assert_string_equal(record->entries[1].name, "fork worker 10");
	assert_string_equal(record->entries[1].kind, "fork");
	assert_string_equal(record->entries[1].category, "process");
	assert_string_equal(record->entries[1].file, "a.c");
	assert_int_equal(record->entries[1].line, 12);
	assert_int_equal(record->entries[1].cause, NO_ENTRY);
	assert_null(record->entries[1].text);
	assert_int_equal(record->entries[4].time, 40);
	assert_int_equal(record->entries[4].duration, 9);
	assert_string_equal(record->entries[4].text, "hello");
	assert_null(record->entries[4].file);
	assert_string_equal(record->entries[5].observer, "get");
	assert_string_equal(record->entries[5].error, "ValueError: no");
	assert_string_equal(record->entries[5].value, "1");
}

static void
entries_are_in_the_order_of_time(void **state)
{
	static const long long times[] = {0, 10, 20, 30, 40, 50};
	static const size_t causes[] = {NO_ENTRY, NO_ENTRY, 1, 1, NO_ENTRY, 4};
	SCOPED(record) record = NULL;

	(void)state;
	MUST(read_bytes(good, strlen(good), &record));
	for (size_t i = 0; i < 6; i++) {
		assert_int_equal(record->entries[i].time, times[i]);
		assert_int_equal(record->entries[i].cause, causes[i]);
	}
}

static void
workers_stand_last_by_their_numbers(void **state)
{
	SCOPED(record) record = NULL;

	(void)state;
	MUST(read_bytes(good, strlen(good), &record));
	assert_int_equal(record->place_count, 3);
	assert_string_equal(record->places[0].name, "main");
	assert_string_equal(record->places[1].name, "worker 2");
	assert_string_equal(record->places[2].name, "worker 10");
	assert_int_equal(record->places[0].entries, 3);
	assert_int_equal(record->places[1].entries, 2);
	assert_int_equal(record->places[2].process, 2);
	assert_int_equal(record->entries[2].place, 1);
	assert_int_equal(record->entries[3].place, 2);
}

static void
clocks_follow_the_places(void **state)
{
	static const size_t last[] = {3, 2, 0};
	SCOPED(record) record = NULL;

	(void)state;
	MUST(read_bytes(good, strlen(good), &record));
	assert_memory_equal(record->entries[5].clock, last, sizeof(last));
}

static void
file_that_cannot_be_read_is_named(void **state)
{
	struct record *record;

	(void)state;
	MUST_RAISE_EXACTLY(record_read("/nowhere", &record), OSError,
		"/nowhere: cannot be read: No such file or directory");
	MUST_RAISE_EXACTLY(record_read("/tmp", &record), OSError,
		"/tmp: cannot be read: Is a directory");
}

/* Root may read all. */
static void
read_as_somebody(void *context)
{
	struct record *record;

	(void)context;
	if (geteuid() == 0)
		assert_int_equal(setresuid(65534, 65534, 65534), 0);
	MUST_RAISE_WITH(OSError, ": cannot be read: Permission denied",
		record_read(path, &record));
}

static void
file_without_permission_is_named(void **state)
{
	(void)state;
	write_file(good, strlen(good));
	assert_int_equal(chmod(path, 0), 0);
	child_must_succeed(read_as_somebody, NULL);
	assert_int_equal(chmod(path, 0600), 0);
}

static void
what_is_no_json_is_refused(void **state)
{
	(void)state;
	must_be_refused("", ": not a record of a run: the file is empty");
	must_be_refused("# Hello\n", ": not a record of a run: no JSON at "
				     "line 1, column 1: ");
	must_be_refused("{\"a\":1}\n{", ": not a record of a run: no JSON at "
					"line 2, column 1: ");
	must_be_refused("{\"a\":1,\"a\":1}", "duplicate object key");
	must_be_refused("\033[1m", "expected near '?'");
}

static void
cut_record_is_refused(void **state)
{
	struct record *record;

	(void)state;
	/* Without the line's end it is whole. */
	for (size_t length = 0; length < strlen(good) - 1; length++)
		MUST_RAISE_WITH(
			ValueError, path, read_bytes(good, length, &record));
	MUST_RAISE_WITH(ValueError,
		": not a whole record of a run: it is cut off in line 5",
		read_bytes(good, 600, &record));
}

static void
foreign_json_is_refused(void **state)
{
	(void)state;
	must_be_refused("[]", ": not a record of a run: it should be an "
			      "object");
	must_be_refused("{}", ": there is no 'otherData', which should be an "
			      "object");
	must_be_refused("{\"otherData\":3}",
		": 'otherData' is 3, and should be an object");
	must_be_refused("{\"traceEvents\":[{\"ph\":\"X\",\"ts\":1}]}",
		": there is no 'otherData'");
	must_be_refused("{\"otherData\":{\"version\":\"x\"}}",
		": otherData: there is no 'format', which should be a text");
}

/* What is changed in the record, and what is said of that. */
struct fault {
	/* Which event; -1: otherData. */
	int event;
	bool in_args;
	const char *key;
	/* As JSON; NULL: the field is left out. */
	const char *value;
	const char *complaint;
};

static const struct fault faults[] = {
	{-1, false, "format", "\"forklore trace 2\"",
		"otherData: 'format' is \"forklore trace 2\", and should be "
		"forklore trace 1"},
	{-1, false, "program", NULL, "otherData: there is no 'program'"},
	{-1, false, "command", "[]", "'command' is [], and should be a text"},
	{-1, false, "ledger", "null", "'ledger' is null"},
	{-1, false, "lost", "-1", "'lost' is -1, and should be a whole number"},
	{MAIN_1, false, "ph", NULL, "event 2: there is no 'ph'"},
	{MAIN_1, false, "args", "7", "event 2: 'args' is 7"},
	{MAIN_1, true, "index", "0", "event 2: 'index' is 0"},
	{MAIN_1, true, "index", "1.5", "event 2: 'index' is 1.5"},
	{MAIN_2, true, "index", "1",
		"event 3: 'index' is 1, and should be a whole number from 2"},
	{MAIN_2, false, "name", "1", "entry 2: 'name' is 1"},
	{MAIN_2, true, "kind", "\"\"", "entry 2: 'kind' is \"\""},
	{MAIN_2, false, "cat", "\"food\"",
		"entry 2: 'cat' is \"food\", and should be process, task, "
		"message, error, condition or output"},
	{MAIN_2, false, "ts", "-3", "entry 2: 'ts' is -3"},
	{MAIN_2, false, "ts", "1e3", "entry 2: 'ts' is 1000.0"},
	{MAIN_2, false, "ts", "0",
		"entry 2: 'ts' is 0, and should be a whole "
		"number from 1"},
	{MAIN_2, false, "ts", "9000000000000000000", "entry 2: 'ts' is 9"},
	{MAIN_2, false, "dur", NULL, "entry 2: there is no 'dur'"},
	{MAIN_2, false, "dur", "9000000000000000000", "entry 2: 'dur' is 9"},
	{MAIN_2, false, "pid", "2", "entry 2: 'pid' is 2, and should be 1"},
	{MAIN_2, true, "place", NULL, "entry 2: there is no 'place'"},
	{MAIN_2, true, "place", "\" \"", "entry 2: 'place' is \" \""},
	{MAIN_2, true, "line", NULL, "entry 2: there is no 'line'"},
	{MAIN_2, true, "line", "0", "entry 2: 'line' is 0"},
	{MAIN_2, true, "file", "{}", "entry 2: 'file' is {}"},
	{WORKER_2, true, "cause", "0", "entry 5: 'cause' is 0"},
	{WORKER_2, true, "cause", "3",
		"entry 5: 'cause' is 3, and should be the index of an entry "
		"before this one"},
	{WORKER_2, true, "cause", "4", "entry 5: 'cause' is 4"},
	{WORKER_2, true, "cause", "5", "entry 5: 'cause' is 5"},
	{WORKER_2, true, "cause", "6", "entry 5: 'cause' is 6"},
	{WORKER_10, true, "cause", "5", "entry 4: 'cause' is 5"},
	{WORKER_2, true, "cause", NULL,
		"entry 5: 'clock' is {\"main\":2,\"worker 2\":1}, and should "
		"be one with 0 for 'main'"},
	{PRINT, true, "text", "3", "entry 6: 'text' is 3"},
	{SEEN, true, "value", "3", "entry 7: 'value' is 3"},
	{SEEN, true, "error", "3", "entry 7: 'error' is 3"},
	{SEEN, true, "observer", "3", "entry 7: 'observer' is 3"},
	{SEEN, true, "clock", NULL, "entry 7: there is no 'clock'"},
	{SEEN, true, "clock", "[]", "entry 7: 'clock' is []"},
	{SEEN, true, "clock", "{\"main\":3}",
		"entry 7: 'clock' is {\"main\":3}, and should be one with 2 "
		"for 'worker 2'"},
	{SEEN, true, "clock", "{\"main\":4,\"worker 2\":2}",
		"one with 3 for 'main'"},
	{SEEN, true, "clock", "{\"main\":\"3\",\"worker 2\":2}",
		"one with 3 for 'main'"},
	{SEEN, true, "clock", "{\"main\":3,\"worker 2\":2,\"worker 3\":1}",
		"one of places with entries"},
};

/* Gives the record with the fault, which the caller frees. */
static char *
with_fault(const struct fault *fault)
{
	json_t *root = json_loads(good, 0, NULL);
	json_t *object = json_object_get(root, "otherData");
	char *text;

	if (fault->event >= 0)
		object = json_array_get(json_object_get(root, "traceEvents"),
			(size_t)fault->event);
	if (fault->in_args)
		object = json_object_get(object, "args");
	assert_non_null(object);
	if (fault->value)
		json_object_set_new(object, fault->key,
			json_loads(fault->value, JSON_DECODE_ANY, NULL));
	else
		assert_int_equal(json_object_del(object, fault->key), 0);
	text = json_dumps(root, JSON_COMPACT);
	assert_non_null(text);
	json_decref(root);
	return text;
}

static void
each_wrong_field_is_named(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(faults) / sizeof(*faults); i++) {
		char *text = with_fault(&faults[i]);

		must_be_refused(text, faults[i].complaint);
		free(text);
	}
}

static void
record_without_entries_is_refused(void **state)
{
	(void)state;
	must_be_refused("{\"otherData\":{\"format\":\"forklore trace 1\","
			"\"program\":\"p\",\"command\":\"c\",\"lost\":0,"
			"\"ledger\":\"\"},\"traceEvents\":[]}",
		"'traceEvents' is [], and should be the entries of a run");
}

/* A long value is not shown to its end. */
static void
complaint_is_short(void **state)
{
	char value[2000], *text;

	(void)state;
	memset(value, 'x', sizeof(value));
	value[0] = value[sizeof(value) - 2] = '"';
	value[sizeof(value) - 1] = '\0';
	text = with_fault(&(struct fault){MAIN_2, false, "cat", value, ""});
	must_be_refused(text, "xxx..., and should be process");
	free(text);
}

/* Writes a record in all formats; whatever stands in it, that does no harm. */
static void
show(const struct record *record)
{
	char *text;
	size_t length;
	FILE *file = open_memstream(&text, &length);

	assert_non_null(file);
	error_free(table_write(record, file));
	error_free(mermaid_write(record, file));
	error_free(shiviz_write(record, file));
	assert_int_equal(fclose(file), 0);
	free(text);
}

/* Reads it, whatever it is, and shows it if it is a record. */
static bool
try_bytes(const char *bytes, size_t length)
{
	SCOPED(record) record = NULL;
	SCOPED(error) error = read_bytes(bytes, length, &record);

	if (error) {
		assert_int_equal(error->kind, ValueError);
		assert_memory_equal(error->message, path, strlen(path));
		return false;
	}
	show(record);
	for (unsigned selection = 1; selection < 1u << CATEGORY_COUNT;
		selection *= 2)
		if (selection_apply(record, selection))
			show(record);
	return true;
}

/* Each byte in turn becomes each of these; some do under valgrind. */
static void
spoilt_record_is_read_or_refused(void **state)
{
	static const char others[] = {'\0', '"', '9', '-', '\xff'};
	size_t step = getenv("FORKLORE_VALGRIND") ? 20 : 1;
	size_t tried = 0, read = 0;
	char bytes[sizeof(good)];

	(void)state;
	memcpy(bytes, good, sizeof(good));
	for (size_t i = 0; i < strlen(good); i += step) {
		for (size_t n = 0; n < sizeof(others); n++) {
			bytes[i] = others[n];
			read += try_bytes(bytes, strlen(good));
			tried++;
		}
		bytes[i] = good[i];
	}
	/* Both happen. */
	assert_in_range(read, 1, tried - 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(record_is_read_as_it_was_written),
		cmocka_unit_test(entries_are_in_the_order_of_time),
		cmocka_unit_test(workers_stand_last_by_their_numbers),
		cmocka_unit_test(clocks_follow_the_places),
		cmocka_unit_test(file_that_cannot_be_read_is_named),
		cmocka_unit_test(file_without_permission_is_named),
		cmocka_unit_test(what_is_no_json_is_refused),
		cmocka_unit_test(cut_record_is_refused),
		cmocka_unit_test(foreign_json_is_refused),
		cmocka_unit_test(each_wrong_field_is_named),
		cmocka_unit_test(record_without_entries_is_refused),
		cmocka_unit_test(complaint_is_short),
		cmocka_unit_test(spoilt_record_is_read_or_refused),
	};

	return cmocka_run_group_tests_name(
		       "record", tests, make_file, remove_file) != 0;
}
