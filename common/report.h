/*
 * report.h - why does it hang? Who waits for what, on standard error, when a
 * program is interrupted, or takes too long.
 */
#ifndef FORKLORE_REPORT_H
#define FORKLORE_REPORT_H

struct error;

/*
 * From now on, Ctrl-C (SIGINT) prints the report before the program dies of it;
 * and so does the end of limit seconds, a microsecond or more (FOREVER for no
 * limit), with which the program exits with status 124. The report is cut short
 * by a second signal, or if nobody has read it ten seconds after the limit.
 * The calling thread is "main" in it. To be called once, before anything is
 * forked. Raises OSError.
 */
struct error *report_when_it_hangs(double limit);

#endif
