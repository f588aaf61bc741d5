/*
 * test_fuzz.c - the fuzzer's targets hold for each input in tests/corpus, be it
 * one that was made for the fuzzer to start with, or one that it found. Runs in
 * the root of the repository.
 */
#include "must.h"

#include "child.h"
#include "fuzz.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

#define CORPUS "tests/corpus"

struct attempt {
	const struct fuzz_target *target;
	const char *file;
};

/* Reads a file; the caller frees the bytes, of which there is none too many. */
static struct reader
read_file(const char *path)
{
	FILE *file = fopen(path, "rb");
	unsigned char *bytes;
	long size;

	if (!file)
		fail_msg("there is no %s", path);
	assert_int_equal(fseek(file, 0, SEEK_END), 0);
	size = ftell(file);
	assert_true(size >= 0);
	rewind(file);
	bytes = malloc((size_t)size);
	assert_int_equal(fread(bytes, 1, (size_t)size, file), size);
	fclose(file);
	return (struct reader){bytes, (size_t)size};
}

static void
run_attempt(void *context)
{
	const struct attempt *attempt = context;
	struct reader input = read_file(attempt->file);

	attempt->target->run(input);
	free((void *)input.bytes);
	/* Not _exit(), so that a sanitizer looks for leaks. */
	exit(0);
}

static void
run_input(const struct fuzz_target *target, const char *name)
{
	struct attempt attempt = {target, NULL};
	char *file;
	int status;

	assert_true(asprintf(&file, CORPUS "/%s/%s", target->name, name) > 0);
	attempt.file = file;
	status = child_wait(child_start(run_attempt, &attempt));
	if (status != 0)
		fail_msg("%s ends with status %#x", file, (unsigned)status);
	free(file);
}

static void
target_holds(void **state)
{
	const struct fuzz_target *target = *state;
	struct dirent **entries;
	char *folder;
	int count, tried = 0;

	assert_true(asprintf(&folder, CORPUS "/%s", target->name) > 0);
	count = scandir(folder, &entries, NULL, alphasort);
	for (int i = 0; i < count; i++) {
		if (entries[i]->d_name[0] != '.') {
			run_input(target, entries[i]->d_name);
			tried++;
		}
		free(entries[i]);
	}
	if (count >= 0)
		free(entries);
	print_message("%d inputs\n", tried);
	if (tried == 0)
		fail_msg("there is no input in %s", folder);
	free(folder);
}

int
main(void)
{
	struct CMUnitTest tests[16] = {{0}};
	size_t count = 0;

	for (; fuzz_targets[count].name; count++)
		tests[count] = (struct CMUnitTest){
			.name = fuzz_targets[count].name,
			.test_func = target_holds,
			.initial_state = (void *)&fuzz_targets[count],
		};
	return _cmocka_run_group_tests("fuzz", tests, count, NULL, NULL) != 0;
}
