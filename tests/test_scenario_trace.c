/*
 * test_scenario_trace.c - what --trace and --explain write, checked field by
 * field, however a program ends.
 *
 * Runs in the root of the repository; BUILD in the environment is the folder of
 * the built programs, "build" if unset.
 */
#include "capture.h"
#include "condition.h"
#include "faults.h"
#include "manager.h"
#include "match.h"
#include "must.h"
#include "pattern.h"
#include "pool.h"
#include "post.h"
#include "process.h"
#include "result.h"
#include "scenario.h"
#include "trace.h"
#include "value.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* CMocka wants these four before it. */
#include <cmocka.h>

#include <jansson.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define LIMIT 60.0
#define WORDS_LIMIT 12

static const char *const scenarios[] = {"silent_failure", "error_callback",
	"get_reraise", "manager_proxy", "fork_global"};
#define SCENARIOS (sizeof(scenarios) / sizeof(*scenarios))

/* A file for a record. */
struct place_for_record {
	char path[64];
};

static struct place_for_record
new_file(void)
{
	struct place_for_record file = {"/tmp/forklore-trace-XXXXXX"};
	int descriptor = mkstemp(file.path);

	assert_true(descriptor >= 0);
	close(descriptor);
	return file;
}

static char *
program(const char *name)
{
	const char *folder = getenv("BUILD");

	return text_format("%s/scenarios/%s", folder ? folder : "build", name);
}

/* Runs a scenario with these words, NULL at their end. */
static struct outcome
run(const char *name, char *const *words)
{
	char *argv[WORDS_LIMIT + 2] = {program(name)};
	struct outcome outcome;
	char *complaint;

	for (int i = 0; words[i]; i++)
		argv[i + 1] = words[i];
	complaint = outcome_capture(&outcome, argv, LIMIT);
	if (complaint || outcome.trouble)
		fail_msg("%s: %s", name,
			complaint ? complaint : outcome.trouble);
	free(argv[0]);
	return outcome;
}

static const char *
said(const struct outcome *outcome, int stream)
{
	return outcome->streams[stream].length ? outcome->streams[stream].bytes
					       : "";
}

/* A record, as read from its file: its slices, each at its index. */
struct record {
	json_t *whole;
	json_t *slices[1024];
	size_t count;
};

static const json_t *
field(const json_t *object, const char *key)
{
	const json_t *value = json_object_get(object, key);

	if (!value)
		fail_msg("no '%s' in %s", key, json_dumps(object, 0));
	return value;
}

static const char *
text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(field(object, key));

	assert_non_null(text);
	return text;
}

static long long
number_of(const json_t *object, const char *key)
{
	assert_true(json_is_integer(field(object, key)));
	return json_integer_value(field(object, key));
}

static const json_t *
args_of(const struct record *record, size_t index)
{
	return field(record->slices[index], "args");
}

static const char *
kind_at(const struct record *record, size_t index)
{
	return text_of(args_of(record, index), "kind");
}

static bool
is(const struct record *record, size_t index, const char *kind)
{
	return record->slices[index] &&
	       strcmp(kind_at(record, index), kind) == 0;
}

/* The cause of a slice, or 0. */
static size_t
cause_of(const struct record *record, size_t index)
{
	return (size_t)json_integer_value(
		json_object_get(args_of(record, index), "cause"));
}

static struct record
read_record(const char *path)
{
	struct record record = {.count = 0};
	json_error_t error;
	size_t i;
	json_t *event;

	record.whole = json_load_file(path, JSON_REJECT_DUPLICATES, &error);
	if (!record.whole)
		fail_msg("%s: %s", path, error.text);
	assert_string_equal(text_of(field(record.whole, "otherData"), "format"),
		"forklore trace 1");
	json_array_foreach(
		(json_t *)field(record.whole, "traceEvents"), i, event)
	{
		size_t index;

		if (strcmp(text_of(event, "ph"), "X") != 0)
			continue;
		index = (size_t)number_of(field(event, "args"), "index");
		assert_true(index > record.count && index < 1024);
		record.slices[index] = event;
		record.count = index;
	}
	assert_true(record.count > 0);
	return record;
}

