/*
 * test_layers.c - the library's includes go downward, as docs/architecture.md
 * says.
 *
 * There, under the heading "## Layers", a table has a row for each layer, such
 * as "| 3 | value, encoding |", and a line "Public: condition, error" names the
 * modules that scenarios may include. A module is NAME.h, NAME.c, or both. It
 * includes its own header, and those of lower layers, and no others.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* CMocka wants these four before it. */
#include <cmocka.h>

#include <ctype.h>
#include <dirent.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MODULES_LIMIT 128
#define NAME_SIZE 64
#define DOCUMENT "docs/architecture.md"

struct module {
	char name[NAME_SIZE];
	int layer;
	bool is_public;
	/* Whether a file of that name was seen. */
	bool exists;
};

/* The table, and what there is to complain of. */
struct layers {
	struct module modules[MODULES_LIMIT];
	size_t count;
	FILE *complaints;
	char *text;
	size_t length;
};

static void
layers_init(struct layers *layers)
{
	*layers = (struct layers){.count = 0};
	layers->complaints = open_memstream(&layers->text, &layers->length);
	assert_non_null(layers->complaints);
}

static void
layers_fini(struct layers *layers)
{
	fclose(layers->complaints);
	free(layers->text);
}

static struct module *
find_module(struct layers *layers, const char *name)
{
	for (size_t i = 0; i < layers->count; i++)
		if (strcmp(layers->modules[i].name, name) == 0)
			return &layers->modules[i];
	return NULL;
}

static void
add_module(struct layers *layers, const char *name, int layer)
{
	struct module *module = &layers->modules[layers->count];

	if (find_module(layers, name)) {
		fprintf(layers->complaints,
			DOCUMENT ": '%s' stands in two layers\n", name);
		return;
	}
	assert_true(layers->count < MODULES_LIMIT);
	layers->count++;
	snprintf(module->name, NAME_SIZE, "%s", name);
	module->layer = layer;
}

static void
make_public(struct layers *layers, const char *name)
{
	struct module *module = find_module(layers, name);

	if (module)
		module->is_public = true;
	else
		fprintf(layers->complaints,
			DOCUMENT ": '%s' is public, but in no layer\n", name);
}

/* Takes the next name off a list that is divided by whatever is no name. */
static bool
next_name(const char **list, char name[NAME_SIZE])
{
	size_t length = 0;

	while (**list && !isalnum((unsigned char)**list) && **list != '_')
		++*list;
	while (isalnum((unsigned char)**list) || **list == '_') {
		assert_true(length < NAME_SIZE - 1);
		name[length++] = *(*list)++;
	}
	name[length] = 0;
	return length > 0;
}

/* Rows without a number are the head of the table. */
static void
parse_line(struct layers *layers, const char *line)
{
	char name[NAME_SIZE];
	const char *names;
	int layer, length;

	if (sscanf(line, "| %d |%n", &layer, &length) == 1) {
		names = line + length;
		while (next_name(&names, name))
			add_module(layers, name, layer);
	} else if (strncmp(line, "Public:", strlen("Public:")) == 0) {
		names = line + strlen("Public:");
		while (next_name(&names, name))
			make_public(layers, name);
	}
}

/* Reads what stands between the heading and the next one. */
static void
parse_document(struct layers *layers, const char *document)
{
	char *copy = strdup(document), *rest, *line;
	bool within = false;

	assert_non_null(copy);
	for (line = strtok_r(copy, "\n", &rest); line;
		line = strtok_r(NULL, "\n", &rest)) {
		if (*line == '#')
			within = strcmp(line, "## Layers") == 0;
		else if (within)
			parse_line(layers, line);
	}
	free(copy);
	if (layers->count == 0)
		fprintf(layers->complaints,
			DOCUMENT ": no table under '## Layers'\n");
}

/* Gives the name of what a line includes in quotes, without its ".h". */
static bool
parse_include(const char *line, char name[NAME_SIZE])
{
	int length = 0;

	if (sscanf(line, " # include \"%63[^\"]\"%n", name, &length) != 1 ||
		length == 0)
		return false;
	length = (int)strlen(name) - 2;
	if (length > 0 && strcmp(name + length, ".h") == 0)
		name[length] = 0;
	return true;
}

