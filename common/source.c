#include "source.h"

#include <elfutils/libdwfl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/*
 * All that is wanted stands in the program itself: no other file is looked for,
 * and no server asked.
 */
static int
look_nowhere_else(Dwfl_Module *module, void **user, const char *name,
	Dwarf_Addr base, const char *file, const char *link, GElf_Word crc,
	char **found)
{
	(void)module, (void)user, (void)name, (void)base;
	(void)file, (void)link, (void)crc, (void)found;
	return -1;
}

static const Dwfl_Callbacks callbacks = {
	.find_elf = dwfl_linux_proc_find_elf,
	.find_debuginfo = look_nowhere_else,
};

struct source *
source_open(void)
{
	Dwfl *dwfl = dwfl_begin(&callbacks);

	if (dwfl && (dwfl_linux_proc_report(dwfl, getpid()) != 0 ||
			    dwfl_report_end(dwfl, NULL, NULL) != 0)) {
		dwfl_end(dwfl);
		dwfl = NULL;
	}
	return (struct source *)dwfl;
}

void
source_close(struct source *source)
{
	if (source)
		dwfl_end((Dwfl *)source);
}

/* Without the directory in which the compiler ran. */
static const char *
as_named(Dwfl_Line *line, const char *file)
{
	const char *directory = dwfl_line_comp_dir(line);
	size_t length = directory ? strlen(directory) : 0;

	if (length > 0 && strncmp(file, directory, length) == 0 &&
		file[length] == '/')
		return file + length + 1;
	return file;
}

const char *
source_of_call(struct source *source, const void *address, int *number)
{
	/* The call ends where it returns to, and may be the last of a line. */
	Dwarf_Addr call = (uintptr_t)address - 1;
	Dwfl_Module *module =
		source ? dwfl_addrmodule((Dwfl *)source, call) : NULL;
	Dwfl_Line *line = module ? dwfl_module_getsrc(module, call) : NULL;
	const char *file =
		line ? dwfl_lineinfo(line, NULL, number, NULL, NULL, NULL)
		     : NULL;

	return file ? as_named(line, file) : NULL;
}