/* How many of a kind, of those that another one caused, or of all for 0. */
static size_t
count(const struct record *record, const char *kind, size_t cause)
{
	size_t found = 0;

	for (size_t i = 1; i <= record->count; i++)
		found += is(record, i, kind) &&
			 (!cause || cause_of(record, i) == cause);
	return found;
}

static bool
same_track(const json_t *one, const json_t *other)
{
	return number_of(one, "pid") == number_of(other, "pid") &&
	       number_of(one, "tid") == number_of(other, "tid");
}

/* Two slices of a track lie one after the other, or one within the other. */
static void
slices_must_nest(const struct record *record)
{
	for (size_t i = 1; i <= record->count; i++) {
		const json_t *outer = record->slices[i];
		long long begin, end;

		if (!outer)
			continue;
		begin = number_of(outer, "ts");
		end = begin + number_of(outer, "dur");
		assert_true(begin >= 0 && end > begin);
		for (size_t j = i + 1; j <= record->count; j++) {
			const json_t *next = record->slices[j];

			if (!next || !same_track(outer, next))
				continue;
			assert_true(number_of(next, "ts") > begin);
			if (number_of(next, "ts") < end &&
				number_of(next, "ts") + number_of(next, "dur") >
					end)
				fail_msg("%zu ends within %zu", i, j);
		}
	}
}

static bool
lies_in(const json_t *flow, const json_t *slice)
{
	long long time = number_of(flow, "ts");

	return same_track(flow, slice) && number_of(slice, "ts") <= time &&
	       time < number_of(slice, "ts") + number_of(slice, "dur");
}

/* The one event of a phase with an id; it must stand after its slice. */
static const json_t *
flow_end(const struct record *record, const char *phase, size_t id,
	const json_t *slice)
{
	const json_t *found = NULL, *event;
	bool begun = false;
	size_t i;

	json_array_foreach(field(record->whole, "traceEvents"), i, event)
	{
		begun |= event == slice;
		if (strcmp(text_of(event, "ph"), phase) != 0 ||
			number_of(event, "id") != (long long)id)
			continue;
		assert_null(found);
		assert_true(begun);
		found = event;
	}
	if (!found)
		fail_msg("no '%s' of %zu", phase, id);
	return found;
}

/* Each cause is a flow, both ends of which bind to the slices they belong to.
 */
static void
flows_must_bind(const struct record *record)
{
	for (size_t i = 1; i <= record->count; i++) {
		size_t cause = record->slices[i] ? cause_of(record, i) : 0;
		const json_t *from, *to;

		if (!cause)
			continue;
		from = flow_end(record, "s", i, record->slices[cause]);
		to = flow_end(record, "f", i, record->slices[i]);
		assert_true(lies_in(from, record->slices[cause]));
		assert_true(lies_in(to, record->slices[i]));
		assert_true(number_of(from, "ts") < number_of(to, "ts"));
		assert_string_equal(text_of(to, "bp"), "e");
		assert_string_equal(text_of(from, "cat"), text_of(to, "cat"));
		assert_string_equal(text_of(from, "name"), text_of(to, "name"));
	}
}

static long long
clock_of(const struct record *record, size_t index, const char *place)
{
	return json_integer_value(
		json_object_get(field(args_of(record, index), "clock"), place));
}

/* Counts from 1 in steps of 1 in each place, and knows all its cause knows. */
static void
clocks_must_tell_causes(const struct record *record)
{
	json_t *own = json_object();

	for (size_t i = 1; i <= record->count; i++) {
		size_t cause;
		const char *place;
		long long before;
		json_t *number;

		if (!record->slices[i])
			continue;
		place = text_of(args_of(record, i), "place");
		before = json_integer_value(json_object_get(own, place));
		assert_int_equal(clock_of(record, i, place), before + 1);
		json_object_set_new(own, place, json_integer(before + 1));
		cause = cause_of(record, i);
		assert_true(cause < i);
		if (!cause)
			continue;
		assert_non_null(record->slices[cause]);
		json_object_foreach(
			(json_t *)field(args_of(record, cause), "clock"), place,
			number) assert_true(clock_of(record, i, place) >=
					    json_integer_value(number));
	}
	json_decref(own);
}

