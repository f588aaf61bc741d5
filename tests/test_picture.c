/*
 * test_picture.c - the picture of a record: all of it is there, and nothing is
 * in anything's way.
 *
 * Runs in the root of the repository; BUILD in the environment is the folder of
 * the built programs, "build" if unset.
 */
#include "capture.h"
#include "drawn.h"
#include "label.h"
#include "must.h"
#include "picture.h"
#include "record.h"

#include <libxml/parser.h>
#include <unistd.h>

#define LIMIT 60.0

/* A record of one entry, to be changed. */
struct made {
	struct place places[3];
	struct entry entries[200];
	struct record record;
};

static struct made *
record_of(size_t count)
{
	struct made *made = calloc(1, sizeof(*made));

	assert_non_null(made);
	made->places[0] = (struct place){"main", 1, count};
	made->record = (struct record){.program = "program",
		.command = "build/program",
		.places = made->places,
		.place_count = 1,
		.entries = made->entries,
		.entry_count = count};
	for (size_t i = 0; i < count; i++)
		made->entries[i] = (struct entry){.kind = "print",
			.name = "something",
			.category = "output",
			.time = (long long)i,
			.duration = 1,
			.cause = NO_ENTRY};
	return made;
}

static struct drawn
sound_drawing(const struct record *record)
{
	struct drawn drawing = drawn_of(record);

	drawn_must_be_sound(&drawing, record);
	return drawing;
}

static void
an_entry_alone_is_a_picture(void **state)
{
	struct made *made = record_of(1);
	struct drawn drawing = sound_drawing(&made->record);

	(void)state;
	assert_string_equal(drawn_text(&drawing, "title", NO_ENTRY), "program");
	assert_string_equal(
		drawn_text(&drawing, "command", NO_ENTRY), "build/program");
	assert_string_equal(drawn_text(&drawing, "label", 0), "something");
	assert_int_equal(drawn_count(&drawing, "name", "main"), 1);
	assert_null(drawn_text(&drawing, "lost", NO_ENTRY));
	drawn_fini(&drawing);
	free(made);
}

static void
texts_are_shown_as_they_are(void **state)
{
	static const char odd[] = "  <&\"']]> \u00e9\u6f22 \U0001F980";
	struct made *made = record_of(1);
	struct drawn drawing;

	(void)state;
	made->record.program = made->record.command = odd;
	made->places[0].name = made->entries[0].name = odd;
	made->entries[0].file = "a/<&\">.c";
	made->entries[0].line = 7;
	drawing = sound_drawing(&made->record);
	assert_string_equal(drawn_text(&drawing, "title", NO_ENTRY), odd);
	assert_string_equal(drawn_text(&drawing, "command", NO_ENTRY), odd);
	assert_string_equal(drawn_text(&drawing, "label", 0), odd);
	assert_string_equal(drawn_text(&drawing, "source", 0), "<&\">.c:7");
	drawn_fini(&drawing);
	free(made);
}

static void
must_fit(const char *text, size_t room, const char *expected)
{
	char *label = label_fit(text, room);

	assert_string_equal(label, expected);
	free(label);
}

static void
what_is_no_text_is_replaced(void **state)
{
	(void)state;
	must_fit("a\xff"
		 "b",
		9, "a\uFFFDb");
	/* Cut off; too long for what it is; a half of a pair; beyond all. */
	must_fit("\xe2\x82", 9, "\uFFFD\uFFFD");
	must_fit("\xc0\x80", 9, "\uFFFD");
	must_fit("\xc1\x81", 9, "\uFFFD\uFFFD");
	must_fit("\xbf\x80", 9, "\uFFFD\uFFFD");
	must_fit("\xed\xa0\x80", 9, "\uFFFD");
	must_fit("\xf7\xbf\xbf\xbf", 9, "\uFFFD");
	/* What XML has no place for, and what would steer a terminal. */
	must_fit("\x01\x1b[31m\x7f\xc2\x85\xef\xbf\xbf", 12,
		"\uFFFD\uFFFD[31m\uFFFD\uFFFD\uFFFD");
	must_fit("a\tb\nc\r", 9, "a b c ");
}

static void
characters_are_counted_not_bytes(void **state)
{
	(void)state;
	assert_int_equal(label_length("\u00e4\u6f22\U0001F980"), 3);
	must_fit("\u00e4\u00f6\u00fc", 3, "\u00e4\u00f6\u00fc");
	must_fit("\u00e4\u00f6\u00fc", 2, "\u00e4\u2026");
	must_fit("abc", 1, "\u2026");
	must_fit("abc", 0, "");
	must_fit("", 0, "");
}

