#include "scenario.h"

#include "board.h"
#include "error.h"
#include "option.h"
#include "panic.h"
#include "report.h"
#include "scribe.h"
#include "sys.h"
#include "trace.h"

#include <argp.h>
#include <errno.h>
#include <fcntl.h>
#include <fenv.h>
#include <math.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TASKS_LIMIT 1000000
/* Each takes two descriptors, of which there are often no more than 1024. */
#define WORKERS_LIMIT 400
#define SECONDS_LIMIT 86400.0
#define LEAST_LIMIT 0.001

const char *argp_program_version = "forklore 1.0";

/* Inherited by the workers, so that all draw from one seed. */
static uint64_t seed;

/* For how many seconds the program may run. */
static double time_limit = FOREVER;

/* What is wanted of a record of the run. */
static struct scribe_order record = {.file = -1};

static const struct argp_option known_options[] = {
	{.name = "tasks", .key = 't', .arg = "N", .doc = "Submit N tasks (4)"},
	{.name = "workers",
		.key = 'w',
		.arg = "N",
		.doc = "Have N workers in the pool (4)"},
	{.name = "delay",
		.key = 'd',
		.arg = "SECONDS",
		.doc = "Sleep so long before the tasks are notified (1)"},
	{.name = "seed",
		.key = 's',
		.arg = "N",
		.doc = "Draw the numbers that belong to N (new ones each run)"},
	{.name = "limit",
		.key = 'l',
		.arg = "SECONDS",
		.doc = "End after so long, and say who waits for what"},
	{.name = "trace",
		.key = 'r',
		.arg = "FILE",
		.doc = "Write to FILE what happened in the run"},
	{.name = "explain",
		.key = 'e',
		.doc = "Say in the end what became of each task"},
	{0},
};