/* What may have caused what has to have a cause. */
static const struct {
	const char *kind;
	const char *causes;
} rules[] = {
	{"encode", "submit"},
	{"receive", "send acquire release wait notify request"},
	{"reply", "send"},
	{"woken", "notify"},
	{"ready", "settle"},
	{"error_stored", "error_born receive"},
	{"error_seen", "settle"},
};

static void
causes_must_make_sense(const struct record *record)
{
	for (size_t i = 1; i <= record->count; i++)
		for (size_t r = 0; r < sizeof(rules) / sizeof(*rules); r++)
			if (is(record, i, rules[r].kind)) {
				size_t cause = cause_of(record, i);

				assert_true(cause > 0);
				if (!strstr(rules[r].causes,
					    kind_at(record, cause)))
					fail_msg("%s is caused by %s",
						rules[r].kind,
						kind_at(record, cause));
			}
	for (size_t i = 2; i <= record->count; i++)
		if (is(record, i, "start"))
			assert_true(is(record, cause_of(record, i), "fork") ||
				    is(record, cause_of(record, i), "thread"));
}

static void
notify_must_wake_as_many_as_it_says(const struct record *record)
{
	for (size_t i = 1; i <= record->count; i++)
		if (is(record, i, "notify"))
			assert_int_equal(number_of(args_of(record, i), "woken"),
				count(record, "woken", i));
}

/* Which call is to be found in the line that an entry names. */
static const struct {
	const char *kind;
	const char *call;
} calls[] = {
	{"submit", "pool_"},
	{"sleep", "pause_for("},
	{"wake", "pause_for("},
	{"acquire", "condition_acquire("},
	{"blocked", "condition_acquire("},
	{"acquired", "condition_"},
	{"wait", "condition_wait("},
	{"woken", "condition_wait("},
	{"notify", "condition_notify_all("},
	{"release", "condition_release("},
	{"print", "say("},
	{"await", "result_"},
	{"ready", "result_"},
};

static void
line_must_have(const json_t *args, const char *call)
{
	const char *file = text_of(args, "file");
	FILE *source = fopen(file, "r");
	char line[256];

	if (!source)
		fail_msg("there is no %s", file);
	for (long long i = number_of(args, "line"); i > 0; i--)
		assert_non_null(fgets(line, sizeof(line), source));
	fclose(source);
	if (!strstr(line, call))
		fail_msg("%s is not in %s:%lld: %s", call, file,
			number_of(args, "line"), line);
}

static void
lines_must_have_the_calls(const struct record *record)
{
	for (size_t i = 1; i <= record->count; i++) {
		const json_t *args;

		if (!record->slices[i])
			continue;
		args = args_of(record, i);
		assert_int_equal(
			strncmp(text_of(args, "library_file"), "common/", 7),
			0);
		assert_true(number_of(args, "library_line") > 0);
		for (size_t c = 0; c < sizeof(calls) / sizeof(*calls); c++)
			if (is(record, i, calls[c].kind))
				line_must_have(args, calls[c].call);
	}
}

static void
prints_must_be(const struct record *record, const char *output)
{
	struct text printed = {0};

	for (size_t i = 1; i <= record->count; i++)
		if (is(record, i, "print"))
			text_printf(&printed, "%s\n",
				text_of(args_of(record, i), "text"));
	assert_string_equal(printed.length ? printed.bytes : "", output);
	text_fini(&printed);
}

/* How many entries of a kind are about a task. */
static size_t
count_of_task(const struct record *record, const char *kind, long long task)
{
	size_t found = 0;

	for (size_t i = 1; i <= record->count; i++)
		found += is(record, i, kind) &&
			 number_of(args_of(record, i), "task") == task &&
			 number_of(args_of(record, i), "tasks") == 1;
	return found;
}

