/* children.c - see children.h. */

#include "children.h"

#include "text.h"

#include <ctype.h>
#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The parent of a process, or 0 if there is no such process any more. */
static pid_t
find_parent(const char *pid)
{
	struct text stat = {0};
	char *file = text_format("/proc/%s/stat", pid);
	const char *name_end;
	int parent = 0;

	/* The name may contain anything, but what follows it no ')'. */
	if (text_read(&stat, file) == 0 && stat.length > 0 &&
		(name_end = strrchr(stat.bytes, ')')))
		sscanf(name_end, ") %*c %d", &parent);
	text_fini(&stat);
	free(file);
	return parent;
}

void
children_kill(void)
{
	DIR *processes = opendir("/proc");
	struct dirent *entry;

	while (processes && (entry = readdir(processes)))
		if (isdigit((unsigned char)entry->d_name[0]) &&
			find_parent(entry->d_name) == getpid())
			kill(atoi(entry->d_name), SIGKILL);
	if (processes)
		closedir(processes);
}
