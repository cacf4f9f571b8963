/* The part of NVIDIA's NCCL that Duet uses, with the names and types that libnccl.so.2 exports (NCCL 2.13 or newer): bytes from card to
   card between processes. NCCL's enumerations are int in the binary interface, a stream is an address, and an id is passed by value. */
#ifndef DUET_NCCL_H
#define DUET_NCCL_H
#include <stddef.h>
#ifdef __cplusplus
extern "C" {
#endif

/* What every function but the two of words answers. In progress is no failure: something is still under way. */
enum {
  ncclSuccess = 0,
  ncclUnhandledCudaError = 1,
  ncclSystemError = 2,
  ncclInternalError = 3,
  ncclInvalidArgument = 4,
  ncclInvalidUsage = 5,
  ncclRemoteError = 6,
  ncclInProgress = 7
};

/* The type of what is sent, of NCCL's list the one that is needed. */
enum { ncclUint8 = 1 };

/* Tells one set of communicators from others: one process makes it and hands it to all. */
typedef struct {
  char internal[128];
} ncclUniqueId;

/* A device's place among all that exchange. One thread at a time uses it. */
typedef struct ncclComm *ncclComm_t;

/* Such as 22703 for 2.27.3. */
int ncclGetVersion(int *version);
int ncclGetUniqueId(ncclUniqueId *id);

/* On the card whose context is current; waits for all ranks. Several of one process stand between ncclGroupStart and ncclGroupEnd. */
int ncclCommInitRank(ncclComm_t *comm, int ranks, ncclUniqueId id, int rank);
int ncclCommDestroy(ncclComm_t comm);
/* Also ends what is under way, and the calls of other threads that wait for it. */
int ncclCommAbort(ncclComm_t comm);
/* What has happened to the communicator meanwhile. */
int ncclCommGetAsyncError(ncclComm_t comm, int *error);

/* Words that stay valid; the second ones may be of the communicator null. */
const char *ncclGetErrorString(int result);
const char *ncclGetLastError(ncclComm_t comm);

/* Of one thread: what it sends and receives in between becomes one piece of work of the stream, in which nothing waits for another. */
int ncclGroupStart(void);
int ncclGroupEnd(void);
/* Between two ranks the n-th that is sent is the n-th that is received: there are no tags. */
int ncclSend(const void *data, size_t count, int type, int to, ncclComm_t comm, void *stream);
int ncclRecv(void *data, size_t count, int type, int from, ncclComm_t comm, void *stream);

#ifdef __cplusplus
}
#endif
#endif
