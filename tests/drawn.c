#include "drawn.h"

#include "must.h"
#include "panic.h"
#include "picture.h"

#include <libxml/parser.h>
#include <math.h>
#include <stdbool.h>

/* How far below its baseline, and above it, a text reaches. */
#define BELOW 0.25
#define ABOVE 0.8

static bool
is_element(const xmlNode *node, const char *name)
{
	return node->type == XML_ELEMENT_NODE &&
	       strcmp((const char *)node->name, name) == 0;
}

/* The value of an attribute; NULL if there is none. The caller frees it. */
static char *
attribute(xmlNode *node, const char *name)
{
	return (char *)xmlGetProp(node, (const xmlChar *)name);
}

static bool
is_class(xmlNode *node, const char *name, const char *class)
{
	char *value = attribute(node, "class");
	bool is = is_element(node, name) && value && strcmp(value, class) == 0;

	xmlFree(value);
	return is;
}

static double
number(xmlNode *node, const char *name)
{
	char *value = attribute(node, name), *end;
	double number;

	if (!value)
		fail_msg("no '%s' in a '%s'", name, (const char *)node->name);
	number = strtod(value, &end);
	assert_true(end != value && *end == '\0');
	xmlFree(value);
	return number;
}

static void *
grow(void *items, size_t count, size_t size)
{
	return must_have(realloc(items, (count + 1) * size));
}

static struct area
rectangle(xmlNode *node)
{
	double left = number(node, "x"), top = number(node, "y");

	return (struct area){left, top, left + number(node, "width"),
		top + number(node, "height")};
}

static void
note_text(struct drawn *drawing, xmlNode *node, size_t entry)
{
	double x = number(node, "x"), y = number(node, "y");
	double size = number(node, "font-size");

	drawing->texts = grow(
		drawing->texts, drawing->text_count, sizeof(*drawing->texts));
	drawing->texts[drawing->text_count++] = (struct drawn_text){
		{x, y - ABOVE * size, x + number(node, "textLength"),
			y + BELOW * size},
		attribute(node, "class"), (char *)xmlNodeGetContent(node),
		entry};
}

static void
note_box(struct drawn *drawing, xmlNode *node, size_t entry)
{
	if (drawing->box_count == 0)
		drawing->first_box = drawing->element_count;
	drawing->boxes = grow(
		drawing->boxes, drawing->box_count, sizeof(*drawing->boxes));
	drawing->boxes[drawing->box_count++] = (struct drawn_text){
		rectangle(node), attribute(node, "class"), NULL, entry};
}

static double
next_number(char **rest)
{
	char *end;
	double number = strtod(*rest, &end);

	assert_ptr_not_equal(end, *rest);
	*rest = end;
	return number;
}

/* Goes on along a path, by one step, and gives where that leads. */
static struct point
step(char **rest, struct point at)
{
	char command = *(*rest)++;

	if (command == 'M') {
		at.x = next_number(rest);
		at.y = next_number(rest);
	} else if (command == 'H') {
		at.x = next_number(rest);
	} else if (command == 'V') {
		at.y = next_number(rest);
	} else if (command == 'q') {
		next_number(rest);
		next_number(rest);
		at.x += next_number(rest);
		at.y += next_number(rest);
	} else {
		fail_msg("a path has '%c'", command);
	}
	return at;
}

static void
add_point(struct drawn_arrow *arrow, struct point point)
{
	assert_true(arrow->point_count < POINTS_LIMIT);
	arrow->points[arrow->point_count++] = point;
}

/* The way comes first, then the tip, whose path begins there. */
static void
note_way(struct drawn_arrow *arrow, xmlNode *path)
{
	char *way = attribute(path, "d"), *rest = way;
	struct point at = {0, 0};

	if (is_class(path, "path", "point")) {
		add_point(arrow, step(&rest, at));
	} else {
		while (*rest) {
			at = step(&rest, at);
			add_point(arrow, at);
		}
	}
	xmlFree(way);
}

