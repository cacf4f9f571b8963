package duet.device.cuda;

import static duet.device.cuda.Kernels.address;

import java.lang.foreign.MemorySegment;
import java.util.List;

import duet.bindings.cuda.kernels.duet_softmax;
import duet.device.Operation.SoftmaxCrossEntropy;

/** Launches for the loss: a block an image. */
final class LossLowering {
    private LossLowering() {}

    static List<Launch> lower(Site site, SoftmaxCrossEntropy o) {
        MemorySegment p = duet_softmax.allocate(site.arena());
        duet_softmax.logits(p, address(site, o.logits()));
        duet_softmax.labels(p, address(site, o.labels()));
        duet_softmax.losses(p, address(site, o.losses()));
        duet_softmax.ranks(p, address(site, o.ranks()));
        duet_softmax.probabilities(p, address(site, o.probabilities()));
        duet_softmax.gradient(p, address(site, o.inputGradient()));
        duet_softmax.batch(p, o.logits().batch());
        duet_softmax.classes(p, o.logits().channels());
        return List.of(new Launch("softmax_cross_entropy", o.logits().batch(), 1, 1, Kernels.THREADS, 0, p));
    }
}
