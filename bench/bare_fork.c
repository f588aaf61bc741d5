/* bare_fork.c - five processes that do nothing. */
#include "bare.h"
#include "error.h"
#include "sys.h"

#include <sys/wait.h>
#include <unistd.h>

struct error *
bare_forks(const struct trial *trial, double *value)
{
	double start = sys_now();
	pid_t pids[5];

	for (long i = 0; i < trial->count; i++) {
		for (int n = 0; n < 5; n++) {
			pids[n] = fork();
			if (pids[n] < 0)
				return RAISE_ERRNO("fork");
			if (pids[n] == 0)
				_exit(0);
		}
		for (int n = 0; n < 5; n++)
			waitpid(pids[n], NULL, 0);
	}
	*value = 1e3 * (sys_now() - start) / (double)trial->count;
	return NULL;
}