static void
note_arrow(struct drawn *drawing, xmlNode *node)
{
	struct drawn_arrow arrow = {.cause = (size_t)number(node, "data-cause"),
		.effect = (size_t)number(node, "data-effect")};

	for (xmlNode *child = node->children; child; child = child->next)
		if (is_element(child, "path"))
			note_way(&arrow, child);
	drawing->last_arrow = drawing->element_count;
	drawing->arrows = grow(drawing->arrows, drawing->arrow_count,
		sizeof(*drawing->arrows));
	drawing->arrows[drawing->arrow_count++] = arrow;
}

/* The middle of a mark: where its path begins. */
static struct point
middle_of(xmlNode *mark)
{
	for (xmlNode *child = mark->children; child; child = child->next)
		if (is_element(child, "path")) {
			char *path = attribute(child, "d"), *rest = path;
			struct point middle = step(&rest, (struct point){0, 0});

			xmlFree(path);
			return middle;
		}
	fail_msg("a mark without a path");
	return (struct point){0, 0};
}

static size_t
note_entry(struct drawn *drawing, xmlNode *node)
{
	size_t entry = (size_t)number(node, "data-entry");

	assert_true(entry < drawing->entry_count);
	drawing->entries[entry].times++;
	for (xmlNode *child = node->children; child; child = child->next)
		if (is_class(child, "g", "mark"))
			drawing->entries[entry].mark = middle_of(child);
		else if (is_element(child, "title") &&
			 !drawing->entries[entry].details)
			drawing->entries[entry].details =
				(char *)xmlNodeGetContent(child);
	return entry;
}

static void
note(struct drawn *drawing, xmlNode *node, size_t entry)
{
	drawing->element_count++;
	if (is_element(node, "text"))
		note_text(drawing, node, entry);
	else if (is_class(node, "rect", "box"))
		note_box(drawing, node, entry);
	else if (is_class(node, "g", "entry"))
		entry = note_entry(drawing, node);
	else if (is_class(node, "g", "arrow") &&
		 xmlHasProp(node, (const xmlChar *)"data-cause"))
		note_arrow(drawing, node);
	for (xmlNode *child = node->children; child; child = child->next)
		note(drawing, child, entry);
}

struct drawn
drawn_of(const struct record *record)
{
	struct drawn drawing = {.entry_count = record->entry_count};
	char *bytes = NULL;
	size_t length;
	FILE *file = open_memstream(&bytes, &length);
	xmlNode *root;

	assert_non_null(file);
	MUST(picture_write(record, file));
	fclose(file);
	drawing.document = xmlReadMemory(
		bytes, (int)length, "picture", NULL, XML_PARSE_NONET);
	if (!drawing.document)
		fail_msg("this is no XML: %.400s", bytes);
	free(bytes);
	root = xmlDocGetRootElement(drawing.document);
	assert_true(is_element(root, "svg"));
	drawing.area = (struct area){
		0, 0, number(root, "width"), number(root, "height")};
	drawing.entries = must_have(
		calloc(record->entry_count + 1, sizeof(*drawing.entries)));
	drawing.lifelines = must_have(
		calloc(record->place_count + 1, sizeof(*drawing.lifelines)));
	note(&drawing, root, NO_ENTRY);
	for (size_t i = 0; i < record->entry_count; i++)
		drawing.lifelines[record->entries[i].place] =
			drawing.entries[i].mark.x;
	return drawing;
}

void
drawn_fini(struct drawn *drawing)
{
	for (size_t i = 0; i < drawing->text_count; i++) {
		xmlFree(drawing->texts[i].class);
		xmlFree(drawing->texts[i].text);
	}
	for (size_t i = 0; i < drawing->box_count; i++)
		xmlFree(drawing->boxes[i].class);
	for (size_t i = 0; i < drawing->entry_count; i++)
		xmlFree(drawing->entries[i].details);
	free(drawing->texts);
	free(drawing->boxes);
	free(drawing->arrows);
	free(drawing->entries);
	free(drawing->lifelines);
	xmlFreeDoc(drawing->document);
}

