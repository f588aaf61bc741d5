/*
 * test_page.c - the walkthrough's page as build/page makes it: what is in it,
 * and what becomes of bad inputs.
 *
 * Runs in the root of the repository; BUILD in the environment is the folder of
 * the built programs, "build" if unset.
 */
#include "capture.h"
#include "text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* CMocka wants these four before it. */
#include <cmocka.h>

#include <ftw.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define LIMIT 60.0
#define WORDS_LIMIT 12

/* What could do harm in a page, if it were taken for more than text. */
#define HARM "</script><!-- <script> \"</SCRIPT>\" \xc3\xa9 \\u003c &lt;"

#define DOCUMENT                                \
	"# A title " HARM "\n\n"                \
	"A lesson\nof two lines, with `code`, " \
	"and " HARM "\n\nNot in the page.\n"

/* Each test has a folder of its own, with all that a page is made of. */
static char folder[64];

static char *
path_of(const char *name)
{
	return text_format("%s/%s", folder, name);
}

static void
write_bytes(const char *name, const char *bytes, size_t length)
{
	char *path = path_of(name);
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	if (length > 0)
		assert_int_equal(fwrite(bytes, 1, length, file), length);
	assert_int_equal(fclose(file), 0);
	free(path);
}

static void
write_text(const char *name, const char *text)
{
	write_bytes(name, text, strlen(text));
}

static struct text
read_file(const char *path)
{
	struct text text = {0};

	if (text_read(&text, path) != 0)
		fail_msg("%s cannot be read", path);
	return text;
}

/* What a file in the folder holds. */
static struct text
read_here(const char *name)
{
	char *path = path_of(name);
	struct text text = read_file(path);

	free(path);
	return text;
}

static struct outcome
run(char *const *argv)
{
	struct outcome outcome;
	char *complaint = outcome_capture(&outcome, argv, LIMIT);

	if (complaint || outcome.trouble)
		fail_msg("%s: %s", argv[0],
			complaint ? complaint : outcome.trouble);
	return outcome;
}

static char *
program(const char *name)
{
	const char *build = getenv("BUILD");

	return text_format("%s/%s", build ? build : "build", name);
}

/* Puts a run of a scenario into the folder, with its source and a document. */
static void
add_case(const char *name, const char *delay)
{
	char *scenario = text_format("scenarios/%s", name);
	char *words[] = {program(scenario), "--delay", (char *)delay, "--limit",
		"60", "--trace", text_format("%s/%s.json", folder, name), NULL};
	struct outcome outcome = run(words);
	const char *const extensions[] = {"out", "err"};
	char *source = text_format("%s.c", scenario);
	struct text text = read_file(source);
	char *document = text_format("%s.md", name);
	char *file = text_format("%s.c", name);

	for (int i = 0; i < 2; i++) {
		char *output = text_format("%s.%s", name, extensions[i]);

		write_bytes(output, outcome.streams[i].bytes,
			outcome.streams[i].length);
		free(output);
	}
	write_bytes(file, text.bytes, text.length);
	write_text(document, DOCUMENT);
	free(document);
	free(file);
	free(source);
	free(scenario);
	free(words[0]);
	free(words[6]);
	text_fini(&text);
	outcome_fini(&outcome);
}

/* Runs build/page for these cases; parts is where its own files are. */
static struct outcome
make_page(const char *output, const char *parts, const char *const *names)
{
	char *argv[WORDS_LIMIT + 5] = {program("page"),
		text_format("--output=%s", output),
		text_format("--runs=%s", folder),
		text_format("--docs=%s", folder),
		text_format("--sources=%s", folder),
		text_format("--parts=%s", parts)};
	struct outcome outcome;

	for (int i = 0; names[i]; i++)
		argv[6 + i] = (char *)names[i];
	outcome = run(argv);
	for (int i = 0; i < 6; i++)
		free(argv[i]);
	return outcome;
}

static int
new_folder(void **state)
{
	(void)state;
	strcpy(folder, "/tmp/forklore-page-XXXXXX");
	return mkdtemp(folder) ? 0 : -1;
}

static int
remove_one(const char *path, const struct stat *status, int kind,
	struct FTW *where)
{
	(void)status;
	(void)kind;
	(void)where;
	return remove(path);
}

