package duet.reference;

import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

import duet.device.Operation;
import duet.device.Operation.ConvolutionBackwardData;
import duet.device.Operation.ConvolutionBackwardWeights;
import duet.device.Operation.ConvolutionForward;
import duet.device.Operation.FullyConnectedBackwardData;
import duet.device.Operation.FullyConnectedBackwardWeights;
import duet.device.Operation.FullyConnectedForward;
import duet.device.Tensor;

/**
 * Trials of a backend that computes in bf16. The reference gets factors that are rounded as they should be; then the results agree as
 * closely as those in float do. Factors that are not rounded, or otherwise, are off by a hundred times what is allowed.
 */
abstract class Bfloat16Suite extends TrialSuite {
    @Override
    Trial.Expectation expectation(Trial trial) {
        Map<Tensor, double[]> values = new HashMap<>();
        trial.operands().forEach((tensor, array) -> values.put(tensor, Trial.doubles(array)));
        Map<Tensor, double[]> allowed = new LinkedHashMap<>();
        for (Operation operation : trial.operations()) {
            Set<Tensor> rounded = direct(operation) ? factors(operation) : Set.of();
            Map<Tensor, double[]> before = new HashMap<>();
            operation.reads().forEach(tensor -> before.put(tensor,
                    rounded.contains(tensor) ? Bfloat16.rounded(values.get(tensor)) : values.get(tensor).clone()));
            Map<Tensor, double[]> after = new HashMap<>(before);
            after.replaceAll((_, array) -> array.clone());
            Reference.compute(operation, after, trial.parameters());
            operation.writes().forEach(tensor -> {
                // A bias is added up, not multiplied, and so is its gradient: of what was not rounded.
                boolean sums = !rounded.isEmpty() && tensor.format() == Tensor.Format.VECTOR;
                values.put(tensor, sums ? overImages(operation, values) : after.get(tensor));
            });
            allowed.putAll(Tolerance.allowed(operation, before, values, allowed, trial.parameters()));
        }
        return new Trial.Expectation(values, allowed);
    }

    /** The gradient of the biases. */
    private static double[] overImages(Operation backwardWeights, Map<Tensor, double[]> values) {
        Tensor gradient = switch (backwardWeights) {
            case ConvolutionBackwardWeights o -> o.outputGradient();
            case FullyConnectedBackwardWeights o -> o.outputGradient();
            default -> throw new IllegalArgumentException(backwardWeights.kind());
        };
        int pixels = gradient.height() * gradient.width();
        double[] sums = new double[gradient.channels()];
        double[] all = values.get(gradient);
        for (int i = 0; i < all.length; i++) {
            sums[i / pixels % sums.length] += all[i];
        }
        return sums;
    }

    /** What an operation multiplies with each other; nothing, for most. */
    static Set<Tensor> factors(Operation operation) {
        return switch (operation) {
            case ConvolutionForward o -> Set.of(o.input(), o.weight());
            case ConvolutionBackwardData o -> Set.of(o.outputGradient(), o.weight());
            case ConvolutionBackwardWeights o -> Set.of(o.input(), o.outputGradient());
            case FullyConnectedForward o -> Set.of(o.input(), o.weight());
            case FullyConnectedBackwardData o -> Set.of(o.outputGradient(), o.weight());
            case FullyConnectedBackwardWeights o -> Set.of(o.input(), o.outputGradient());
            default -> Set.of();
        };
    }

    /** Whether the backend rounds just the factors. */
    private boolean direct(Operation operation) {
        return Set.of("products in bf16", "direct sums in bf16").contains(backend().method(operation));
    }

    static List<Operation> products(String network) {
        return PlannedOperations.ofBatches(network, 1, 3).stream().filter(operation -> !factors(operation).isEmpty()).toList();
    }
}
