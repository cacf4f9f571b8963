/**
 * CUDA's driver API as objects with owners: cards, streams, events, graphs, page-locked memory, kernels and their calls. They know nothing
 * of networks or operations. The CUDA backend in the package above builds programs from them; {@code lowering} fills in
 * {@link duet.device.cuda.driver.KernelCall}s.
 *
 * <p>Read {@link duet.device.cuda.driver.CudaDriver} first: every function's result is checked there, and a failure becomes a
 * {@link duet.device.cuda.driver.CudaException} with the driver's words and what to do.
 */
package duet.device.cuda.driver;