static int
remove_folder(void **state)
{
	(void)state;
	return nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static size_t
count(const char *text, const char *words)
{
	size_t found = 0;

	for (text = strcasestr(text, words); text;
		text = strcasestr(text + 1, words))
		found++;
	return found;
}

/* The page's text, and the cases out of it, which are cut out of the text. */
static json_t *
cases_of(struct text *page)
{
	static const char begin[] = "<script type=\"application/json\" "
				    "id=\"cases\">\n";
	char *start = strstr(page->bytes, begin), *end;
	json_t *cases;

	assert_non_null(start);
	start += strlen(begin);
	end = strstr(start, "\n</script>");
	assert_non_null(end);
	cases = json_loadb(start, (size_t)(end - start), 0, NULL);
	assert_non_null(cases);
	memmove(start, end, strlen(end) + 1);
	return cases;
}

static const char *
text_in(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	if (!text)
		fail_msg("no text '%s'", key);
	return text;
}

/* Fails unless a case has in it, to the byte, what the file holds. */
static void
must_hold(const json_t *object, const char *key, const char *extension)
{
	char *name = text_format("%s.%s", text_in(object, "name"), extension);
	struct text text = read_here(name);

	assert_string_equal(
		text_in(object, key), text.length ? text.bytes : "");
	text_fini(&text);
	free(name);
}

/* Fails unless the lines of the record are those that were printed. */
static void
must_have_printed(const json_t *object)
{
	char *name = text_format("%s.out", text_in(object, "name"));
	struct text printed = read_here(name), recorded = {0};
	const json_t *events = json_object_get(
		json_object_get(object, "record"), "traceEvents");
	const json_t *event;
	size_t i;

	json_array_foreach(events, i, event)
	{
		const json_t *args = json_object_get(event, "args");
		const char *kind =
			json_string_value(json_object_get(args, "kind"));

		if (kind && strcmp(kind, "print") == 0)
			text_printf(&recorded, "%s\n", text_in(args, "text"));
	}
	assert_string_equal(recorded.bytes, printed.bytes);
	text_fini(&recorded);
	text_fini(&printed);
	free(name);
}

static void
must_be_whole(const json_t *object, const char *name)
{
	char *file = text_format("%s/%s.json", folder, name);
	json_t *record = json_load_file(file, 0, NULL);

	assert_string_equal(text_in(object, "name"), name);
	assert_string_equal(text_in(object, "title"), "A title " HARM);
	assert_string_equal(text_in(object, "lesson"),
		"A lesson of two lines, with `code`, and " HARM);
	assert_true(json_equal(record, json_object_get(object, "record")));
	must_hold(object, "source", "c");
	must_hold(object, "errors", "err");
	must_have_printed(object);
	json_decref(record);
	free(file);
}

static void
the_page_holds_all_of_each_case(void **state)
{
	const char *const names[] = {
		"silent_failure", "get_reraise", "fork_global", NULL};
	char *output = path_of("page.html");
	struct outcome outcome;
	struct text page;
	json_t *cases;

	(void)state;
	add_case("silent_failure", "0");
	add_case("get_reraise", "0");
	add_case("fork_global", "1");
	outcome = make_page(output, "views/page", names);
	assert_int_equal(outcome.status, 0);
	assert_int_equal(outcome.streams[0].length, 0);
	assert_int_equal(outcome.streams[1].length, 0);
	outcome_fini(&outcome);
	page = read_file(output);
	cases = cases_of(&page);
	assert_int_equal(json_array_size(cases), 3);
	for (size_t i = 0; i < 3; i++)
		must_be_whole(json_array_get(cases, i), names[i]);
	json_decref(cases);
	text_fini(&page);
	free(output);
}

static void
no_text_ends_its_script(void **state)
{
	const char *const names[] = {"silent_failure", NULL};
	char *output = path_of("page.html");
	struct outcome outcome;
	struct text page;

	(void)state;
	add_case("silent_failure", "0");
	outcome = make_page(output, "views/page", names);
	assert_int_equal(outcome.status, 0);
	outcome_fini(&outcome);
	page = read_file(output);
	assert_int_equal(count(page.bytes, "<script"), 2);
	assert_int_equal(count(page.bytes, "</script"), 2);
	assert_int_equal(count(page.bytes, "</style"), 1);
	text_fini(&page);
	free(output);
}

static void
the_page_asks_for_nothing_outside(void **state)
{
	static const char *const asking[] = {" src=", "url(", "@import",
		"fetch(", "XMLHttpRequest", "import(", "//", "{{"};
	/* What a namespace is called, and where an arrow's head is. */
	static const char *const innocent[] = {
		"http://www.w3.org/2000/svg", "url(#${head})"};
	const char *const names[] = {"silent_failure", NULL};
	char *output = path_of("page.html");
	struct outcome outcome;
	struct text page;

	(void)state;
	add_case("silent_failure", "0");
	outcome = make_page(output, "views/page", names);
	assert_int_equal(outcome.status, 0);
	outcome_fini(&outcome);
	page = read_file(output);
	json_decref(cases_of(&page));
	for (size_t i = 0; i < sizeof(innocent) / sizeof(*innocent); i++) {
		char *found = strstr(page.bytes, innocent[i]);

		assert_non_null(found);
		memset(found, ' ', strlen(innocent[i]));
	}
	for (size_t i = 0; i < sizeof(asking) / sizeof(*asking); i++)
		if (strstr(page.bytes, asking[i]))
			fail_msg("there is '%s' in the page", asking[i]);
	text_fini(&page);
	free(output);
}

/*
 * Fails unless the program refuses, with one line that has these words, and
 * leaves the old page as it is, or none if there is none.
 */
static void
must_refuse(const char *parts, const char *words)
{
	const char *const names[] = {"silent_failure", NULL};
	char *output = path_of("page.html");
	struct outcome outcome = make_page(output, parts, names);
	const struct text *said = &outcome.streams[1];
	struct text page;

	assert_int_equal(outcome.status, W_EXITCODE(1, 0));
	assert_int_equal(outcome.streams[0].length, 0);
	if (!said->bytes || !strstr(said->bytes, words))
		fail_msg("no '%s' in '%s'", words, said->bytes);
	assert_ptr_equal(
		strchr(said->bytes, '\n'), said->bytes + said->length - 1);
	assert_int_equal(strncmp(said->bytes, "page: ", 6), 0);
	outcome_fini(&outcome);
	assert_int_equal(access(output, F_OK), -1);

	write_text("page.html", "an old one");
	outcome = make_page(output, parts, names);
	assert_int_equal(outcome.status, W_EXITCODE(1, 0));
	outcome_fini(&outcome);
	page = read_file(output);
	assert_string_equal(page.bytes, "an old one");
	assert_int_equal(unlink(output), 0);
	text_fini(&page);
	free(output);
}

/* Takes a file away, for as long as the program is to refuse. */
static void
must_want(const char *name)
{
	char *path = path_of(name), *away = path_of("away");
	char *words = text_format("%s: cannot be read: No such file", path);

	assert_int_equal(rename(path, away), 0);
	must_refuse("views/page", words);
	assert_int_equal(rename(away, path), 0);
	free(words);
	free(path);
	free(away);
}

static void
each_file_is_wanted(void **state)
{
	(void)state;
	add_case("silent_failure", "0");
	must_want("silent_failure.json");
	must_want("silent_failure.err");
	must_want("silent_failure.c");
	must_want("silent_failure.md");
	must_refuse(folder, "index.html: cannot be read: No such file");
	write_text("index.html", "<p>\n{{page.css}}\n");
	must_refuse(folder, "page.css: cannot be read: No such file");
	write_text("index.html", "<p>\n{{page.css}}");
	must_refuse(folder, "page.css: cannot be read: No such file");
}

static void
a_document_has_to_begin_with_a_lesson(void **state)
{
	static const char *const documents[] = {"", "A paragraph.\n",
		"# A title\n", "# A title\n\n", "# A title\nof two lines\n\nA.",
		"#\n\nA paragraph.\n"};

	(void)state;
	add_case("silent_failure", "0");
	for (size_t i = 0; i < sizeof(documents) / sizeof(*documents); i++) {
		write_text("silent_failure.md", documents[i]);
		must_refuse("views/page", "silent_failure.md: no lesson: ");
	}
}

static void
a_text_has_to_be_one(void **state)
{
	(void)state;
	add_case("silent_failure", "0");
	write_text("silent_failure.md", "# A title\n\nA lesson of \xff.\n");
	must_refuse("views/page", "silent_failure: the lesson is not UTF-8");
	write_text("silent_failure.md", DOCUMENT);
	write_bytes("silent_failure.err", "a\0b", 3);
	must_refuse("views/page", "there is a zero byte in it");
}

/* Puts other words of the same length into the record. */
static void
edit_record(struct text *record, const char *words, const char *others)
{
	char *found = strstr(record->bytes, words);

	assert_non_null(found);
	assert_int_equal(strlen(words), strlen(others));
	memcpy(found, others, strlen(others));
}

static void
a_record_has_to_be_whole(void **state)
{
	struct text record;

	(void)state;
	add_case("silent_failure", "0");
	record = read_here("silent_failure.json");
	write_bytes("silent_failure.json", record.bytes, record.length / 2);
	must_refuse("views/page", "silent_failure.json: not a whole record");
	edit_record(&record, "\"lost\":0", "\"lost\":7");
	write_bytes("silent_failure.json", record.bytes, record.length);
	must_refuse("views/page", "silent_failure.json: 7 entries are lost");
	text_fini(&record);
}

static void
a_page_that_cannot_be_written_is_none(void **state)
{
	static const struct {
		const char *output;
		const char *words;
	} cases[] = {
		{"/dev/full", "/dev/full: cannot be written: No space left"},
		{"/nowhere/page.html",
			"/nowhere/page.html: cannot be written: No such file"},
	};
	const char *const names[] = {"silent_failure", NULL};

	(void)state;
	add_case("silent_failure", "0");
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct outcome outcome =
			make_page(cases[i].output, "views/page", names);

		assert_int_equal(outcome.status, W_EXITCODE(1, 0));
		assert_non_null(
			strstr(outcome.streams[1].bytes, cases[i].words));
		outcome_fini(&outcome);
	}
	assert_int_equal(access("/dev/full", F_OK), 0);
}