static void
tasks_must_be_told(const struct record *record, bool run)
{
	assert_int_equal(count(record, "submit", 0), 1);
	assert_int_equal(count(record, "settle", 0), 1);
	for (long long task = 0; task < 4; task++) {
		assert_int_equal(count_of_task(record, "encode", task), 1);
		assert_int_equal(
			count_of_task(record, "error_born", task), !run);
		assert_int_equal(
			count_of_task(record, "task_start", task), run);
		assert_int_equal(count_of_task(record, "task_end", task), run);
		assert_int_equal(count_of_task(record, "wait", task), run);
	}
	assert_int_equal(count(record, "error_stored", 0), !run);
}

/* What holds of every record, whatever ended the program. */
static void
record_must_be_sound(const struct record *record)
{
	slices_must_nest(record);
	flows_must_bind(record);
	clocks_must_tell_causes(record);
	causes_must_make_sense(record);
	lines_must_have_the_calls(record);
}

static void
must_be_as_expected(const char *name, const struct outcome *outcome)
{
	char *file = text_format("expected/%s.txt", name);
	char *complaint = NULL, *difference;
	struct text text = {0};
	struct transcript *transcript;

	assert_int_equal(text_read(&text, file), 0);
	transcript = transcript_parse(file, &text, &complaint);
	assert_non_null(transcript);
	difference = transcript_difference(transcript, outcome);
	if (difference)
		fail_msg("%s", difference);
	transcript_free(transcript);
	text_fini(&text);
	free(file);
}

static bool
tasks_run(const char *name)
{
	return strcmp(name, "manager_proxy") == 0 ||
	       strcmp(name, "fork_global") == 0;
}

/* Checks all scenarios side by side, as they sleep most of the time. */
static void
check_each_scenario(child_main *check)
{
	pid_t checks[SCENARIOS];

	for (size_t i = 0; i < SCENARIOS; i++)
		checks[i] = child_start(check, (void *)scenarios[i]);
	for (size_t i = 0; i < SCENARIOS; i++)
		assert_int_equal(child_wait(checks[i]), 0);
}

static void
record_must_be_true(void *name)
{
	struct place_for_record file = new_file();
	struct outcome outcome =
		run(name, (char *[]){"--trace", file.path, NULL});
	struct record record = read_record(file.path);

	must_be_as_expected(name, &outcome);
	record_must_be_sound(&record);
	tasks_must_be_told(&record, tasks_run(name));
	notify_must_wake_as_many_as_it_says(&record);
	prints_must_be(&record, said(&outcome, 0));
	assert_string_equal(
		text_of(field(record.whole, "otherData"), "program"), name);
	assert_int_equal(
		number_of(field(record.whole, "otherData"), "lost"), 0);
	json_decref(record.whole);
	outcome_fini(&outcome);
	unlink(file.path);
}

static void
each_scenario_s_record_is_true(void **state)
{
	(void)state;
	check_each_scenario(record_must_be_true);
}

static const char *
observer(const char *name)
{
	struct place_for_record file = new_file();
	struct outcome outcome =
		run(name, (char *[]){"--delay=0", "--trace", file.path, NULL});
	struct record record = read_record(file.path);
	const char *found = NULL;
	size_t seen = count(&record, "error_seen", 0);

	assert_int_equal(seen, 1);
	for (size_t i = 1; i <= record.count; i++)
		if (is(&record, i, "error_seen"))
			found = strdup(
				text_of(args_of(&record, i), "observer"));
	json_decref(record.whole);
	outcome_fini(&outcome);
	unlink(file.path);
	return found;
}

static void
the_record_says_who_saw_the_error(void **state)
{
	static const char *const observers[] = {"nobody", "callback", "get"};

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		const char *found = observer(scenarios[i]);

		assert_string_equal(found, observers[i]);
		free((char *)found);
	}
}

/* How many lines of two texts, of as many lines, differ. */
static size_t
differing_lines(const char *one, const char *other)
{
	size_t differing = 0;

	while (*one && *other) {
		size_t length = strcspn(one, "\n");

		differing += length != strcspn(other, "\n") ||
			     strncmp(one, other, length) != 0;
		one += length + 1;
		other += strcspn(other, "\n") + 1;
	}
	assert_string_equal(one, other);
	return differing;
}

