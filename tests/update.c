/* update.c - see update.h. */

#include "update.h"

#include "align.h"
#include "capture.h"
#include "match.h"
#include "pattern.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *const headings[] = {"== stdout", "== stderr"};

/* Why a transcript cannot say what the stream contains, or NULL. */
static char *
find_unsayable(const struct outcome *outcome)
{
	if (outcome->overflowed)
		return text_format(
			"%s: too large for a transcript", outcome->trouble);
	for (int stream = 0; stream < 2; stream++) {
		const struct text *text = &outcome->streams[stream];

		if (text->length > 0 && text->bytes[text->length - 1] != '\n')
			return text_format(
				"%s has no final newline, which a transcript "
				"cannot say",
				headings[stream] + strlen("== "));
	}
	return NULL;
}

static void
renew_status(const struct transcript *old, int status, struct text *text,
	struct text *changes)
{
	char was[STATUS_SIZE], is[STATUS_SIZE];

	status_print(status, is);
	text_printf(text, "%s\n", is);
	if (old)
		status_print(old->status, was);
	if (old && strcmp(was, is) == 0)
		return;
	if (old)
		text_printf(changes, "- %s\n", was);
	text_printf(changes, "+ %s\n", is);
}

char *
transcript_renew(const struct transcript *old, const struct outcome *outcome,
	struct text *text, struct text *changes)
{
	char *complaint = find_unsayable(outcome);

	if (complaint)
		return complaint;
	for (int stream = 0; stream < 2; stream++) {
		text_printf(text, "%s\n", headings[stream]);
		if (!old)
			text_printf(changes, "+ %s\n", headings[stream]);
		if (!section_align(old ? &old->streams[stream] : NULL,
			    &outcome->streams[stream], text, changes))
			return text_format(
				"%s is too long to be compared; without the "
				"old file a new one can be made",
				headings[stream] + strlen("== "));
	}
	renew_status(old, outcome->status, text, changes);
	return NULL;
}

/* Gives an errno, or 0; the descriptor is closed either way. */
static int
fill(int fd, const char *file, const struct text *text)
{
	FILE *stream = fdopen(fd, "w");
	struct stat old;
	mode_t mask = umask(0);
	int error = 0;

	umask(mask);
	if (!stream) {
		error = errno;
		close(fd);
		return error;
	}
	fchmod(fd, stat(file, &old) == 0 ? old.st_mode & 0777 : 0666 & ~mask);
	if (fwrite(text->bytes, 1, text->length, stream) != text->length)
		error = errno;
	if (fclose(stream) != 0 && !error)
		error = errno;
	return error;
}

/* Signals wait meanwhile, so that no temporary file stays behind. */
int
transcript_write(const char *file, const struct text *text)
{
	char *temporary = text_format("%s.XXXXXX", file);
	sigset_t all, mask;
	int fd, error;

	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, &mask);
	fd = mkostemp(temporary, O_CLOEXEC);
	error = fd < 0 ? errno : fill(fd, file, text);
	if (!error && rename(temporary, file) < 0)
		error = errno;
	if (error && fd >= 0)
		unlink(temporary);
	sigprocmask(SIG_SETMASK, &mask, NULL);
	free(temporary);
	return error;
}

/* Prints the difference and frees it; tells whether there was one. */
static bool
print_difference(const char *introduction, char *difference)
{
	if (difference)
		printf("%s%s", introduction, difference);
	free(difference);
	return difference != NULL;
}

/* Prints the complaint as one line on stderr, and frees it. */
static int
fail(const char *file, char *complaint)
{
	fprintf(stderr, "transcript: %s: %s\n", file, complaint);
	free(complaint);
	return 2;
}

/* Runs the command again, against the new text, and keeps that if it holds. */
static int
settle(const char *file, const struct text *text, const struct text *changes,
	char *const argv[], double limit)
{
	char *complaint;
	struct transcript *new = transcript_parse(file, text, &complaint);
	struct outcome outcome = {0};
	int status = 0, error;

	if (!new) /* a mistake of this program, not of its user */
		return fail(file, complaint);
	complaint = outcome_capture(&outcome, argv, limit);
	if (complaint)
		status = fail(file, complaint);
	else if (print_difference("not updated, as a second run differs from "
				  "what the file would say then:\n",
			 transcript_difference(new, &outcome)))
		status = 1;
	else if ((error = transcript_write(file, text)))
		status = fail(file,
			text_format("cannot be written: %s", strerror(error)));
	else
		printf("%s:\n%s", file, changes->bytes);
	outcome_fini(&outcome);
	transcript_free(new);
	return status;
}

int
transcript_update(const char *file, const struct transcript *old,
	char *const argv[], double limit)
{
	struct text text = {0}, changes = {0};
	struct outcome outcome = {0};
	char *complaint = outcome_capture(&outcome, argv, limit);
	int status = 0;

	if (!complaint && outcome.trouble && !outcome.overflowed) {
		printf("%s: not updated: %s\n", file, outcome.trouble);
		status = 1;
	} else if (complaint || (complaint = transcript_renew(
					 old, &outcome, &text, &changes))) {
		status = fail(file, complaint);
	} else if (changes.length == 0) {
		printf("%s: nothing to change\n", file);
	} else {
		status = settle(file, &text, &changes, argv, limit);
	}
	outcome_fini(&outcome);
	text_fini(&changes);
	text_fini(&text);
	return status;
}