const char *
drawn_text(const struct drawn *drawing, const char *class, size_t entry)
{
	for (size_t i = 0; i < drawing->text_count; i++)
		if (drawing->texts[i].entry == entry &&
			strcmp(drawing->texts[i].class, class) == 0)
			return drawing->texts[i].text;
	return NULL;
}

size_t
drawn_count(const struct drawn *drawing, const char *class, const char *text)
{
	size_t count = 0;

	for (size_t i = 0; i < drawing->text_count; i++)
		count += strcmp(drawing->texts[i].class, class) == 0 &&
			 strcmp(drawing->texts[i].text, text) == 0;
	return count;
}

/* Those that only touch do not overlap. */
static bool
overlap(const struct area *one, const struct area *other)
{
	return one->left < other->right && other->left < one->right &&
	       one->top < other->bottom && other->top < one->bottom;
}

static void
must_be_inside(const struct drawn *drawing, const struct drawn_text *text)
{
	if (text->area.left < 0 || text->area.right > drawing->area.right ||
		text->area.top < 0 || text->area.bottom > drawing->area.bottom)
		fail_msg("'%s' reaches out of the picture", text->text);
}

static void
texts_must_not_overlap(const struct drawn *drawing)
{
	for (size_t i = 0; i < drawing->text_count; i++) {
		const struct drawn_text *one = &drawing->texts[i];

		must_be_inside(drawing, one);
		for (size_t j = 0; j < i; j++)
			if (overlap(&one->area, &drawing->texts[j].area))
				fail_msg("'%s' overlaps '%s'", one->text,
					drawing->texts[j].text);
		for (size_t j = 0; j < drawing->box_count; j++)
			if (overlap(&one->area, &drawing->boxes[j].area) &&
				one->entry != drawing->boxes[j].entry)
				fail_msg("the box of %zu overlaps '%s'",
					drawing->boxes[j].entry, one->text);
	}
}

/* A box covers the lines behind its label. */
static bool
is_in_box(const struct drawn *drawing, const struct drawn_text *text)
{
	for (size_t i = 0; i < drawing->box_count; i++) {
		const struct area *box = &drawing->boxes[i].area;

		if (drawing->boxes[i].entry == text->entry &&
			box->left < text->area.left &&
			box->right > text->area.right &&
			box->top < text->area.top &&
			box->bottom > text->area.bottom)
			return true;
	}
	return false;
}

/* The area of a straight line, or of a corner. */
static struct area
between(struct point one, struct point other)
{
	return (struct area){fmin(one.x, other.x) - 0.5,
		fmin(one.y, other.y) - 0.5, fmax(one.x, other.x) + 0.5,
		fmax(one.y, other.y) + 0.5};
}

static void
arrow_must_cross_no_text(
	const struct drawn *drawing, const struct drawn_arrow *arrow)
{
	for (size_t p = 1; p < arrow->point_count; p++) {
		struct area area =
			between(arrow->points[p - 1], arrow->points[p]);

		for (size_t i = 0; i < drawing->text_count; i++)
			if (overlap(&area, &drawing->texts[i].area) &&
				!is_in_box(drawing, &drawing->texts[i]))
				fail_msg("the arrow from %zu to %zu crosses "
					 "'%s'",
					arrow->cause, arrow->effect,
					drawing->texts[i].text);
	}
}

static const struct drawn_arrow *
find_arrow(const struct drawn *drawing, size_t effect)
{
	const struct drawn_arrow *found = NULL;

	for (size_t i = 0; i < drawing->arrow_count; i++)
		if (drawing->arrows[i].effect == effect) {
			assert_null(found);
			found = &drawing->arrows[i];
		}
	return found;
}

static bool
is_next_of_place(const struct record *record, size_t cause, size_t effect)
{
	if (record->entries[cause].place != record->entries[effect].place)
		return false;
	for (size_t i = cause + 1; i < effect; i++)
		if (record->entries[i].place == record->entries[cause].place)
			return false;
	return true;
}

/* Whether the effect is that the cause's place has ended. */
static bool
is_end(const struct record *record, const struct drawn_arrow *arrow)
{
	const struct entry *effect = &record->entries[arrow->effect];
	size_t place = record->entries[arrow->cause].place;

	return strcmp(effect->kind, "exit") == 0 &&
	       strstr(effect->name, record->places[place].name);
}

