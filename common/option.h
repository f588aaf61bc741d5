/*
 * option.h - what stands behind an option on the command line. If it is wrong,
 * these end the program: with one line on standard error that names it and says
 * what would be right, and exit status 2.
 */
#ifndef FORKLORE_OPTION_H
#define FORKLORE_OPTION_H

#include <stdint.h>

/* The number in a text, which must be whole, and lie from least to most. */
long option_whole_number(
	const char *option, const char *text, long least, long most);

/* The same of a number of seconds, whole or not. */
double
option_seconds(const char *option, const char *text, double least, double most);

/* The same of the option --seed, which may be any number of 64 bits. */
uint64_t option_seed(const char *text);

/* Ends the program, since the text is not what is expected. */
_Noreturn void
option_refuse(const char *option, const char *text, const char *expected);

/* Ends a program that has only options, for a word that is none. */
_Noreturn void option_refuse_word(const char *word);

#endif