static void
a_record_of_odd_bytes_is_a_picture(void **state)
{
	struct made *made = record_of(2);
	struct drawn drawing;

	(void)state;
	made->entries[0].name = made->entries[0].text = "\xff\x1b<";
	made->entries[1].error = made->entries[1].value = "\xed\xa0\x80";
	made->record.program = made->record.command = "\x02";
	made->places[0].name = "\xc3";
	drawing = drawn_of(&made->record);
	assert_string_equal(drawn_text(&drawing, "label", 0), "\uFFFD\uFFFD<");
	assert_string_equal(drawn_text(&drawing, "title", NO_ENTRY), "\uFFFD");
	drawn_fini(&drawing);
	free(made);
}

/* In its column, and, if it is printed, over the whole picture. */
static void
a_long_label_is_cut_and_told_in_full(void **state)
{
	static const char *const categories[] = {"task", "output", "error"};
	struct made *made = record_of(3);
	struct drawn drawing;
	char name[400];

	(void)state;
	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	made->record.place_count = 2;
	made->places[1] = (struct place){name, 2, 1};
	made->record.program = made->record.command = name;
	made->record.lost = 12;
	for (size_t i = 0; i < 3; i++) {
		made->entries[i].name = name;
		made->entries[i].category = categories[i];
	}
	made->entries[1].file = name;
	made->entries[2].place = 1;
	made->entries[2].kind = "error_born";
	made->entries[2].error = name;
	drawing = drawn_of(&made->record);
	for (size_t i = 0; i < 3; i++) {
		const char *label = drawn_text(&drawing, "label", i);

		assert_non_null(strstr(label, "x\u2026"));
		assert_non_null(strstr(drawing.entries[i].details, name));
	}
	made->places[1].name = "xxx";
	drawn_fini(&drawing);
	drawing = sound_drawing(&made->record);
	assert_true(label_length(drawn_text(&drawing, "label", 1)) >
		    2 * label_length(drawn_text(&drawing, "label", 0)));
	drawn_fini(&drawing);
	free(made);
}

static void
an_error_says_which_it_is(void **state)
{
	struct made *made = record_of(1);
	struct drawn drawing;

	(void)state;
	made->entries[0].kind = "error_born";
	made->entries[0].name = "error born";
	made->entries[0].category = "error";
	made->entries[0].error = "ValueError: wrong";
	drawing = drawn_of(&made->record);
	assert_string_equal(drawn_text(&drawing, "label", 0),
		"error born: ValueError: wrong");
	drawn_fini(&drawing);
	free(made);
}

/* The rectangle that goes through the whole picture. */
static bool
is_alarmed(const xmlNode *node)
{
	for (; node; node = node->next) {
		xmlChar *class = xmlGetProp(node, (const xmlChar *)"class");
		bool is = class && strcmp((char *)class, "unseen") == 0;

		xmlFree(class);
		if (is || is_alarmed(node->children))
			return true;
	}
	return false;
}

static void
what_nobody_saw_stands_out(void **state)
{
	static const char *const observers[] = {"nobody", "callback"};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct made *made = record_of(1);
		struct drawn drawing;

		made->entries[0].kind = "error_seen";
		made->entries[0].category = "error";
		made->entries[0].observer = observers[i];
		drawing = sound_drawing(&made->record);
		assert_int_equal(
			is_alarmed(drawing.document->children->children),
			i == 0);
		drawn_fini(&drawing);
		free(made);
	}
}

static void
a_pause_is_told(void **state)
{
	struct made *made = record_of(4);
	struct drawn drawing;

	(void)state;
	made->entries[1].time = 9999;
	made->entries[2].time = 9999 + 10000;
	made->entries[3].time = 9999 + 10000 + 1234567;
	drawing = sound_drawing(&made->record);
	assert_int_equal(drawn_count(&drawing, "length", "10 ms"), 1);
	assert_int_equal(drawn_count(&drawing, "length", "1.23 s"), 1);
	assert_int_equal(drawn_count(&drawing, "length", "9 ms"), 0);
	drawn_fini(&drawing);
	free(made);
}

static void
a_time_beyond_all_has_its_room(void **state)
{
	struct made *made = record_of(2);
	struct drawn drawing;

	(void)state;
	made->entries[1].time = INT64_MAX;
	drawing = sound_drawing(&made->record);
	drawn_fini(&drawing);
	free(made);
}

static void
heads_come_again_in_a_long_picture(void **state)
{
	struct made *made = record_of(200);
	struct drawn drawing = sound_drawing(&made->record);

	(void)state;
	assert_true(drawn_count(&drawing, "name", "main") > 4);
	drawn_fini(&drawing);
	free(made);
}

static void
what_is_missing_is_told(void **state)
{
	struct made *made = record_of(1);
	struct drawn drawing;

	(void)state;
	made->record.lost = 12;
	drawing = sound_drawing(&made->record);
	assert_non_null(
		strstr(drawn_text(&drawing, "lost", NO_ENTRY), "12 later"));
	drawn_fini(&drawing);
	free(made);
}

