#include "picture.h"

#include "backdrop.h"
#include "error.h"
#include "foreground.h"
#include "label.h"
#include "layout.h"
#include "look.h"
#include "record.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* A text of one line, whatever stands in it. */
static void
write_text(struct svg *svg, const struct layout *layout, const char *class,
	struct type type, int x, int y, const char *text)
{
	int room = (layout->width - x) / type.advance;
	char *label = label_fit(text, room > 0 ? (size_t)room : 0);

	svg_text(svg, class, type, x, y, label);
	free(label);
}

/* One of each category, in a row. */
static void
draw_categories(struct svg *svg, const struct layout *layout, int y)
{
	int x = EDGE;

	for (size_t i = 0; i < LOOK_COUNT; i++) {
		const struct look *look = &looks[i];
		int mark = x + 46;

		look_begin_arrow(svg, look);
		svg_path(svg, "M%d %dH%d", x, y,
			mark - LOOK_MARK - LOOK_POINT + 2);
		look_draw_point(svg, look, mark - LOOK_MARK, y);
		svg_end(svg);
		look_draw_mark(svg, look, mark, y);
		write_text(svg, layout, "legend", LABEL_TYPE, mark + 14, y + 5,
			look->category);
		x = mark + 14 +
		    ((int)strlen(look->category) + 3) * LABEL_TYPE.advance;
	}
}

static void
draw_bars(struct svg *svg, const struct layout *layout, int y)
{
	static const char *const names[] = {"runs a task", "waits", "sleeps"};
	int x = EDGE;

	for (int i = 0; i < 3; i++) {
		look_draw_bar(svg, (enum bar)i, x + 10, y - 11, y + 11);
		write_text(svg, layout, "legend", LABEL_TYPE, x + 28, y + 5,
			names[i]);
		x += 28 + ((int)strlen(names[i]) + 3) * LABEL_TYPE.advance;
	}
	write_text(svg, layout, "legend", LABEL_TYPE, x, y + 5,
		"An arrow leads from a cause to its effect. A grey band is a "
		"pause.");
}

static void
draw_head(struct svg *svg, const struct layout *layout)
{
	const struct record *record = layout->record;
	char *lost;

	write_text(svg, layout, "title", TITLE_TYPE, EDGE, 40, record->program);
	write_text(
		svg, layout, "command", LABEL_TYPE, EDGE, 64, record->command);
	if (record->lost > 0) {
		lost = label_format(
			"%lld later entries are missing: there was no "
			"room for them.",
			record->lost);
		svg_begin_texts(svg, ALARM, true);
		write_text(svg, layout, "lost", LABEL_TYPE, EDGE, 84, lost);
		svg_end(svg);
		free(lost);
	}
	draw_categories(svg, layout, 108);
	draw_bars(svg, layout, 138);
}

static void
draw_paper(struct svg *svg, const struct layout *layout)
{
	svg_begin_group(svg, "paper", PAPER, "none", "0");
	svg_rect(svg, "paper", 0, 0, layout->width, layout->height);
	svg_end(svg);
}

struct error *
picture_write(const struct record *record, FILE *file)
{
	SCOPED(layout) layout = layout_new(record);
	struct svg *svg = svg_new(layout->width, layout->height);
	char *program = label_fit(record->program, SIZE_MAX);

	svg_title(svg, program);
	free(program);
	look_define_patterns(svg);
	draw_paper(svg, layout);
	draw_head(svg, layout);
	backdrop_draw(svg, layout);
	foreground_draw(svg, layout);
	svg_finish(svg, file);
	return NULL;
}
