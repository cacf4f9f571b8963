package duet.device.cuda.lowering;

import static duet.device.cuda.lowering.Grids.address;
import static duet.device.cuda.lowering.Grids.count;
import static duet.device.cuda.lowering.Grids.divisor;
import static duet.device.cuda.lowering.Grids.each;

import java.lang.foreign.MemorySegment;
import java.util.List;

import duet.bindings.cuda.kernels.duet_spatial_norm;
import duet.device.Operation;
import duet.device.Operation.SpatialNormBackward;
import duet.device.Operation.SpatialNormForward;
import duet.device.Precision;
import duet.device.SpatialNorm;
import duet.device.Tensor;
import duet.device.cuda.driver.KernelCall;

/** Launches for response norms within maps. */
final class SpatialNormLowering {
    private SpatialNormLowering() {}

    /** Scratch memory for what the windows of the backward pass add up, and for what that is taken off where the result is no float. */
    static long workspaceBytes(SpatialNormBackward o, Precision precision) {
        return (Stored.of(o.input(), precision) == Stored.PLAIN ? 1L : 2L) * Float.BYTES * o.input().elements();
    }

    static List<KernelCall> forward(Site site, SpatialNormForward o) {
        Numbers numbers = Numbers.of(site, o, o.input(), o.output());
        int vector = vector(numbers, o.norm(), o.input());
        MemorySegment p = arguments(site, o, o.norm(), o.input(), o.output(), vector);
        return List.of(each(numbers.kernel("spatial_norm_forward", vector), count(o, o.input(), vector), p));
    }

    static List<KernelCall> backward(Site site, SpatialNormBackward o) {
        Numbers numbers = Numbers.of(site, o, o.input(), o.outputGradient(), o.inputGradient());
        int vector = vector(numbers, o.norm(), o.input());
        MemorySegment p = arguments(site, o, o.norm(), o.input(), o.inputGradient(), vector);
        duet_spatial_norm.output_gradient(p, address(site, o.outputGradient()));
        duet_spatial_norm.terms(p, site.workspace());
        int count = count(o, o.input(), vector);
        return List.of(each(numbers.kernel("spatial_norm_terms", vector), count, p),
                each(numbers.kernel("spatial_norm_gradient", vector), count, p));
    }

    private static int vector(Numbers numbers, SpatialNorm norm, Tensor input) {
        return norm.beta() == 0.75f ? numbers.vector(input.channels()) : 1;
    }

    private static MemorySegment arguments(Site site, Operation operation, SpatialNorm norm, Tensor input, Tensor output, int vector) {
        MemorySegment p = duet_spatial_norm.allocate(site.arena());
        p.fill((byte) 0);
        duet_spatial_norm.input(p, address(site, input));
        duet_spatial_norm.output(p, address(site, output));
        duet_spatial_norm.count(p, count(operation, input, vector));
        duet_spatial_norm.half(p, norm.size() / 2);
        duet_spatial_norm.alpha(p, norm.alpha());
        duet_spatial_norm.beta(p, norm.beta());
        duet_spatial_norm.k(p, norm.k());
        divisor(duet_spatial_norm.channels(p), input.channels() / vector);
        divisor(duet_spatial_norm.width(p), input.width());
        divisor(duet_spatial_norm.height(p), input.height());
        return p;
    }
}