/* Gives the module to which a file belongs: "value" for "common/value.c". */
static void
module_name(const char *file, char name[NAME_SIZE])
{
	const char *slash = strrchr(file, '/');

	snprintf(name, NAME_SIZE, "%s", slash ? slash + 1 : file);
	if (strrchr(name, '.'))
		*strrchr(name, '.') = 0;
}

typedef void
check_include(struct layers *layers, const char *file, const char *included);

static void
check_downward(struct layers *layers, const char *file, const char *included)
{
	struct module *below = find_module(layers, included), *above;
	char name[NAME_SIZE];

	module_name(file, name);
	above = find_module(layers, name);
	if (!above || strcmp(name, included) == 0)
		return;
	if (!below)
		fprintf(layers->complaints,
			"%s includes \"%s.h\", which is in no layer\n", file,
			included);
	else if (below->layer >= above->layer)
		fprintf(layers->complaints,
			"%s (layer %d) includes \"%s.h\" (layer %d), which "
			"does not stand below it\n",
			file, above->layer, included, below->layer);
}

static void
check_public(struct layers *layers, const char *file, const char *included)
{
	const struct module *module = find_module(layers, included);

	if (!module || !module->is_public)
		fprintf(layers->complaints,
			"%s includes \"%s.h\", which is not public\n", file,
			included);
}

static void
check_text(struct layers *layers, const char *file, const char *text,
	check_include *check)
{
	char *copy = strdup(text), *rest, *line;
	char included[NAME_SIZE];

	assert_non_null(copy);
	for (line = strtok_r(copy, "\n", &rest); line;
		line = strtok_r(NULL, "\n", &rest))
		if (parse_include(line, included))
			check(layers, file, included);
	free(copy);
}

static void
note_module(struct layers *layers, const char *file)
{
	struct module *module;
	char name[NAME_SIZE];

	module_name(file, name);
	module = find_module(layers, name);
	if (module)
		module->exists = true;
	else
		fprintf(layers->complaints,
			"%s: '%s' is in no layer of " DOCUMENT "\n", file,
			name);
}

static void
check_that_all_exist(struct layers *layers)
{
	for (size_t i = 0; i < layers->count; i++)
		if (!layers->modules[i].exists)
			fprintf(layers->complaints,
				DOCUMENT ": there is no module '%s'\n",
				layers->modules[i].name);
}

/* The whole of a file, which the caller frees. */
static char *
read_whole(const char *file)
{
	FILE *stream = fopen(file, "r");
	char *text = NULL;
	size_t size = 0;

	if (!stream)
		fail_msg("%s cannot be read; run this where it is", file);
	/* No file holds a zero byte, so this takes all of it. */
	if (getdelim(&text, &size, 0, stream) < 0)
		fail_msg("%s is empty", file);
	fclose(stream);
	return text;
}

static int
is_source(const struct dirent *entry)
{
	const char *dot = strrchr(entry->d_name, '.');

	return dot && (strcmp(dot, ".c") == 0 || strcmp(dot, ".h") == 0);
}

/* Checks all sources in a directory; they are modules, or only include some. */
static void
check_directory(struct layers *layers, const char *directory, bool modules)
{
	struct dirent **entries;
	int count = scandir(directory, &entries, is_source, alphasort);

	if (count <= 0)
		fail_msg("no sources in %s; run this where it is", directory);
	for (int i = 0; i < count; i++) {
		char file[512];
		char *text;

		snprintf(file, sizeof(file), "%s/%s", directory,
			entries[i]->d_name);
		text = read_whole(file);
		if (modules)
			note_module(layers, file);
		check_text(layers, file, text,
			modules ? check_downward : check_public);
		free(text);
		free(entries[i]);
	}
	free(entries);
}

static void
nothing_must_be_wrong(struct layers *layers)
{
	fflush(layers->complaints);
	if (layers->length > 0)
		fputs(layers->text, stderr);
	assert_int_equal(layers->length, 0);
	layers_fini(layers);
}

static void
parse_the_document(struct layers *layers)
{
	char *document = read_whole(DOCUMENT);

	layers_init(layers);
	parse_document(layers, document);
	free(document);
}

static void
includes_in_common_go_downward(void **state)
{
	struct layers layers;

	(void)state;
	parse_the_document(&layers);
	check_directory(&layers, "common", true);
	check_that_all_exist(&layers);
	nothing_must_be_wrong(&layers);
}