/* The shell lets it write 512 bytes, after which the disk is as good as full.
 */
static void
must_remove_half_a_page(void)
{
	char *output = path_of("page.html"), *page = program("page");
	char *line = text_format("trap '' XFSZ && ulimit -f 1 && exec %s "
				 "--output=%s --runs=%s --docs=%s "
				 "--sources=%s silent_failure",
		page, output, folder, folder, folder);
	char *argv[] = {"sh", "-c", line, NULL};
	struct outcome outcome;

	add_case("silent_failure", "0");
	outcome = run(argv);
	assert_int_equal(outcome.status, W_EXITCODE(1, 0));
	assert_non_null(strstr(
		outcome.streams[1].bytes, "cannot be written: File too large"));
	assert_int_equal(access(output, F_OK), -1);
	outcome_fini(&outcome);
	free(line);
	free(page);
	free(output);
}

static void
half_a_page_is_removed(void **state)
{
	(void)state;
	/* A checker that counts processes keeps a file that grows, too. */
	if (getenv("FORKLORE_LOGS"))
		skip();
	must_remove_half_a_page();
}

static void
a_wrong_command_line_is_refused(void **state)
{
	static const struct {
		char *words[4];
		const char *said;
	} cases[] = {
		{{"silent_failure"}, "page: which page? Give the file to write "
				     "with --output"},
		{{"--output=", "silent_failure"},
			"page: --output: '' is not the name of a file"},
		{{"--output", "/nowhere/page.html"}, "no scenario is named"},
		{{"--no-such-option"}, "--no-such-option"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		char *argv[6] = {program("page")};
		struct outcome outcome;

		memcpy(argv + 1, cases[i].words, sizeof(cases[i].words));
		outcome = run(argv);
		assert_int_equal(outcome.status, W_EXITCODE(2, 0));
		assert_non_null(
			strstr(outcome.streams[1].bytes, cases[i].said));
		assert_int_equal(count(outcome.streams[1].bytes, "\n"), 1);
		outcome_fini(&outcome);
		free(argv[0]);
	}
}

#define IN_FOLDER(test) \
	cmocka_unit_test_setup_teardown(test, new_folder, remove_folder)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		IN_FOLDER(the_page_holds_all_of_each_case),
		IN_FOLDER(no_text_ends_its_script),
		IN_FOLDER(the_page_asks_for_nothing_outside),
		IN_FOLDER(each_file_is_wanted),
		IN_FOLDER(a_document_has_to_begin_with_a_lesson),
		IN_FOLDER(a_text_has_to_be_one),
		IN_FOLDER(a_record_has_to_be_whole),
		IN_FOLDER(a_page_that_cannot_be_written_is_none),
		IN_FOLDER(half_a_page_is_removed),
		cmocka_unit_test(a_wrong_command_line_is_refused),
	};

	return cmocka_run_group_tests_name("page", tests, NULL, NULL);
}
