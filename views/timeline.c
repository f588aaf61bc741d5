/* timeline.c - shows the record of a run. */
#include "record.h"

#include <stdio.h>

int
main(int argc, char *argv[])
{
	SCOPED(record) record = NULL;
	SCOPED(error) error = NULL;

	if (argc != 2)
		return 2;
	error = record_read(argv[1], &record);
	if (error)
		fprintf(stderr, "timeline: %s\n", error->message);
	for (size_t i = 0; record && i < record->entry_count; i++)
		printf("%lld %s %s\n", record->entries[i].time,
			record->places[record->entries[i].place].name,
			record->entries[i].name);
	return error != NULL;
}
