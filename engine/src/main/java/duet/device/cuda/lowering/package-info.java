/**
 * Operations turned into launches of CUDA kernels: which kernel, which grid, which arguments, and which neighbours one kernel does
 * together. The CUDA backend in the package above calls it once for each program, when it is loaded.
 *
 * <p>Read {@link duet.device.cuda.lowering.CudaLowering} first, then {@link duet.device.cuda.lowering.Fusion} and
 * {@code ProductLowering}, which does convolutions and fully connected layers.
 *
 * <p>A new kernel is a file in {@code native/cuda} with the structure of its arguments in {@code duet_cuda.h} and its bindings, a method
 * in one of the lowerings here (or a class for a new family) that fills the structure and chooses the grid, a case in
 * {@link duet.device.cuda.lowering.CudaLowering}, there also its workspace if it needs any, and a line in
 * {@code budgets.csv} if it takes many registers. A matrix product also has a line in {@code duet.device.cuda.model.Tile};
 * {@code model.csv} is written anew. The virtual GPU runs its tests without a card.
 */
package duet.device.cuda.lowering;