static void
ledgers_of_the_failing_cases_differ_in_one_line(void **state)
{
	char *ledgers[3];

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct outcome outcome = run(scenarios[i],
			(char *[]){"--explain", "--delay=0", NULL});
		const char *ledger = strstr(said(&outcome, 1), "What became");

		assert_non_null(ledger);
		ledgers[i] = strdup(ledger);
		outcome_fini(&outcome);
	}
	assert_non_null(strstr(ledgers[0], "\n  Seen by: nobody.\n"));
	assert_non_null(
		strstr(ledgers[1], "\n  Seen by: the error callback.\n"));
	assert_non_null(strstr(ledgers[2], "\n  Seen by: result_get().\n"));
	assert_int_equal(differing_lines(ledgers[0], ledgers[1]), 1);
	assert_int_equal(differing_lines(ledgers[0], ledgers[2]), 1);
	for (size_t i = 0; i < 3; i++)
		free(ledgers[i]);
}

static void
explain_must_leave_the_rest(void *name)
{
	struct outcome outcome = run(name, (char *[]){"--explain", NULL});
	struct text *stderr_text = &outcome.streams[1];
	char *ledger = strstr(stderr_text->bytes, "What became");

	assert_non_null(ledger);
	if (tasks_run(name))
		assert_non_null(strstr(ledger,
			", returned nothing.\n  There was no error.\n"));
	*ledger = '\0';
	stderr_text->length = (size_t)(ledger - stderr_text->bytes);
	must_be_as_expected(name, &outcome);
	outcome_fini(&outcome);
}

static void
explain_leaves_the_rest_as_it_is(void **state)
{
	(void)state;
	check_each_scenario(explain_must_leave_the_rest);
}

/* A scenario that hangs, to be ended by a signal when its tasks all wait. */
struct hanging {
	const char *path;
	int output;
};

static void
hang(void *context)
{
	const struct hanging *hanging = context;
	char *name = program("fork_global");

	/* Ctrl-C is for all of a group. */
	setpgid(0, 0);
	dup2(hanging->output, STDOUT_FILENO);
	close(STDERR_FILENO);
	execl(name, name, "--delay=1000", "--trace", hanging->path, NULL);
}

static void
await_lines(int output, int lines)
{
	char byte;

	while (lines > 0) {
		assert_int_equal(read(output, &byte, 1), 1);
		lines -= byte == '\n';
	}
}

/* A sanitizer may keep a program from dying of a signal; then it exits so. */
static void
must_end_by(int signal, pid_t pid)
{
	int status = child_wait(pid);

	if (status != signal)
		assert_int_equal(status, (128 + signal) << 8);
}

/* Ends it by a signal, and waits for the end of all. */
static struct record
record_ended_by(int signal, const char *path)
{
	int ends[2];
	pid_t pid;

	prctl(PR_SET_CHILD_SUBREAPER, 1);
	assert_int_equal(pipe(ends), 0);
	pid = child_start(hang, &(struct hanging){path, ends[1]});
	close(ends[1]);
	await_lines(ends[0], 4);
	kill(signal == SIGINT ? -pid : pid, signal);
	must_end_by(signal, pid);
	if (signal == SIGKILL)
		while (waitpid(-1, NULL, 0) > 0)
			;
	close(ends[0]);
	return read_record(path);
}

static void
a_program_ended_by(int signal)
{
	struct place_for_record file = new_file();
	struct record record = record_ended_by(signal, file.path);

	record_must_be_sound(&record);
	assert_int_equal(count(&record, "task_start", 0), 4);
	assert_int_equal(count(&record, "task_end", 0), 0);
	assert_int_equal(count(&record, "print", 0), 4);
	json_decref(record.whole);
	unlink(file.path);
	/* Also what the signal left has ended. */
	while (waitpid(-1, NULL, 0) > 0)
		;
}

