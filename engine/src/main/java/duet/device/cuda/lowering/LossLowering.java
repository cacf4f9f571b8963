package duet.device.cuda.lowering;

import static duet.device.cuda.lowering.Grids.address;

import java.lang.foreign.MemorySegment;
import java.util.List;

import duet.bindings.cuda.kernels.duet_softmax;
import duet.device.Operation.SoftmaxCrossEntropy;
import duet.device.cuda.driver.KernelCall;

/** Launches for the loss: a block an image. */
final class LossLowering {
    private LossLowering() {}

    /** Losses and probabilities are float: for the host. */
    static List<KernelCall> lower(Site site, SoftmaxCrossEntropy o) {
        Numbers numbers = Numbers.of(site, o, o.logits(), o.inputGradient());
        MemorySegment p = duet_softmax.allocate(site.arena());
        duet_softmax.logits(p, address(site, o.logits()));
        duet_softmax.labels(p, address(site, o.labels()));
        duet_softmax.losses(p, address(site, o.losses()));
        duet_softmax.ranks(p, address(site, o.ranks()));
        duet_softmax.probabilities(p, address(site, o.probabilities()));
        duet_softmax.gradient(p, address(site, o.inputGradient()));
        duet_softmax.classes(p, o.logits().channels());
        duet_softmax.divisor(p, o.divisor());
        return List.of(new KernelCall(numbers.kernel("softmax_cross_entropy"), o.logits().batch(), 1, 1, Grids.THREADS, 0, p));
    }
}
