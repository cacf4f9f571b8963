package duet.device.cuda.lowering;

import static duet.device.cuda.lowering.Grids.address;
import static duet.device.cuda.lowering.Grids.count;
import static duet.device.cuda.lowering.Grids.divisor;
import static duet.device.cuda.lowering.Grids.each;

import java.lang.foreign.MemorySegment;
import java.util.List;

import duet.bindings.cuda.kernels.duet_pooling;
import duet.device.Operation;
import duet.device.Operation.AveragePoolBackward;
import duet.device.Operation.AveragePoolForward;
import duet.device.Operation.MaxPoolBackward;
import duet.device.Operation.MaxPoolForward;
import duet.device.PoolingGeometry;
import duet.device.Tensor;
import duet.device.cuda.driver.KernelCall;

/** Launches for pooling by itself. None needs scratch memory. */
final class PoolingLowering {
    private PoolingLowering() {}

    static List<KernelCall> maxForward(Site site, MaxPoolForward o) {
        Numbers numbers = Numbers.of(site, o, o.input(), o.output());
        int vector = numbers.vector(o.geometry().channels());
        MemorySegment p = arguments(site, o, o.geometry(), vector, o.input(), o.output());
        duet_pooling.winners(p, address(site, o.winners()));
        String name = "max_pool_forward" + (o.geometry().window() == 3 && vector > 1 ? "_3" : "");
        return List.of(each(numbers.kernel(name, vector), duet_pooling.count(p), p));
    }

    /** @param reluMask the result is 0 where this tensor, the pool's input, is not above 0; null for none */
    static List<KernelCall> maxBackward(Site site, MaxPoolBackward o, Tensor reluMask) {
        Numbers numbers = Numbers.of(site, o, o.outputGradient(), o.inputGradient(), reluMask);
        int vector = numbers.vector(o.geometry().channels());
        MemorySegment p = arguments(site, o, o.geometry(), vector, o.outputGradient(), o.inputGradient());
        duet_pooling.winners(p, address(site, o.winners()));
        duet_pooling.mask(p, address(site, reluMask));
        return List.of(each(numbers.kernel("max_pool_backward", vector), duet_pooling.count(p), p));
    }

    static List<KernelCall> averageForward(Site site, AveragePoolForward o) {
        return List.of(average(site, o, "average_pool_forward", o.geometry(), o.input(), o.output()));
    }

    static List<KernelCall> averageBackward(Site site, AveragePoolBackward o) {
        return List.of(average(site, o, "average_pool_backward", o.geometry(), o.outputGradient(), o.inputGradient()));
    }

    private static KernelCall average(Site site, Operation operation, String name, PoolingGeometry g, Tensor from, Tensor to) {
        Numbers numbers = Numbers.of(site, operation, from, to);
        int vector = numbers.vector(g.channels());
        MemorySegment p = arguments(site, operation, g, vector, from, to);
        return each(numbers.kernel(name, vector), duet_pooling.count(p), p);
    }

    /** The grid covers the result. */
    private static MemorySegment arguments(Site site, Operation operation, PoolingGeometry g, int vector, Tensor from, Tensor to) {
        count(operation, from, 1);
        MemorySegment p = duet_pooling.allocate(site.arena());
        p.fill((byte) 0);
        duet_pooling.input(p, address(site, from));
        duet_pooling.output(p, address(site, to));
        duet_pooling.count(p, count(operation, to, vector));
        duet_pooling.height(p, g.height());
        duet_pooling.width(p, g.width());
        duet_pooling.output_height(p, g.outputHeight());
        duet_pooling.output_width(p, g.outputWidth());
        duet_pooling.window(p, g.window());
        duet_pooling.padding(p, g.padding());
        duet_pooling.padding_top(p, g.paddingTop());
        divisor(duet_pooling.stride(p), g.stride());
        divisor(duet_pooling.channels(p), g.channels() / vector);
        divisor(duet_pooling.side_width(p), to.width());
        divisor(duet_pooling.side_height(p), to.height());
        return p;
    }
}