static void
a_thread_says_whose_it_is(void **state)
{
	struct made *made = record_of(3);
	struct drawn drawing;

	(void)state;
	made->record.place_count = 3;
	made->places[1] = (struct place){"handler", 1, 1};
	made->places[2] = (struct place){"zygote", 2, 1};
	made->entries[1].place = 1;
	made->entries[2].place = 2;
	drawing = sound_drawing(&made->record);
	assert_int_equal(drawn_count(&drawing, "owner", "thread of main"), 1);
	drawn_fini(&drawing);
	free(made);
}

/* The arrow to an end begins there, if it is the cause's place that ended. */
static void
an_end_comes_from_the_end_of_a_lifeline(void **state)
{
	static const char *const names[] = {"end of worker 1", "end of worker"};
	struct made *made = record_of(40);
	struct drawn drawing;

	(void)state;
	made->record.place_count = 2;
	made->places[1] = (struct place){"worker 1", 2, 1};
	made->entries[0].place = 1;
	made->entries[39].kind = "exit";
	made->entries[39].category = "process";
	made->entries[39].cause = 0;
	for (size_t i = 0; i < 2; i++) {
		made->entries[39].name = names[i];
		drawing = sound_drawing(&made->record);
		assert_int_equal(drawing.arrow_count, 1);
		assert_int_equal(drawing.arrows[0].points[0].y ==
					 drawing.entries[0].mark.y,
			i == 1);
		drawn_fini(&drawing);
	}
	free(made);
}

/* Runs a scenario, however it ends, and draws its record. */
static void
run_and_draw(const char *name, char *workers, char *tasks)
{
	char path[] = "/tmp/forklore-picture-XXXXXX";
	int descriptor = mkstemp(path);
	char *program = text_format("%s/scenarios/%s", build_folder(), name);
	char *argv[] = {program, "--delay=0.2", "--limit=10", "--workers",
		workers, "--tasks", tasks, "--trace", path, NULL};
	SCOPED(record) record = NULL;
	struct outcome outcome;
	struct drawn drawing;
	char *complaint;

	assert_true(descriptor >= 0);
	close(descriptor);
	complaint = outcome_capture(&outcome, argv, LIMIT);
	if (complaint || outcome.trouble)
		fail_msg("%s: %s", name,
			complaint ? complaint : outcome.trouble);
	MUST(record_read(path, &record));
	unlink(path);
	drawing = sound_drawing(record);
	assert_string_equal(drawn_text(&drawing, "title", NO_ENTRY), name);
	assert_true(drawing.arrow_count > 10);
	drawn_fini(&drawing);
	outcome_fini(&outcome);
	free(program);
}

static void
each_scenario_s_picture_is_sound(void **state)
{
	(void)state;
	skip_under_valgrind();
	run_and_draw("silent_failure", "4", "4");
	run_and_draw("error_callback", "4", "4");
	run_and_draw("get_reraise", "4", "4");
	run_and_draw("manager_proxy", "4", "4");
	run_and_draw("fork_global", "4", "4");
}

static void
many_workers_make_a_sound_picture(void **state)
{
	(void)state;
	skip_under_valgrind();
	run_and_draw("get_reraise", "8", "20");
	run_and_draw("manager_proxy", "8", "8");
	run_and_draw("fork_global", "12", "12");
}

static int
end_parser(void **state)
{
	(void)state;
	xmlCleanupParser();
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_entry_alone_is_a_picture),
		cmocka_unit_test(texts_are_shown_as_they_are),
		cmocka_unit_test(what_is_no_text_is_replaced),
		cmocka_unit_test(characters_are_counted_not_bytes),
		cmocka_unit_test(a_record_of_odd_bytes_is_a_picture),
		cmocka_unit_test(a_long_label_is_cut_and_told_in_full),
		cmocka_unit_test(an_error_says_which_it_is),
		cmocka_unit_test(what_nobody_saw_stands_out),
		cmocka_unit_test(a_pause_is_told),
		cmocka_unit_test(a_time_beyond_all_has_its_room),
		cmocka_unit_test(heads_come_again_in_a_long_picture),
		cmocka_unit_test(what_is_missing_is_told),
		cmocka_unit_test(a_thread_says_whose_it_is),
		cmocka_unit_test(an_end_comes_from_the_end_of_a_lifeline),
		cmocka_unit_test(each_scenario_s_picture_is_sound),
		cmocka_unit_test(many_workers_make_a_sound_picture),
	};

	return cmocka_run_group_tests_name(
		       "picture", tests, NULL, end_parser) != 0;
}