/* It begins at its cause; that to an end, on the lifeline, just above. */
static void
arrow_must_join(const struct drawn *drawing, const struct record *record,
	const struct drawn_arrow *arrow)
{
	struct point start = arrow->points[0];
	struct point tip = arrow->points[arrow->point_count - 1];
	struct point cause = drawing->entries[arrow->cause].mark;
	struct point effect = drawing->entries[arrow->effect].mark;

	if (is_end(record, arrow))
		assert_true(start.y < effect.y && start.y > effect.y - 14);
	else
		assert_true(start.y == cause.y);
	assert_true(start.x == cause.x);
	assert_true(tip.y == effect.y);
	assert_true(tip.x < effect.x && tip.x > effect.x - 10);
}

static void
arrows_must_join_causes(
	const struct drawn *drawing, const struct record *record)
{
	size_t causes = 0;

	for (size_t i = 0; i < record->entry_count; i++) {
		size_t cause = record->entries[i].cause;
		const struct drawn_arrow *arrow = find_arrow(drawing, i);

		if (cause == NO_ENTRY || is_next_of_place(record, cause, i)) {
			assert_null(arrow);
			continue;
		}
		causes++;
		if (!arrow)
			fail_msg("no arrow from %zu to %zu", cause, i);
		assert_int_equal(arrow->cause, cause);
		arrow_must_join(drawing, record, arrow);
		arrow_must_cross_no_text(drawing, arrow);
	}
	assert_int_equal(drawing->arrow_count, causes);
	if (drawing->box_count > 0)
		assert_true(drawing->last_arrow < drawing->first_box);
}

/* A label is what the entry says, or its beginning and an ellipsis. */
static void
label_must_say(const char *label, const struct entry *entry)
{
	static const char ellipsis[] = "\u2026";
	bool is_born = strcmp(entry->kind, "error_born") == 0;
	size_t length = strlen(label), end = length - strlen(ellipsis);
	char *text;

	assert_true(asprintf(&text, "%s%s%s", entry->name, is_born ? ": " : "",
			    is_born ? entry->error : "") >= 0);
	if (length > strlen(ellipsis) && strcmp(label + end, ellipsis) == 0)
		length = end;
	else
		assert_int_equal(length, strlen(text));
	if (strncmp(label, text, length) != 0)
		fail_msg("the label is '%s', not '%s'", label, text);
	free(text);
}

/* Each has a row of its own, in its place's column. */
static void
entries_must_be_there(const struct drawn *drawing, const struct record *record)
{
	double y = 0;

	for (size_t i = 0; i < record->entry_count; i++) {
		const struct entry *entry = &record->entries[i];
		const struct drawn_entry *drawn = &drawing->entries[i];
		const char *label = drawn_text(drawing, "label", i);
		char *number = NULL;

		assert_int_equal(drawn->times, 1);
		assert_true(drawn->mark.y > y);
		y = drawn->mark.y;
		assert_true(drawn->mark.x == drawing->lifelines[entry->place]);
		assert_non_null(label);
		label_must_say(label, entry);
		assert_non_null(strstr(drawn->details, entry->name));
		assert_true(asprintf(&number, "%zu", i + 1) > 0);
		assert_string_equal(drawn_text(drawing, "number", i), number);
		free(number);
		assert_int_equal(drawn_text(drawing, "source", i) != NULL,
			entry->file != NULL);
	}
}

static void
places_must_be_there(const struct drawn *drawing, const struct record *record)
{
	double x = 0;

	for (size_t p = 0; p < record->place_count; p++) {
		assert_true(drawing->lifelines[p] > x);
		x = drawing->lifelines[p];
		assert_true(drawn_count(drawing, "name",
				    record->places[p].name) > 0);
	}
}

void
drawn_must_be_sound(const struct drawn *drawing, const struct record *record)
{
	entries_must_be_there(drawing, record);
	places_must_be_there(drawing, record);
	texts_must_not_overlap(drawing);
	arrows_must_join_causes(drawing, record);
}
