package duet.net;

import duet.device.Operation.Activation;

/** One layer of a network; layers form a chain. Names are unique in a network. */
public sealed interface Layer {
    String name();

    /**
     * Square kernel; weights are named NAME.weight [filters][channels / groups][kernel][kernel] and NAME.bias [filters].
     *
     * @param maximumRms filters whose root mean square is above it are scaled back to it after each update (ZFNet: 0.1); 0: they are not
     */
    record Convolution(
            String name, int filters, int kernel, int stride, int padding, int groups, Rounding rounding, boolean bias,
            Initialization initialization, double maximumRms) implements Layer {

        /** Filters may grow as they like. */
        public Convolution(String name, int filters, int kernel, int stride, int padding, int groups, Rounding rounding, boolean bias,
                Initialization initialization) {
            this(name, filters, kernel, stride, padding, groups, rounding, bias, initialization, 0);
        }
    }

    /** The input is flattened in the order channels, height, width; weights are NAME.weight [outputs][inputs] and NAME.bias [outputs]. */
    record FullyConnected(String name, int outputs, boolean bias, Initialization initialization) implements Layer {}

    /** ReLU or tanh. */
    record Nonlinearity(String name, Activation function) implements Layer {}

    /** See {@link duet.device.ResponseNorm}. alpha is not divided by size, as in the paper. */
    record LocalResponseNorm(String name, int size, double alpha, double beta, double k, int groups) implements Layer {}

    /** Within each map, over size x size pixels, see {@link duet.device.SpatialNorm}. alpha is not divided by the number of pixels. */
    record SpatialResponseNorm(String name, int size, double alpha, double beta, double k) implements Layer {}

    record Pooling(String name, Kind kind, int window, int stride, int padding, Rounding rounding) implements Layer {
        public enum Kind { MAX, AVERAGE }
    }

    /**
     * @param rate     the share of elements that is dropped in training
     * @param inverted true: kept elements are divided by (1 - rate) in training, nothing in evaluation; false: nothing in
     *                 training, all multiplied by (1 - rate) in evaluation, as in the paper
     */
    record Dropout(String name, double rate, boolean inverted) implements Layer {}

    /** The last layer of every network. */
    record SoftmaxCrossEntropy(String name) implements Layer {}
}
