/*
 * mpi.h - Open MPI as a peer, where its compiler and mpirun are installed
 * (packages openmpi-bin and libopenmpi-dev).
 */
#ifndef BENCH_MPI_H
#define BENCH_MPI_H

#include "figure.h"

/* Compiles mpi_farm.c; raises an error if that cannot be. */
struct error *mpi_prepare(void);

/* Tasks a second that its master deals to 4 workers. */
measure_function mpi_farm;

#endif
