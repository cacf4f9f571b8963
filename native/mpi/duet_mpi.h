/* The part of MPI that Duet uses, over plain C types, so that one set of bindings serves every MPI: handles are addresses in one
   library and numbers in another. Built once for each MPI that is installed. One thread of a process makes all calls, from duet_mpi_start
   to duet_mpi_end. Functions that can fail return 0, or an error of MPI's for duet_mpi_error; nothing throws. */
#ifndef DUET_MPI_H
#define DUET_MPI_H
#include <stdint.h>
#ifdef __cplusplus
#define DUET_MPI_NOEXCEPT noexcept
extern "C" {
#else
#define DUET_MPI_NOEXCEPT
#endif

/* Rises with every change of this interface. */
#define DUET_MPI_ABI 2
int duet_mpi_abi(void) DUET_MPI_NOEXCEPT;

/* MPI_Init_thread. Errors of later calls are returned instead of ending the process. DUET_MPI_SIGNALS: the library has put a handler of its
   own in place of Java's for SIGSEGV, which would end a correct program at its first null. */
#define DUET_MPI_SIGNALS (-1)
int duet_mpi_start(void) DUET_MPI_NOEXCEPT;
/* MPI_Finalize: every rank must come here. */
int duet_mpi_end(void) DUET_MPI_NOEXCEPT;
/* MPI_Abort: ends every rank; the launcher returns the code where it can. */
void duet_mpi_abort(int code) DUET_MPI_NOEXCEPT;

/* Such as "Open MPI v4.1.4, ...": the library's own words. Valid until the next call. */
const char *duet_mpi_library(void) DUET_MPI_NOEXCEPT;
/* The name of this machine. Valid until the next call. */
const char *duet_mpi_host(void) DUET_MPI_NOEXCEPT;
int duet_mpi_rank(void) DUET_MPI_NOEXCEPT;
int duet_mpi_size(void) DUET_MPI_NOEXCEPT;
/* The largest tag of a message. */
int duet_mpi_largest_tag(void) DUET_MPI_NOEXCEPT;

/* These start something and number it; duet_mpi_test says when it is over. The memory belongs to MPI until then. At most 2^31 - 1 bytes. */
int duet_mpi_send(const void *data, int64_t bytes, int to, int tag, int *request) DUET_MPI_NOEXCEPT;
int duet_mpi_receive(void *data, int64_t bytes, int from, int tag, int *request) DUET_MPI_NOEXCEPT;
/* From one rank to all; all ranks must call it with the same number of bytes. */
int duet_mpi_broadcast(void *data, int64_t bytes, int root, int *request) DUET_MPI_NOEXCEPT;
/* Whether a request was over at the last duet_mpi_progress; `done` is 1, and its number is free again, or 0. An error is the request's, and
   its number is free then, too. Calls nothing of MPI's. */
int duet_mpi_test(int request, int *done) DUET_MPI_NOEXCEPT;

/* Lets MPI move all that it has under way, which it does only in its calls, and finds out which requests are over: one call for all of
   them, however many there are. */
int duet_mpi_progress(void) DUET_MPI_NOEXCEPT;

/* What an error means, in MPI's words. Valid until the next call. */
const char *duet_mpi_error(int error) DUET_MPI_NOEXCEPT;

#ifdef __cplusplus
}
#endif
#endif
