#include "condition.h"

#include "condition_class.h"
#include "error.h"
#include "sys.h"

#include <limits.h>

void
condition_init(struct condition *condition, const struct condition_class *class)
{
	condition->class = class;
	atomic_init(&condition->holders, 1);
}

void
condition_hold(void *object)
{
	struct condition *condition = object;

	atomic_fetch_add(&condition->holders, 1);
}

void
condition_drop(void *object)
{
	struct condition *condition = object;

	if (atomic_fetch_sub(&condition->holders, 1) == 1)
		condition->class->destroy(condition);
}

void
condition_free(struct condition *condition)
{
	if (condition)
		condition_drop(condition);
}

struct error *
condition_acquire(struct condition *condition)
{
	TRY(condition->class->acquire(condition));
	return NULL;
}

struct error *
condition_release(struct condition *condition)
{
	TRY(condition->class->release(condition));
	return NULL;
}

struct error *
condition_wait(struct condition *condition, double timeout, bool *notified)
{
	bool ignored;

	TRY(condition->class->wait(
		condition, timeout, notified ? notified : &ignored));
	return NULL;
}

struct error *
condition_wait_for(struct condition *condition,
	bool (*predicate)(void *context), void *context, double timeout,
	bool *held)
{
	double deadline = sys_deadline(timeout);
	bool holds;

	while (!(holds = predicate(context)) && sys_remaining(deadline) > 0)
		TRY(condition_wait(condition, sys_remaining(deadline), NULL));
	if (held)
		*held = holds;
	return NULL;
}

struct error *
condition_notify(struct condition *condition, long n)
{
	TRY(condition->class->notify(condition, n));
	return NULL;
}

struct error *
condition_notify_all(struct condition *condition)
{
	TRY(condition->class->notify(condition, LONG_MAX));
	return NULL;
}

struct error *
condition_owner_died(struct condition *condition, bool *died)
{
	TRY(condition->class->owner_died(condition, died));
	return NULL;
}

struct value *
value_condition(struct condition *condition)
{
	return value_object(&condition->class->value_class, condition);
}

struct error *
value_condition_at(
	const struct value *list, size_t index, struct condition **condition)
{
	const struct value *item;
	void *object;

	TRY(value_at(list, index, &item));
	TRY(value_get_object(item, CONDITION_INTERFACE, &object));
	*condition = object;
	return NULL;
}
