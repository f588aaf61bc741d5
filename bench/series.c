#include "series.h"

#include "error.h"
#include "party.h"
#include "python.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The rounds of one figure: what was measured of it, and of each peer. */
struct series {
	const struct figure *figure;
	const struct effort *effort;
	struct trial trial;
	double ours[ROUNDS_LIMIT];
	double theirs[PEERS_LIMIT][ROUNDS_LIMIT];
	bool takes_part[PEERS_LIMIT];
};

static int
compare_numbers(const void *one, const void *other)
{
	double difference = *(const double *)one - *(const double *)other;

	return (difference > 0) - (difference < 0);
}

struct spread
spread_of(const double *numbers, size_t count)
{
	double sorted[ROUNDS_LIMIT];

	memcpy(sorted, numbers, count * sizeof(*sorted));
	qsort(sorted, count, sizeof(*sorted), compare_numbers);
	return (struct spread){
		.median = (sorted[(count - 1) / 2] + sorted[count / 2]) / 2,
		.low = sorted[0],
		.high = sorted[count - 1],
	};
}

/* Leaves a peer out, and says why, if that was not said before. */
static void
leave_out(struct series *series, int number, const char *how,
	struct error *error, bool is_said)
{
	if (!is_said)
		fprintf(stderr, "bench: %s: %s %s: %s\n", series->figure->name,
			series->figure->peers[number].name, how,
			error->message);
	error_free(error);
	series->takes_part[number] = false;
}

/* Whether it was told before that peers cannot be made ready in this way. */
static bool
was_told(struct error *(*prepare)(void))
{
	static struct error *(*told[2 * PEERS_LIMIT])(void);
	size_t i = 0;

	while (told[i] && told[i] != prepare)
		i++;
	if (told[i])
		return true;
	told[i] = prepare;
	return false;
}

static void
invite_peers(struct series *series)
{
	const struct peer *peers = series->figure->peers;
	struct error *error;

	for (int i = 0; i < PEERS_LIMIT && peers[i].name; i++) {
		series->takes_part[i] = true;
		error = peers[i].prepare ? TRACED(peers[i].prepare()) : NULL;
		if (error)
			leave_out(series, i, "is skipped", error,
				was_told(peers[i].prepare));
	}
}

static struct error *
measure_peer(const struct series *series, int number, double *value)
{
	const struct peer *peer = &series->figure->peers[number];
	double limit = series->effort->limit;

	if (peer->measure)
		TRY(party_measure(peer->measure, &series->trial, limit, value));
	else
		TRY(python_measure(&series->trial, limit, value));
	return NULL;
}

static struct error *
run_round(struct series *series, int round, bool *is_sound)
{
	struct error *error;

	TRY(party_measure(series->figure->measure, &series->trial,
		series->effort->limit, &series->ours[round]));
	for (int i = 0; i < PEERS_LIMIT; i++) {
		if (!series->takes_part[i])
			continue;
		error = TRACED(
			measure_peer(series, i, &series->theirs[i][round]));
		if (error) {
			leave_out(series, i, "is left out", error, false);
			*is_sound = false;
		}
	}
	return NULL;
}

static struct beside
compare(const struct series *series, int number)
{
	const double *theirs = series->theirs[number];
	size_t rounds = (size_t)series->effort->rounds;
	double ratios[ROUNDS_LIMIT];

	for (size_t i = 0; i < rounds; i++)
		ratios[i] = series->figure->is_rate
				    ? series->ours[i] / theirs[i]
				    : theirs[i] / series->ours[i];
	return (struct beside){
		.peer = &series->figure->peers[number],
		.is_measured = true,
		.median = spread_of(theirs, rounds).median,
		.ratio = spread_of(ratios, rounds),
	};
}

struct error *
series_run(const struct figure *figure, const struct effort *effort,
	struct finding *finding, bool *is_sound)
{
	/* Large, and there is only one at a time. */
	static struct series series;

	series = (struct series){.figure = figure, .effort = effort};
	series.trial = (struct trial){figure->name,
		effort->quick ? figure->quick_count : figure->count};
	invite_peers(&series);
	/* This one is overwritten by the next. */
	if (!effort->quick)
		TRY(run_round(&series, 0, is_sound));
	for (int round = 0; round < effort->rounds; round++)
		TRY(run_round(&series, round, is_sound));
	*finding = (struct finding){.figure = figure};
	finding->median = spread_of(series.ours, (size_t)effort->rounds).median;
	for (int i = 0; i < PEERS_LIMIT; i++)
		if (series.takes_part[i])
			finding->beside[i] = compare(&series, i);
	return NULL;
}
