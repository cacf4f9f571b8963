package duet.device.cuda;

import duet.device.Backend;
import duet.device.Backends;
import duet.device.VirtualGpu;

/** Opens devices in a process of its own, because a process is bound to one driver. Prints what happens. */
public final class CudaProbe {
    private CudaProbe() {}

    /** @param arguments devices, then settings of the virtual GPU that stands in for the driver, if there are any */
    public static void main(String[] arguments) {
        if (arguments.length > 1) {
            VirtualGpu.configure(arguments[1]);
        }
        try (Backend backend = arguments[0].equals("default") ? Backends.openDefault(2) : Backends.open(arguments[0], 2)) {
            System.out.println("opened: " + backend.description());
        } catch (RuntimeException e) {
            System.out.println(e.getClass().getSimpleName() + ": " + e.getMessage());
        }
        System.out.println("no CUDA: " + Backends.noCuda().orElse("it is there"));
    }
}
