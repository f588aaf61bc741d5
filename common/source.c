#include "source.h"

#include <dwarf.h>
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

/* The program, if an address is in it, and not in some shared library. */
static Dwfl_Module *
own_module(struct source *source, Dwarf_Addr address)
{
	Dwfl_Module *own =
		dwfl_addrmodule((Dwfl *)source, (uintptr_t)source_open);

	return dwfl_addrmodule((Dwfl *)source, address) == own ? own : NULL;
}

/*
 * The compilation that an address is of. All are asked: a table of their
 * addresses is what not every compiler makes.
 */
static Dwarf_Die *
find_unit(Dwfl_Module *module, Dwarf_Addr address, Dwarf_Addr *bias)
{
	Dwarf_Die *unit = NULL;

	while ((unit = dwfl_module_nextcu(module, unit, bias)))
		if (dwarf_haspc(unit, address - *bias) > 0)
			return unit;
	return NULL;
}

/* Without the directory in which the compiler ran. */
static const char *
as_named(Dwarf_Die *unit, const char *file)
{
	Dwarf_Attribute attribute;
	const char *directory =
		dwarf_formstring(dwarf_attr(unit, DW_AT_comp_dir, &attribute));
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
	Dwarf_Addr call = (uintptr_t)address - 1, bias;
	Dwfl_Module *module = source ? own_module(source, call) : NULL;
	Dwarf_Die *unit = module ? find_unit(module, call, &bias) : NULL;
	Dwarf_Line *line = unit ? dwarf_getsrc_die(unit, call - bias) : NULL;
	const char *file = line ? dwarf_linesrc(line, NULL, NULL) : NULL;

	if (!file || dwarf_lineno(line, number) != 0)
		return NULL;
	return as_named(unit, file);
}
