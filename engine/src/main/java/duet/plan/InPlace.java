package duet.plan;

import java.util.List;

import duet.device.Operation.Activation;
import duet.net.Layer;

/** Which layers may overwrite their input in training. */
final class InPlace {
    private InPlace() {}

    /** What a layer that would like to work in place does to its input. */
    enum Change { RELU, MASK, SCALED_MASK, OTHER }

    /**
     * Whether the layer below needs its output as it is for its backward pass. Only a non-linearity does. Elements that a mask
     * makes 0 get no gradient from above anyhow, so ReLU (which looks at the sign alone) stands any mask, tanh one that leaves
     * the others as they are; and a second ReLU does not change the first one's output.
     *
     * @param traces of the layers below
     */
    static boolean spoils(Change change, List<Forward.Trace> traces) {
        for (Forward.Trace trace : traces.reversed()) {
            if (trace.division().layer() instanceof Layer.Dropout) {
                continue;
            }
            if (trace.division().layer() instanceof Layer.Nonlinearity l && trace.division().inputGradient()) {
                return switch (change) {
                    case RELU -> l.function() != Activation.RELU;
                    case MASK -> false;
                    case SCALED_MASK -> l.function() != Activation.RELU;
                    case OTHER -> true;
                };
            }
            return false;
        }
        return false;
    }
}