static void
a_killed_program_leaves_a_whole_file(void **state)
{
	(void)state;
	a_program_ended_by(SIGKILL);
}

static void
an_interrupted_program_leaves_a_whole_file(void **state)
{
	(void)state;
	a_program_ended_by(SIGINT);
}

/* A pipe of one page, which the record of a run does not fit into. */
static int
open_narrow_pipe(const char *path)
{
	int reader;

	unlink(path);
	assert_int_equal(mkfifo(path, 0600), 0);
	reader = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	assert_true(reader >= 0);
	assert_true(fcntl(reader, F_SETPIPE_SZ, 4096) > 0);
	return reader;
}

/* Reads to the end, and gives what that is as JSON. */
static json_t *
read_to_end(int reader)
{
	struct text text = {0};
	char bytes[4096];
	ssize_t got;
	json_t *whole;

	fcntl(reader, F_SETFL, 0);
	while ((got = read(reader, bytes, sizeof(bytes))) > 0)
		text_add(&text, bytes, (size_t)got);
	whole = json_loadb(text.bytes, text.length, 0, NULL);
	text_fini(&text);
	return whole;
}

static void
end_at_once(void *context)
{
	const struct hanging *hanging = context;
	char *name = program("silent_failure");

	setpgid(0, 0);
	dup2(open("/dev/null", O_WRONLY), STDOUT_FILENO);
	dup2(hanging->output, STDERR_FILENO);
	execl(name, name, "--delay=0", "--trace", hanging->path, NULL);
}

/*
 * The scribe writes when the program has come to its end, and waits for it. The
 * first line of the report is there when the signal has been taken.
 */
IN_CHILD(a_program_interrupted_at_its_end_ends_after_its_scribe)
{
	struct place_for_record file = new_file();
	struct post errors = post_open();
	int reader = open_narrow_pipe(file.path);
	pid_t pid = child_start(
		end_at_once, &(struct hanging){file.path, errors.ends[1]});
	json_t *whole;

	assert_true(becomes_readable(reader));
	kill(-pid, SIGINT);
	await_lines(errors.ends[0], 1);
	assert_true(process_await(pid, 'S'));
	whole = read_to_end(reader);
	assert_non_null(whole);
	json_decref(whole);
	must_end_by(SIGINT, pid);
	close(reader);
	post_close(&errors);
	unlink(file.path);
}

/* As nobody reads what the scribe writes, it does not come to its end. */
IN_CHILD(an_interrupted_program_ends_after_its_scribe)
{
	struct place_for_record file = new_file();
	struct post output = post_open();
	int reader = open_narrow_pipe(file.path);
	pid_t pid =
		child_start(hang, &(struct hanging){file.path, output.ends[1]});
	json_t *whole;

	await_lines(output.ends[0], 4);
	kill(-pid, SIGINT);
	assert_true(becomes_readable(reader));
	assert_true(process_await(pid, 'S'));
	whole = read_to_end(reader);
	assert_non_null(whole);
	json_decref(whole);
	must_end_by(SIGINT, pid);
	close(reader);
	post_close(&output);
	unlink(file.path);
	/* Also what the signal left has ended. */
	while (waitpid(-1, NULL, 0) > 0)
		;
}

static void
a_program_at_its_limit_leaves_a_whole_file(void **state)
{
	struct place_for_record file = new_file();
	struct outcome outcome =
		run("fork_global", (char *[]){"--delay=1000", "--limit=0.5",
					   "--trace", file.path, NULL});
	struct record record = read_record(file.path);

	(void)state;
	assert_int_equal(WEXITSTATUS(outcome.status), 124);
	record_must_be_sound(&record);
	assert_int_equal(count(&record, "exit", 0), 1);
	json_decref(record.whole);
	outcome_fini(&outcome);
	unlink(file.path);
}

