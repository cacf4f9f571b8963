/**
 * A static model of the CUDA kernels: what ptxas made of them ({@link duet.device.cuda.model.Cubin}, {@code MachineCode}), how they cut
 * their work ({@link duet.device.cuda.model.Tile}), the launches of a plan ({@link duet.device.cuda.model.Launches}), and from these which
 * part of a card binds each launch and what share of the card's limit it may reach ({@link duet.device.cuda.model.KernelModel}).
 *
 * <p>It is no measurement. Where latencies are hidden it forecasts published kernels to a few percent, elsewhere it is an upper bound
 * ({@code PublishedKernelTest}). It ranks kernels; its times are for tests and never printed.
 *
 * <p>A new kernel that is a matrix product needs a line in {@code Tile}; all others need none.
 */
package duet.device.cuda.model;
