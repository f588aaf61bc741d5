/* figures.c - all figures, in the order in which they are measured. */
#include "figure.h"

#include <stddef.h>
#include <string.h>

const struct figure *const figures[] = {
	&map_figure,
	&map_default_figure,
	&apply_figure,
	&pool_figure,
	&pool_used_figure,
	&condition_figure,
	&notify_figure,
	&proxy_figure,
	&notify_manager_figure,
	&payload_figure,
	&memory_figure,
	&silent_failure_figure,
	&error_callback_figure,
	&get_reraise_figure,
	&manager_proxy_figure,
	&fork_global_figure,
	NULL,
};

const struct figure *
figure_find(const char *name)
{
	for (const struct figure *const *figure = figures; *figure; figure++)
		if (strcmp((*figure)->name, name) == 0)
			return *figure;
	return NULL;
}
