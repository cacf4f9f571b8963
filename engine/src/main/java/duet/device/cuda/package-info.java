/**
 * The CUDA backend, for cards ({@code cuda:0}) and for the virtual GPU ({@code virtual:0}), which offers the driver's functions without a
 * card. A program is captured into one CUDA graph; each run launches it once. Nobody names these classes: {@link duet.device.Backends}
 * finds {@link duet.device.cuda.CudaProvider} and {@link duet.device.cuda.VirtualProvider} as services.
 *
 * <p>Read {@code CudaProgram} first. Below it, {@code driver} has the driver API as objects, {@code lowering} turns operations into
 * launches of kernels.
 */
package duet.device.cuda;
