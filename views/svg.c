#include "svg.h"

#include "label.h"
#include "panic.h"

#include <libxml/xmlwriter.h>
#include <stdarg.h>
#include <stdlib.h>

/* It is made in memory: what libxml2 cannot write, it tells on stderr. */
struct svg {
	xmlTextWriterPtr writer;
	xmlBufferPtr document;
};

/* Each call of the writer gives a number below 0 only without memory. */
static void
must(int written)
{
	if (written < 0)
		panic("out of memory");
}

static const xmlChar *
xml(const char *text)
{
	return (const xmlChar *)text;
}

void
svg_begin(struct svg *svg, const char *element)
{
	must(xmlTextWriterStartElement(svg->writer, xml(element)));
}

void
svg_end(struct svg *svg)
{
	must(xmlTextWriterEndElement(svg->writer));
}

void
svg_set(struct svg *svg, const char *name, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	must(xmlTextWriterWriteVFormatAttribute(
		svg->writer, xml(name), format, arguments));
	va_end(arguments);
}

struct svg *
svg_new(int width, int height)
{
	struct svg *svg = must_have(malloc(sizeof(*svg)));

	svg->document = must_have(xmlBufferCreate());
	svg->writer = must_have(xmlNewTextWriterMemory(svg->document, 0));
	must(xmlTextWriterSetIndent(svg->writer, 1));
	must(xmlTextWriterStartDocument(svg->writer, NULL, "UTF-8", NULL));
	svg_begin(svg, "svg");
	svg_set(svg, "xmlns", "http://www.w3.org/2000/svg");
	svg_set(svg, "width", "%d", width);
	svg_set(svg, "height", "%d", height);
	svg_set(svg, "viewBox", "0 0 %d %d", width, height);
	/* A label may begin with spaces, or have several in a row. */
	svg_set(svg, "xml:space", "preserve");
	svg_set(svg, "font-family",
		"'DejaVu Sans Mono', 'Liberation Mono', Menlo, Consolas, "
		"monospace");
	return svg;
}

void
svg_begin_group(struct svg *svg, const char *class, const char *fill,
	const char *stroke, const char *width)
{
	svg_begin(svg, "g");
	svg_set(svg, "class", "%s", class);
	svg_set(svg, "fill", "%s", fill);
	svg_set(svg, "stroke", "%s", stroke);
	svg_set(svg, "stroke-width", "%s", width);
}

void
svg_begin_texts(struct svg *svg, const char *colour, bool is_bold)
{
	svg_begin_group(svg, "texts", colour, "none", "0");
	if (is_bold)
		svg_set(svg, "font-weight", "bold");
}

void
svg_title(struct svg *svg, const char *text)
{
	must(xmlTextWriterWriteElement(svg->writer, xml("title"), xml(text)));
}

void
svg_text(struct svg *svg, const char *class, struct type type, int x, int y,
	const char *text)
{
	int width = (int)label_length(text) * type.advance;

	if (width == 0)
		return;
	svg_begin(svg, "text");
	svg_set(svg, "class", "%s", class);
	svg_set(svg, "x", "%d", x);
	svg_set(svg, "y", "%d", y);
	svg_set(svg, "font-size", "%d", type.size);
	svg_set(svg, "textLength", "%d", width);
	svg_set(svg, "lengthAdjust", "spacingAndGlyphs");
	must(xmlTextWriterWriteString(svg->writer, xml(text)));
	svg_end(svg);
}

void
svg_rect(struct svg *svg, const char *class, int left, int top, int right,
	int bottom)
{
	svg_begin(svg, "rect");
	svg_set(svg, "class", "%s", class);
	svg_set(svg, "x", "%d", left);
	svg_set(svg, "y", "%d", top);
	svg_set(svg, "width", "%d", right - left);
	svg_set(svg, "height", "%d", bottom - top);
	svg_end(svg);
}

void
svg_finish(struct svg *svg, FILE *file)
{
	must(xmlTextWriterEndDocument(svg->writer));
	xmlFreeTextWriter(svg->writer);
	fwrite(xmlBufferContent(svg->document), 1,
		(size_t)xmlBufferLength(svg->document), file);
	xmlBufferFree(svg->document);
	free(svg);
}