static void
a_file_that_cannot_be_written_is_refused(void **state)
{
	struct outcome outcome = run(
		"fork_global", (char *[]){"--trace", "/nowhere/at/all", NULL});
	const char *end = strchr(said(&outcome, 1), '\n');

	(void)state;
	assert_int_equal(WEXITSTATUS(outcome.status), 2);
	assert_string_equal(said(&outcome, 0), "");
	assert_non_null(
		strstr(said(&outcome, 1), "--trace: '/nowhere/at/all'"));
	assert_true(end && !end[1]);
	outcome_fini(&outcome);
}

static void
a_full_device_is_told_of(void **state)
{
	struct outcome outcome = run("silent_failure",
		(char *[]){"--delay=0", "--trace", "/dev/full", NULL});

	(void)state;
	assert_int_equal(outcome.status, 0);
	assert_string_equal(said(&outcome, 1),
		"silent_failure: cannot write the record to '/dev/full': No "
		"space left on device\n");
	outcome_fini(&outcome);
}

/* A program of the test's own; its standard error goes to a file. */
struct own_program {
	char *record;
	char *errors;
	struct error *(*run)(void);
};

static void
be_program(void *context)
{
	const struct own_program *own = context;
	char *argv[] = {"own", "--trace", own->record, NULL};

	dup2(open("/dev/null", O_WRONLY), STDOUT_FILENO);
	dup2(open(own->errors, O_WRONLY), STDERR_FILENO);
	scenario_options(3, argv);
	_exit(scenario_status(own->run()));
}

static struct error *
die(const struct value *arguments, struct value **result)
{
	(void)arguments, (void)result;
	say("I die");
	kill(getpid(), SIGKILL);
	return NULL;
}

static struct error *
lose_a_worker(void)
{
	SCOPED(pool) pool = NULL;
	struct error *error;

	TRY(pool_new(2, &pool));
	error = pool_apply(pool, die, value_empty_list(), NULL);
	assert_non_null(error);
	error_free(error);
	return NULL;
}

static void
what_a_killed_worker_did_is_in_the_record(void **state)
{
	struct place_for_record file = new_file(), errors = new_file();
	struct own_program own = {file.path, errors.path, lose_a_worker};
	struct record record;
	bool told = false;

	(void)state;
	child_must_succeed(be_program, &own);
	record = read_record(file.path);
	slices_must_nest(&record);
	flows_must_bind(&record);
	clocks_must_tell_causes(&record);
	assert_int_equal(count(&record, "task_start", 0), 1);
	assert_int_equal(count(&record, "task_end", 0), 0);
	assert_int_equal(count(&record, "print", 0), 1);
	for (size_t i = 1; i <= record.count; i++)
		if (is(&record, i, "exit") && cause_of(&record, i) &&
			is(&record, cause_of(&record, i), "print")) {
			assert_int_equal(
				number_of(args_of(&record, i), "signal"),
				SIGKILL);
			told = true;
		}
	assert_true(told);
	assert_non_null(strstr(
		text_of(field(record.whole, "otherData"), "ledger"),
		"Task 0: failed in main [handler]: WorkerLostError: worker"));
	json_decref(record.whole);
	unlink(file.path);
	unlink(errors.path);
}

/* As if Ctrl-C came when the scribe has done nothing yet. */
static void
interrupt_first_child(void)
{
	static bool done;

	if (!done)
		raise(SIGINT);
	done = true;
}

static void
be_program_with_early_interrupt(void *context)
{
	pthread_atfork(NULL, NULL, interrupt_first_child);
	be_program(context);
}

static struct error *
do_nothing(void)
{
	return NULL;
}

static void
a_scribe_is_not_interrupted_before_it_begins(void **state)
{
	struct place_for_record file = new_file(), errors = new_file();
	struct own_program own = {file.path, errors.path, do_nothing};
	struct record record;

	(void)state;
	child_must_succeed(be_program_with_early_interrupt, &own);
	record = read_record(file.path);
	assert_int_equal(count(&record, "exit", 0), 1);
	json_decref(record.whole);
	unlink(file.path);
	unlink(errors.path);
}

static struct error *
acquire_twice(struct condition *condition)
{
	TRY(condition_acquire(condition));
	TRY(condition_release(condition));
	TRY(condition_acquire(condition));
	TRY(condition_acquire(condition));
	TRY(condition_release(condition));
	TRY(condition_release(condition));
	return NULL;
}

