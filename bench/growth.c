#include "growth.h"

#include "error.h"
#include "party.h"
#include "series.h"

#include <stdio.h>
#include <string.h>

const struct growth *
growth_find(const char *name)
{
	for (const struct growth *growth = growths; growth->name; growth++)
		if (strcmp(growth->name, name) == 0)
			return growth;
	return NULL;
}

void
growth_head(bool csv)
{
	if (csv)
		printf("name,of,n,unit,value,low,high\n");
	else
		printf("%-16s %10s %-8s %10s %-15s %s\n", "growth", "", "",
			"cost", "", "low to high");
	fflush(stdout);
}

static void
print_row(const struct growth *growth, long size, const struct spread *cost,
	bool csv)
{
	if (csv)
		printf("%s,%s,%ld,%s,%.6g,%.6g,%.6g\n", growth->name,
			growth->of, size, growth->unit, cost->median, cost->low,
			cost->high);
	else
		printf("%-16s %10ld %-8s %10.3f %-15s %.3f to %.3f\n",
			growth->name, size, growth->of, cost->median,
			growth->unit, cost->low, cost->high);
	fflush(stdout);
}

/* All sizes in turn, then all again: what disturbs one disturbs all. */
struct error *
growth_run(const struct growth *growth, const struct effort *effort, bool csv)
{
	static double costs[SIZES_LIMIT][ROUNDS_LIMIT];
	int count = 0;

	while (count < (effort->quick ? 2 : SIZES_LIMIT) &&
		growth->sizes[count] > 0)
		count++;
	for (int round = 0; round < effort->rounds; round++)
		for (int i = 0; i < count; i++) {
			struct trial trial = {growth->name, growth->sizes[i]};

			TRY(party_measure(growth->measure, &trial,
				effort->limit, &costs[i][round]));
		}
	for (int i = 0; i < count; i++) {
		struct spread cost =
			spread_of(costs[i], (size_t)effort->rounds);

		print_row(growth, growth->sizes[i], &cost, csv);
	}
	return NULL;
}
