/*
 * value_form.h - what a value is made of, for those who go through long lists
 * of them: value.c, which has the functions, and encoding.c. value.h is for
 * everybody else.
 *
 * The items of a list stand side by side in one piece of memory. What does not
 * fit into an item lies in a piece of its own, which the item owns.
 */
#ifndef FORKLORE_VALUE_FORM_H
#define FORKLORE_VALUE_FORM_H

#include <stddef.h>

struct value_class;

struct value {
	/* An enum value_kind. All zero is a value, too: nothing. */
	unsigned kind;
	union {
		long long integer;
		double real;
		/* A text or bytes. */
		struct value_bytes *bytes;
		struct value_items *list;
		struct value_share *object;
	};
};

struct value_bytes {
	size_t size;
	/* One more than size: a zero, which ends a text. */
	char bytes[];
};

struct value_items {
	size_t count;
	size_t room;
	struct value items[];
};

struct value_share {
	const struct value_class *class;
	void *object;
};

/* Frees what is in a value and leaves nothing there. */
void value_clear(struct value *place);

/*
 * Each makes a value of what is nothing: a text or bytes, as value_bytes()
 * does; an empty list with room for so many items; an object, as value_object()
 * does.
 */
void value_put_bytes(
	struct value *place, unsigned kind, const void *bytes, size_t size);
void value_put_list(struct value *place, size_t room);
void value_put_object(struct value *place,
	const struct value_class *value_class, void *object);

/*
 * Appends nothing to a list and gives it, to be made something else. The
 * pointer lasts until more is appended.
 */
struct value *value_add(struct value *list);

#endif