static void
scenarios_include_what_is_public(void **state)
{
	struct layers layers;

	(void)state;
	parse_the_document(&layers);
	check_directory(&layers, "scenarios", false);
	nothing_must_be_wrong(&layers);
}

/* What follows shows that the tests above can fail. */

static const char example[] = "# Of nothing\n"
			      "| 7 | elsewhere |\n"
			      "## Layers\n"
			      "| layer | modules |\n"
			      "|---|---|\n"
			      "| 2 | roof |\n"
			      "| 1 | wall, door |\n"
			      "| 0 | floor |\n"
			      "\n"
			      "Public: roof, floor\n"
			      "### More\n"
			      "| 9 | sky |\n";

/* A text of a file leads to this complaint, or to none if that is "". */
static void
must_complain(const char *file, const char *text, check_include *check,
	const char *complaint)
{
	struct layers layers;

	layers_init(&layers);
	parse_document(&layers, example);
	check_text(&layers, file, text, check);
	fflush(layers.complaints);
	assert_string_equal(layers.text, complaint);
	layers_fini(&layers);
}

static void
include_of_a_lower_layer_is_fine(void **state)
{
	(void)state;
	must_complain("common/roof.c",
		"#include \"roof.h\"\n\n#include \"wall.h\"\n"
		"#include \"floor.h\"\n#include <sky.h>\n",
		check_downward, "");
}

static void
include_upward_or_sideways_is_found(void **state)
{
	(void)state;
	must_complain("common/wall.c",
		"#include \"floor.h\"\n#include \"roof.h\"\n", check_downward,
		"common/wall.c (layer 1) includes \"roof.h\" (layer 2), which "
		"does not stand below it\n");
	must_complain("common/wall.h", "#  include  \"door.h\" /* a door */\n",
		check_downward,
		"common/wall.h (layer 1) includes \"door.h\" (layer 1), which "
		"does not stand below it\n");
}

static void
include_of_what_is_in_no_layer_is_found(void **state)
{
	(void)state;
	must_complain("common/roof.c", "int a;\n#include \"sky.h\"\n",
		check_downward,
		"common/roof.c includes \"sky.h\", which is in no layer\n");
	must_complain("common/roof.c", "#include \"elsewhere.h\"\n",
		check_downward,
		"common/roof.c includes \"elsewhere.h\", which is in no "
		"layer\n");
}

static void
include_of_what_is_not_public_is_found(void **state)
{
	(void)state;
	must_complain("scenarios/a.c",
		"#include \"roof.h\"\n#include \"wall.h\"\n", check_public,
		"scenarios/a.c includes \"wall.h\", which is not public\n");
}

static void
missing_modules_are_found(void **state)
{
	struct layers layers;

	(void)state;
	layers_init(&layers);
	parse_document(&layers, example);
	note_module(&layers, "common/roof.h");
	note_module(&layers, "common/wall.c");
	note_module(&layers, "common/door.h");
	note_module(&layers, "common/cellar.c");
	check_that_all_exist(&layers);
	fflush(layers.complaints);
	assert_string_equal(layers.text,
		"common/cellar.c: 'cellar' is in no layer of " DOCUMENT
		"\n" DOCUMENT ": there is no module 'floor'\n");
	layers_fini(&layers);
}

static void
faults_of_the_table_are_found(void **state)
{
	struct layers layers;

	(void)state;
	layers_init(&layers);
	parse_document(&layers, "# Layers\n| 1 | a |\n");
	parse_document(&layers, "## Layers\n| 1 | a, b |\n| 0 | b |\n"
				"Public: c\n");
	fflush(layers.complaints);
	assert_string_equal(layers.text,
		DOCUMENT ": no table under '## Layers'\n" DOCUMENT
			 ": 'b' stands in two layers\n" DOCUMENT
			 ": 'c' is public, but in no layer\n");
	layers_fini(&layers);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(includes_in_common_go_downward),
		cmocka_unit_test(scenarios_include_what_is_public),
		cmocka_unit_test(include_of_a_lower_layer_is_fine),
		cmocka_unit_test(include_upward_or_sideways_is_found),
		cmocka_unit_test(include_of_what_is_in_no_layer_is_found),
		cmocka_unit_test(include_of_what_is_not_public_is_found),
		cmocka_unit_test(missing_modules_are_found),
		cmocka_unit_test(faults_of_the_table_are_found),
	};

	return cmocka_run_group_tests_name("layers", tests, NULL, NULL) != 0;
}
