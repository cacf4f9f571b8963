/*
 * What this machine can do at most, measured: the roofs that kernels are compared with. Bound to Java by hand (duet.device.MachinePeak).
 * Every function runs on `threads` threads of its own, takes some tens of milliseconds, and returns what all of them did together; -1
 * if there is no memory for it, or the threads cannot be started. No function throws.
 */
#ifndef DUET_PROBE_H
#define DUET_PROBE_H
#include <stdint.h>

#ifdef __cplusplus
#define DUET_NOEXCEPT noexcept
extern "C" {
#else
#define DUET_NOEXCEPT
#endif

/* GFLOP/s of fused multiply-adds in registers, with the widest vectors that the processor has; a multiply-add is two. */
double duet_probe_multiply_add(int32_t threads) DUET_NOEXCEPT;

/* The same of bf16 dot products with fp32 sums; 0 where the processor has none. */
double duet_probe_bf16(int32_t threads) DUET_NOEXCEPT;

/*
 * GB/s of memory: once only read, and once as SGD with momentum uses it, three arrays read and two of them written. The arrays are
 * `bytes` in all and should be several times the caches.
 */
double duet_probe_read(int32_t threads, int64_t bytes) DUET_NOEXCEPT;
double duet_probe_update(int32_t threads, int64_t bytes) DUET_NOEXCEPT;

#ifdef __cplusplus
}
#endif
#endif
