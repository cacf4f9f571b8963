/* What the stand-in for NCCL has beside NCCL's own functions: failures that a test wants. The stand-in works for threads that play
   processes, on the devices of the virtual GPU, which must be loaded. */
#ifndef DUET_VNCCL_H
#define DUET_VNCCL_H
#ifdef __cplusplus
extern "C" {
#endif

enum {
  VNCCL_NOTHING = 0, /* as it should be */
  VNCCL_HANGS = 1,   /* ncclGroupEnd waits until the communicator is aborted */
  VNCCL_BREAKS = 2,  /* ncclGroupEnd succeeds, nothing is sent or received, and later ncclCommGetAsyncError answers ncclRemoteError */
  VNCCL_REFUSES = 3, /* ncclGroupEnd answers ncclSystemError */
  VNCCL_ABSENT = 4   /* ncclCommInitRank answers ncclSystemError; the other ranks are not told */
};

/* What happens to a rank, or to all (-1), from its n-th group of sends and receives on, the first being 0. */
void duet_vnccl_fail(int rank, int what, int group);

/* Groups that have been sent and received since the last duet_vnccl_fail, of all ranks. */
long duet_vnccl_groups(void);

#ifdef __cplusplus
}
#endif
#endif
