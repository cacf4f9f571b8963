package duet.device.cuda.lowering;

import java.lang.foreign.Arena;
import java.util.function.ToLongFunction;

import duet.device.DeviceException;
import duet.device.Operation;
import duet.device.Tensor;

/**
 * Where operations are lowered to launches.
 *
 * @param arena           holds the structures that the launches point to
 * @param address         device address of a tensor; 0 for null
 * @param workspace       device address of scratch memory, or 0
 * @param run             device address of the {@code duet_run}
 * @param multiprocessors of the device
 * @param layout          how tensors are stored, and the precision of products
 */
public record Site(Arena arena, ToLongFunction<Tensor> address, long workspace, long run, int multiprocessors, CudaLayout layout) {

    /** @throws DeviceException if an operation has no scratch memory, though it needs some */
    void requireWorkspace(Operation operation, long bytes) {
        if (bytes > 0 && workspace == 0) {
            throw new DeviceException("%s: %s without its workspace".formatted(operation.layer(), operation.kind()));
        }
    }
}
