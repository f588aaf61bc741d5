#include "output.h"

#include "panic.h"

#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct output {
	/* What errors call it. */
	char *name;
	FILE *file;
	/* Where the file will be, and where it is until it is complete: NULL
	 * if that is the same. */
	char *path;
	char *draft;
	/* The signals that were kept back before there was a draft. */
	sigset_t old;
};

FILE *
output_file(struct output *output)
{
	return output->file;
}

/* What would be the mode of a new file; the call can only be asked by setting.
 */
static mode_t
new_mode(void)
{
	mode_t mask = umask(0);

	umask(mask);
	return 0666 & ~mask;
}

/* There is no draft any more; what wanted to end the program meanwhile may. */
static void
forget_draft(struct output *output)
{
	free(output->draft);
	output->draft = NULL;
	sigprocmask(SIG_SETMASK, &output->old, NULL);
}

/* Opens a file beside the one that it will replace, with the same mode. */
static struct error *
open_draft(struct output *output, mode_t mode)
{
	struct error *error;
	sigset_t all;
	int descriptor;

	if (asprintf(&output->draft, "%s.XXXXXX", output->path) < 0)
		panic("out of memory");
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &output->old);
	descriptor = mkostemp(output->draft, O_CLOEXEC);
	if (descriptor < 0) {
		error = RAISE_ERRNO("%s: cannot be written", output->name);
		forget_draft(output);
		return error;
	}
	fchmod(descriptor, mode);
	output->file = must_have(fdopen(descriptor, "w"));
	return NULL;
}

static struct error *
open_output(struct output *output, const char *path)
{
	struct stat status;
	bool exists = stat(path, &status) == 0;

	if (exists && !S_ISREG(status.st_mode)) {
		output->file = fopen(path, "we");
		return output->file
			       ? NULL
			       : RAISE_ERRNO("%s: cannot be written", path);
	}
	/* Not a link that leads to it. */
	output->path = exists ? realpath(path, NULL) : must_have(strdup(path));
	if (!output->path)
		return RAISE_ERRNO("%s: cannot be written", path);
	return TRACED(open_draft(
		output, exists ? status.st_mode & 0777 : new_mode()));
}

struct error *
output_new(const char *path, struct output **made)
{
	SCOPED(output) output = must_have(calloc(1, sizeof(*output)));

	output->name = must_have(strdup(path ? path : "standard output"));
	if (path)
		TRY(open_output(output, path));
	else
		output->file = stdout;
	*made = output;
	output = NULL;
	return NULL;
}

struct error *
output_finish(struct output *output)
{
	if (fflush(output->file) != 0 || ferror(output->file))
		return RAISE_ERRNO("%s: cannot be written", output->name);
	if (!output->draft)
		return NULL;
	if (rename(output->draft, output->path) != 0)
		return RAISE_ERRNO("%s: cannot be written", output->name);
	forget_draft(output);
	return NULL;
}

void
output_free(struct output *output)
{
	if (!output)
		return;
	if (output->file && output->file != stdout)
		fclose(output->file);
	if (output->draft) {
		unlink(output->draft);
		forget_draft(output);
	}
	free(output->path);
	free(output->name);
	free(output);
}
