package duet.device.cuda.lowering;

import static duet.device.cuda.lowering.Grids.address;
import static duet.device.cuda.lowering.Grids.divisor;

import java.lang.foreign.MemorySegment;
import java.util.List;

import duet.bindings.cuda.kernels.duet_prepare_input;
import duet.device.Operation.PrepareInput;
import duet.device.Tensor;
import duet.device.cuda.driver.KernelCall;

/** Launches that turn stored images into the network's input. */
final class InputLowering {
    private InputLowering() {}

    /** Elements that a block makes. */
    private static final int BLOCK = 2048;

    static List<KernelCall> lower(Site site, PrepareInput o) {
        Tensor output = o.output();
        int count = Grids.count(o, output, 1);
        MemorySegment p = duet_prepare_input.allocate(site.arena());
        p.fill((byte) 0);
        duet_prepare_input.images(p, address(site, o.images()));
        duet_prepare_input.crops(p, address(site, o.crops()));
        duet_prepare_input.mean(p, address(site, o.mean()));
        duet_prepare_input.output(p, address(site, output));
        duet_prepare_input.colour_shift(p, address(site, o.colourShift()));
        duet_prepare_input.count(p, count);
        duet_prepare_input.stored_height(p, o.images().height());
        duet_prepare_input.stored_width(p, o.images().width());
        duet_prepare_input.scale(p, o.scale());
        divisor(duet_prepare_input.channels(p), output.channels());
        divisor(duet_prepare_input.width(p), output.width());
        divisor(duet_prepare_input.height(p), output.height());
        return List.of(
                new KernelCall(Numbers.of(site, output).kernel("prepare_input"), Math.ceilDiv(count, BLOCK), 1, 1, Grids.THREADS, 0, p));
    }
}
