/*
 * mpi_farm.c - a master that deals empty tasks to workers, with MPI. It is
 * compiled by mpicc when build/bench runs, if that is here, and prints the
 * seconds that it took.
 *
 *     mpirun -np WORKERS+1 mpi_farm TASKS
 */
#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/* MPI_Wtime() may be another clock. */
static double
now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void
work(void)
{
	long task;

	for (;;) {
		MPI_Recv(&task, 1, MPI_LONG, 0, 0, MPI_COMM_WORLD,
			MPI_STATUS_IGNORE);
		if (task < 0)
			return;
		MPI_Send(&task, 1, MPI_LONG, 0, 0, MPI_COMM_WORLD);
	}
}

/* Gives each worker one task, and whoever is done the next. */
static void
deal(long tasks, int workers)
{
	long next = 0, done, result;
	MPI_Status status;

	for (; next < workers && next < tasks; next++)
		MPI_Send(&next, 1, MPI_LONG, (int)next + 1, 0, MPI_COMM_WORLD);
	for (done = 0; done < tasks; done++) {
		MPI_Recv(&result, 1, MPI_LONG, MPI_ANY_SOURCE, 0,
			MPI_COMM_WORLD, &status);
		if (next < tasks) {
			MPI_Send(&next, 1, MPI_LONG, status.MPI_SOURCE, 0,
				MPI_COMM_WORLD);
			next++;
		}
	}
}

static void
lead(long tasks, int workers)
{
	const long end = -1;
	double start;

	deal(4L * workers, workers);
	start = now();
	deal(tasks, workers);
	printf("%.9f\n", now() - start);
	for (int i = 1; i <= workers; i++)
		MPI_Send(&end, 1, MPI_LONG, i, 0, MPI_COMM_WORLD);
}

int
main(int argc, char *argv[])
{
	long tasks = argc == 2 ? strtol(argv[1], NULL, 10) : 0;
	int rank, size;

	MPI_Init(&argc, &argv);
	MPI_Comm_rank(MPI_COMM_WORLD, &rank);
	MPI_Comm_size(MPI_COMM_WORLD, &size);
	if (rank == 0)
		lead(tasks, size - 1);
	else
		work();
	MPI_Finalize();
	return 0;
}
