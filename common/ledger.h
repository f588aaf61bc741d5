/*
 * ledger.h - what became of each task: where it failed or what it returned, and
 * who saw that.
 */
#ifndef FORKLORE_LEDGER_H
#define FORKLORE_LEDGER_H

#include <stdio.h>

struct history;

/* Prints the ledger of a run. */
void ledger_print(const struct history *history, FILE *stream);

#endif
