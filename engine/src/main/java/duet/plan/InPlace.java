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
     * @param divisions of all layers
     * @param below     the layer that made the input, -1 for the image
     */
    static boolean spoils(Change change, List<Division> divisions, int below) {
        int index = below;
        while (index >= 0 && divisions.get(index).layer() instanceof Layer.Dropout) {
            index = divisions.get(index).from().getFirst();
        }
        if (index < 0 || !(divisions.get(index).layer() instanceof Layer.Nonlinearity l) || !divisions.get(index).inputGradient()) {
            return false;
        }
        return switch (change) {
            case RELU -> l.function() != Activation.RELU;
            case MASK -> false;
            case SCALED_MASK -> l.function() != Activation.RELU;
            case OTHER -> true;
        };
    }
}
