#include "output.h"

#include "series.h"

#include <stdio.h>

static const char table_head[] =
	"%-15s %-8s %10s  %-28s %10s %7s  %-15s %-8s %s\n";

void
output_head(bool csv)
{
	if (csv)
		printf("name,unit,ours,peer,peer_value,ratio,low,high\n");
	else
		printf(table_head, "figure", "unit", "ours", "beside",
			"its value", "ratio", "low to high", "wanted", "");
	fflush(stdout);
}

/* Four digits that count, as people write them. */
static const char *
number_text(double number, char text[32])
{
	int decimals = number >= 1000  ? 0
		       : number >= 100 ? 1
		       : number >= 10  ? 2
				       : 3;

	snprintf(text, 32, "%.*f", decimals, number);
	return text;
}

static void
print_row(const struct finding *finding, const struct beside *beside)
{
	char ours[32], theirs[32], ratio[32], spread[80], wanted[32] = "";
	char low[32], high[32];
	double wish = beside->peer->wanted;

	snprintf(spread, sizeof(spread), "%s to %s",
		number_text(beside->ratio.low, low),
		number_text(beside->ratio.high, high));
	if (wish > 0)
		snprintf(wanted, sizeof(wanted), ">= %.3g", wish);
	printf(table_head, finding->figure->name, finding->figure->unit,
		number_text(finding->median, ours), beside->peer->name,
		number_text(beside->median, theirs),
		number_text(beside->ratio.median, ratio), spread, wanted,
		wish <= 0                      ? ""
		: beside->ratio.median >= wish ? "met"
					       : "not met");
}

static void
print_csv_row(const struct finding *finding, const struct beside *beside)
{
	printf("%s,%s,%.6g,%s,%.6g,%.6g,%.6g,%.6g\n", finding->figure->name,
		finding->figure->unit, finding->median, beside->peer->name,
		beside->median, beside->ratio.median, beside->ratio.low,
		beside->ratio.high);
}

/* What no peer could be measured of stands alone. */
static void
print_alone(const struct finding *finding, bool csv)
{
	char ours[32];

	if (csv)
		printf("%s,%s,%.6g,,,,,\n", finding->figure->name,
			finding->figure->unit, finding->median);
	else
		printf("%-15s %-8s %10s  nobody\n", finding->figure->name,
			finding->figure->unit,
			number_text(finding->median, ours));
}

void
output_finding(const struct finding *finding, bool csv)
{
	bool is_alone = true;

	for (int i = 0; i < PEERS_LIMIT; i++) {
		if (!finding->beside[i].is_measured)
			continue;
		is_alone = false;
		if (csv)
			print_csv_row(finding, &finding->beside[i]);
		else
			print_row(finding, &finding->beside[i]);
	}
	if (is_alone)
		print_alone(finding, csv);
	fflush(stdout);
}
