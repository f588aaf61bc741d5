/*
 * bench.c - how fast Forklore is, beside what.
 *
 *     build/bench             each figure beside its peers, in turn
 *     build/bench --growth    how costs grow with what there is more of
 *
 * Every measurement runs in processes of its own (party.h). Between two
 * measurements of Forklore each peer is measured once, so that what disturbs
 * the machine disturbs all; a ratio is made in each round, and its median and
 * extremes over all rounds are told. A ratio says how many times as good
 * Forklore is as the peer: above 1 it is ahead.
 *
 * Exits with 0 if all was measured, also where a peer is not installed; with 1
 * if something failed or hung, and with 2 for wrong options. How fast anything
 * was does not matter to that. To be run in the root of the repository.
 */
#include "error.h"
#include "figure.h"
#include "growth.h"
#include "option.h"
#include "output.h"
#include "python.h"
#include "series.h"

#include <argp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

#define LIMIT_LIMIT 86400

struct options_of_bench {
	struct effort effort;
	bool csv, list, growth;
	/* The name of the one to be measured; NULL for all. */
	const char *only;
};

static const struct argp_option known_options[] = {
	{.name = "csv", .key = 'c', .doc = "Print rows for programs"},
	{.name = "growth",
		.key = 'g',
		.doc = "Measure how costs grow, instead"},
	{.name = "rounds",
		.key = 'r',
		.arg = "N",
		.doc = "Measure each N times (7; 3 with --growth; 1 with "
		       "--quick)"},
	{.name = "quick",
		.key = 'q',
		.doc = "Measure little, only to see that it works"},
	{.name = "only",
		.key = 'o',
		.arg = "NAME",
		.doc = "Measure only what has this name"},
	{.name = "list",
		.key = 'l',
		.doc = "Name what can be measured, and measure nothing"},
	{.name = "limit",
		.key = 't',
		.arg = "SECONDS",
		.doc = "Take a measurement for a hang after so long (120)"},
	{0},
};

static error_t
parse_option(int key, char *text, struct argp_state *state)
{
	struct options_of_bench *options = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		/* One line says what is wrong; no second one to try --help. */
		state->err_stream = NULL;
		return 0;
	case 'c':
		options->csv = true;
		return 0;
	case 'g':
		options->growth = true;
		return 0;
	case 'r':
		options->effort.rounds = (int)option_whole_number(
			"rounds", text, 1, ROUNDS_LIMIT);
		return 0;
	case 'q':
		options->effort.quick = true;
		return 0;
	case 'o':
		options->only = text;
		return 0;
	case 'l':
		options->list = true;
		return 0;
	case 't':
		options->effort.limit =
			option_seconds("limit", text, 0.001, LIMIT_LIMIT);
		return 0;
	case ARGP_KEY_ARG:
		option_refuse_word(text);
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

/* What depends on several options. */
static void
complete(struct options_of_bench *options)
{
	if (options->effort.rounds == 0)
		options->effort.rounds = options->effort.quick ? 1
					 : options->growth     ? 3
							       : 7;
	if (!options->only)
		return;
	if (options->growth && !growth_find(options->only))
		option_refuse("only", options->only,
			"a name that --growth --list gives");
	if (!options->growth && !figure_find(options->only))
		option_refuse(
			"only", options->only, "a name that --list gives");
}

static struct options_of_bench
read_options(int argc, char *argv[])
{
	static const struct argp parser = {
		.options = known_options,
		.parser = parse_option,
		.doc = "Measures how fast Forklore is, beside what.",
	};
	struct options_of_bench options = {.effort = {.limit = 120}};

	if (argp_parse(&parser, argc, argv, 0, NULL, &options) != 0)
		exit(2);
	complete(&options);
	return options;
}

/* What is wanted beside each peer, for programs that read rows. */
static void
list_wishes(void)
{
	printf("name,unit,peer,wanted\n");
	for (const struct figure *const *one = figures; *one; one++)
		for (int i = 0; i < PEERS_LIMIT && (*one)->peers[i].name; i++)
			printf("%s,%s,%s,%.3g\n", (*one)->name, (*one)->unit,
				(*one)->peers[i].name, (*one)->peers[i].wanted);
}

static void
list(const struct options_of_bench *options)
{
	if (options->growth)
		for (const struct growth *one = growths; one->name; one++)
			printf("%-16s %s (%s)\n", one->name, one->about,
				one->unit);
	else if (options->csv)
		list_wishes();
	else
		for (const struct figure *const *one = figures; *one; one++)
			printf("%-16s %s (%s)\n", (*one)->name, (*one)->about,
				(*one)->unit);
}

/* Says what cannot be measured, if an error says that; tells whether not. */
static bool
is_well(const char *name, struct error *error)
{
	if (!error)
		return true;
	fprintf(stderr, "bench: %s: %s\n", name, error->message);
	error_free(error);
	return false;
}

static bool
measure_figures(const struct options_of_bench *options)
{
	const struct figure *const *figure = figures;
	struct finding finding;
	bool is_sound = true;

	output_head(options->csv);
	for (; *figure; figure++) {
		if (options->only && *figure != figure_find(options->only))
			continue;
		if (is_well((*figure)->name,
			    TRACED(series_run(*figure, &options->effort,
				    &finding, &is_sound))))
			output_finding(&finding, options->csv);
		else
			is_sound = false;
	}
	python_end();
	return is_sound;
}

static bool
measure_growths(const struct options_of_bench *options)
{
	const struct growth *growth = growths;
	bool is_sound = true;

	growth_head(options->csv);
	for (; growth->name; growth++) {
		if (options->only && growth != growth_find(options->only))
			continue;
		if (!is_well(growth->name,
			    TRACED(growth_run(
				    growth, &options->effort, options->csv))))
			is_sound = false;
	}
	return is_sound;
}

/* The peers' sources are looked for by their names. */
static void
refuse_other_folders(void)
{
	if (access("bench/peer.py", R_OK) == 0)
		return;
	fprintf(stderr, "bench: is to be run in the root of the repository, "
			"where bench/peer.py is\n");
	exit(2);
}

/* What was lost on the way to a full disk is told. */
static bool
is_printed(void)
{
	if (!ferror(stdout) && fflush(stdout) == 0)
		return true;
	fprintf(stderr, "bench: not all could be written to standard output\n");
	return false;
}

int
main(int argc, char *argv[])
{
	struct options_of_bench options = read_options(argc, argv);
	bool is_sound;

	if (options.list) {
		list(&options);
		return !is_printed();
	}
	refuse_other_folders();
	/* Who loses its parent becomes a child of this process. */
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	is_sound = options.growth ? measure_growths(&options)
				  : measure_figures(&options);
	return !(is_printed() && is_sound);
}