static error_t
parse_option(int key, char *text, struct argp_state *state)
{
	struct options *options = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		/* One line says what is wrong; no second one to try --help. */
		state->err_stream = NULL;
		return 0;
	case 't':
		options->tasks =
			(int)option_whole_number("tasks", text, 1, TASKS_LIMIT);
		return 0;
	case 'w':
		options->workers = (int)option_whole_number(
			"workers", text, 1, WORKERS_LIMIT);
		return 0;
	case 'd':
		options->delay =
			option_seconds("delay", text, 0, SECONDS_LIMIT);
		return 0;
	case 's':
		seed = option_seed(text);
		return 0;
	case 'l':
		time_limit = option_seconds(
			"limit", text, LEAST_LIMIT, SECONDS_LIMIT);
		return 0;
	case 'r':
		record.path = text;
		return 0;
	case 'e':
		record.explain = true;
		return 0;
	case ARGP_KEY_ARG:
		option_refuse_word(text);
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

/*
 * If one of the three standard descriptors is closed, the next that is opened
 * gets its number, and lines for standard output would go who knows where.
 */
static void
open_standard_descriptors(void)
{
	int descriptor;

	do
		descriptor = open("/dev/null", O_RDWR);
	while (descriptor >= 0 && descriptor <= STDERR_FILENO);
	close(descriptor);
}

/* Has the run recorded, if that is wanted. */
static struct error *
start_record(int argc, char *argv[])
{
	char expected[128];

	record.argc = argc;
	record.argv = argv;
	if (record.path) {
		record.file = open(record.path,
			O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
		if (record.file < 0) {
			snprintf(expected, sizeof(expected),
				"a file that can be written: %s",
				strerror(errno));
			option_refuse("trace", record.path, expected);
		}
	}
	if (record.path || record.explain)
		TRY(scribe_start(&record));
	return NULL;
}

static struct error *
start_watching(int argc, char *argv[])
{
	TRY(start_record(argc, argv));
	TRY(report_when_it_hangs(time_limit));
	return NULL;
}

struct options
scenario_options(int argc, char *argv[])
{
	static const struct argp parser = {
		.options = known_options,
		.parser = parse_option,
		.doc = "One case of sharing a condition variable with a "
		       "process pool.",
	};
	struct options options = {.tasks = 4, .workers = 4, .delay = 1};
	struct error *error;

	open_standard_descriptors();
	sys_random(&seed, sizeof(seed));
	if (argp_parse(&parser, argc, argv, 0, NULL, &options) != 0)
		exit(2);
	error = TRACED(start_watching(argc, argv));
	if (error)
		exit(scenario_status(error));
	return options;
}

/* Writes the whole text, at once if the system can. */
static bool
write_text(int descriptor, const char *text, size_t length)
{
	while (length > 0) {
		ssize_t wrote = write(descriptor, text, length);

		if (wrote < 0 && errno != EINTR)
			return false;
		if (wrote > 0) {
			text += wrote;
			length -= (size_t)wrote;
		}
	}
	return true;
}

/* Takes an error. */
static void
print_traceback(struct error *error)
{
	char *traceback = error_traceback(error);

	error_free(error);
	write_text(STDERR_FILENO, traceback, strlen(traceback));
	free(traceback);
}

int
scenario_status(struct error *error)
{
	int status = error ? 1 : 0;

	if (error)
		print_traceback(error);
	trace(.kind = TRACE_EXIT, .status = status << 8);
	scribe_finish();
	return status;
}

void
say(const char *format, ...)
{
	va_list arguments;
	char *text, *line;
	int length;
	bool written;

	va_start(arguments, format);
	length = vasprintf(&text, format, arguments);
	va_end(arguments);
	if (length < 0 || (length = asprintf(&line, "%s\n", text)) < 0)
		panic("out of memory");
	board_begin(ACTIVITY_PRINT, 0);
	trace_begin_line();
	trace(.kind = TRACE_PRINT, .text = text);
	written = write_text(STDOUT_FILENO, line, (size_t)length);
	trace_end_line();
	board_end();
	if (!written) {
		fprintf(stderr, "%s: cannot write to standard output: %s\n",
			program_invocation_short_name, strerror(errno));
		_exit(1);
	}
	free(text);
	free(line);
}

void
pause_for(double seconds_to_pause)
{
	board_begin(ACTIVITY_SLEEP, 0);
	trace(.kind = TRACE_SLEEP);
	sys_sleep(seconds_to_pause);
	trace(.kind = TRACE_WAKE);
	board_end();
}

/*
 * The last step of splitmix64: spreads the bits of a number. Source: G. Steele,
 * D. Lea, C. Flood, "Fast splittable pseudorandom number generators", 2014.
 */
static uint64_t
mix(uint64_t bits)
{
	bits = (bits ^ (bits >> 30)) * 0xbf58476d1ce4e5b9;
	bits = (bits ^ (bits >> 27)) * 0x94d049bb133111eb;
	return bits ^ (bits >> 31);
}

double
draw(long long task)
{
	uint64_t bits = mix(mix(seed) + (uint64_t)task);

	/* A double has room for 53 bits. */
	return (double)(bits >> 11) * 0x1p-53;
}

/*
 * Writes a real with so many digits, rounded to the nearest or away from 0, and
 * tells whether it reads back. At a power of 2, only the latter may do.
 */
static bool
write_digits(struct real_text *text, double real, int digits, int rounding)
{
	int old = fegetround();

	fesetround(rounding);
	snprintf(text->digits, sizeof(text->digits), "%.*g", digits, real);
	fesetround(old);
	return strtod(text->digits, NULL) == real;
}

/* How many digits are before the point, where Python writes no exponent. */
static int
whole_digits(double real)
{
	double size = fabs(real);

	return size >= 1 && size < 1e16 ? 1 + (int)log10(size) : 1;
}

struct real_text
real_text(double real)
{
	int away = real < 0 ? FE_DOWNWARD : FE_UPWARD;
	struct real_text text;
	int digits = whole_digits(real);

	while (!write_digits(&text, real, digits, FE_TONEAREST) &&
		!write_digits(&text, real, digits, away) && digits < 17)
		digits++;
	/* Python tells a real from an integer. */
	if (isfinite(real) && !strpbrk(text.digits, ".e"))
		strcat(text.digits, ".0");
	return text;
}
