#include "program.h"

#include "error.h"
#include "panic.h"
#include "sys.h"

#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

/* The status with which a child ends that found no program. */
#define NOT_FOUND 127

static void
become(const char *const arguments[], int output)
{
	int silence = open("/dev/null", O_RDWR | O_CLOEXEC);

	dup2(silence, STDIN_FILENO);
	dup2(output, STDOUT_FILENO);
	dup2(silence, STDERR_FILENO);
	/* It changes nothing, though its prototype does not say so. */
	execvp(arguments[0], (char *const *)arguments);
	_exit(NOT_FOUND);
}

/* Reads to the end, but keeps only what there is room for. */
static void
read_output(int descriptor, struct run *run)
{
	FILE *output = must_have(fdopen(descriptor, "r"));
	size_t length = fread(run->output, 1, sizeof(run->output) - 1, output);

	run->output[length] = 0;
	while (getc(output) != EOF)
		;
	fclose(output);
}

struct error *
program_run(const char *const arguments[], struct run *run)
{
	double start = sys_now();
	int ends[2];
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return RAISE_ERRNO("pipe");
	TRY(sys_fork(-1, &pid));
	if (pid == 0)
		become(arguments, ends[1]);
	close(ends[1]);
	read_output(ends[0], run);
	run->status = sys_reap(pid);
	run->seconds = sys_now() - start;
	if (WIFEXITED(run->status) && WEXITSTATUS(run->status) == NOT_FOUND)
		return RAISE(OSError, "there is no %s", arguments[0]);
	return NULL;
}

const char *
program_path(const char *name)
{
	static char path[4096 + 64];
	char self[4096];
	ssize_t length = readlink("/proc/self/exe", self, sizeof(self) - 1);

	self[length > 0 ? length : 0] = 0;
	snprintf(path, sizeof(path), "%s/%s", dirname(self), name);
	return path;
}