static struct error *
acquire_twice_in_shared_memory(void)
{
	SCOPED(condition) condition = NULL;

	TRY(condition_new(&condition));
	TRY(acquire_twice(condition));
	return NULL;
}

static struct error *
acquire_twice_in_a_manager(void)
{
	SCOPED(manager) manager = NULL;
	SCOPED(condition) condition = NULL;

	TRY(manager_new(&manager));
	TRY(manager_condition(manager, &condition));
	TRY(acquire_twice(condition));
	return NULL;
}

/* Of three, only the second came by the lock through a release. */
static void
the_second_acquired_has_a_cause(struct error *(*acquire)(void))
{
	struct place_for_record file = new_file(), errors = new_file();
	struct own_program own = {file.path, errors.path, acquire};
	struct record record;
	const char *causes[3] = {NULL, "release", NULL};
	size_t acquired = 0;

	child_must_succeed(be_program, &own);
	record = read_record(file.path);
	for (size_t i = 1; i <= record.count; i++) {
		size_t cause;

		if (!is(&record, i, "acquired"))
			continue;
		cause = cause_of(&record, i);
		assert_true(acquired < 3);
		if (causes[acquired])
			assert_string_equal(
				kind_at(&record, cause), causes[acquired]);
		else
			assert_int_equal(cause, 0);
		acquired++;
	}
	assert_int_equal(acquired, 3);
	json_decref(record.whole);
	unlink(file.path);
	unlink(errors.path);
}

static void
who_has_the_lock_already_has_it_from_nobody(void **state)
{
	(void)state;
	the_second_acquired_has_a_cause(acquire_twice_in_shared_memory);
	the_second_acquired_has_a_cause(acquire_twice_in_a_manager);
}

static struct error *
say_too_much(void)
{
	for (uint64_t i = 0; i < TRACE_ROOM; i++)
		trace(.kind = TRACE_WAKE);
	return NULL;
}

static void
a_full_record_says_so(void **state)
{
	struct place_for_record file = new_file(), errors = new_file();
	struct own_program own = {file.path, errors.path, say_too_much};
	struct text text = {0};
	json_t *whole;

	(void)state;
	child_must_succeed(be_program, &own);
	whole = json_load_file(file.path, 0, NULL);
	assert_non_null(whole);
	/* The start and the end of main had no room. */
	assert_int_equal(number_of(field(whole, "otherData"), "lost"), 2);
	assert_int_equal(text_read(&text, errors.path), 0);
	assert_non_null(strstr(text.bytes,
		": the record has room for 65536 entries, and 2 more were "
		"lost\n"));
	text_fini(&text);
	json_decref(whole);
	unlink(file.path);
	unlink(errors.path);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_scenario_s_record_is_true),
		cmocka_unit_test(the_record_says_who_saw_the_error),
		cmocka_unit_test(
			ledgers_of_the_failing_cases_differ_in_one_line),
		cmocka_unit_test(explain_leaves_the_rest_as_it_is),
		cmocka_unit_test(a_killed_program_leaves_a_whole_file),
		cmocka_unit_test(an_interrupted_program_leaves_a_whole_file),
		cmocka_unit_test(an_interrupted_program_ends_after_its_scribe),
		cmocka_unit_test(
			a_program_interrupted_at_its_end_ends_after_its_scribe),
		cmocka_unit_test(a_program_at_its_limit_leaves_a_whole_file),
		cmocka_unit_test(a_file_that_cannot_be_written_is_refused),
		cmocka_unit_test(a_full_device_is_told_of),
		cmocka_unit_test(what_a_killed_worker_did_is_in_the_record),
		cmocka_unit_test(a_scribe_is_not_interrupted_before_it_begins),
		cmocka_unit_test(who_has_the_lock_already_has_it_from_nobody),
		cmocka_unit_test(a_full_record_says_so),
	};

	return cmocka_run_group_tests_name(
		       "scenario_trace", tests, NULL, NULL) != 0;
}
