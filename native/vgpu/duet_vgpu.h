/* Control of the virtual GPU beside the CUDA driver functions that it exports. All strings are UTF-8 and stay valid until the next
   call of the same function on the same thread. Nothing throws: a driver function without memory returns CUDA_ERROR_OUT_OF_MEMORY, and the
   last two strings are empty then. */
#ifndef DUET_VGPU_H
#define DUET_VGPU_H
#include <stdint.h>
#ifdef __cplusplus
#define VGPU_NOEXCEPT noexcept
extern "C" {
#else
#define VGPU_NOEXCEPT
#endif

/* Rises with every change of this interface. */
#define VGPU_ABI 1
int vgpu_abi(void) VGPU_NOEXCEPT;

/* "key=value,key=value", keys: devices, memory (bytes of each), bounds, initialized, races, barriers, ordering, tf32 (off at first), leaks,
   counters, perturb, fail (each on or off), analysis (of addresses before a launch; off: each is looked at, slower, with the same results),
   checks (all, none), seed, budget (warp instructions of a block before it counts as hanging),
   warps (round-robin, reverse, random, one-warp-far), streams (fifo, latest-first, delay, random, lazy),
   accumulation (of tensor cores: published, exact, adversarial), threads, peer (on or off:
   whether devices can access each other), driver (such as 12020), compute (such as 80), fail-call (NAME:N:ERROR, the N-th call from
   now of a driver function returns that CUresult). Empty resets all to their defaults. 0, or -1 with a sentence from vgpu_problem.
   devices, memory, driver and compute only while no context exists. */
int vgpu_configure(const char *settings) VGPU_NOEXCEPT;
const char *vgpu_problem(void) VGPU_NOEXCEPT;

/* What the checks found since the last vgpu_reset: one line for each, "kind (count times): sentence". Empty if clean. */
const char *vgpu_findings(void) VGPU_NOEXCEPT;
int64_t vgpu_finding_count(void) VGPU_NOEXCEPT;

/* Counters of each kernel since the last vgpu_reset, as a JSON object: kernel name -> counters. */
const char *vgpu_counters(void) VGPU_NOEXCEPT;

/* How often each driver function was called since the last vgpu_reset, as a JSON object. */
const char *vgpu_calls(void) VGPU_NOEXCEPT;

/* Forgets findings, counters and calls. */
void vgpu_reset(void) VGPU_NOEXCEPT;

#ifdef __cplusplus
}
#endif
#endif
