package duet.net;

import java.util.List;

import duet.device.Operation.Activation;

/** One layer of a network; layers form a chain. Names are unique in a network. */
public sealed interface Layer {
    String name();

    /** Which pixels of its input one pixel of its output is computed from. */
    Window receptiveWindow();

    /** A layer with parameters. What they are called, how large they are and how they start is said here and nowhere else. */
    sealed interface Weighted extends Layer {
        /** Channels that it makes: each has a filter, and a bias where there are any. */
        int outputs();

        /** Parts of the input's channels, and of the outputs, that have nothing to do with each other. */
        int groups();

        boolean bias();

        Initialization initialization();

        /** What one output pixel is computed from: channels x height x width of a filter. */
        Shape filter(Shape input);

        /** In canonical form. */
        ParameterShape weight(Shape input);

        /** In canonical form, weight before bias. */
        default List<ParameterShape> parameters(Shape input) {
            ParameterShape weight = weight(input);
            return !bias() ? List.of(weight)
                    : List.of(weight, new ParameterShape(name() + ".bias", true, List.of(outputs()), initialization(), weight.inputs(),
                            weight.outputs()));
        }

        /** Numbers in the weight, also where they are too many for an array. */
        default long weights(Shape input) {
            return outputs() * filter(input).elements();
        }
    }

    /**
     * Square kernel; weights are named NAME.weight [filters][channels / groups][kernel][kernel] and NAME.bias [filters].
     *
     * @param maximumRms filters whose root mean square is above it are scaled back to it after each update (ZFNet: 0.1); 0: they are not
     */
    record Convolution(
            String name, int filters, int kernel, int stride, int padding, int groups, Rounding rounding, boolean bias,
            Initialization initialization, double maximumRms) implements Weighted {

        /** Filters may grow as they like. */
        public Convolution(String name, int filters, int kernel, int stride, int padding, int groups, Rounding rounding, boolean bias,
                Initialization initialization) {
            this(name, filters, kernel, stride, padding, groups, rounding, bias, initialization, 0);
        }

        @Override
        public int outputs() {
            return filters;
        }

        @Override
        public Window receptiveWindow() {
            return new Window(kernel, stride, padding);
        }

        @Override
        public Shape filter(Shape input) {
            return new Shape(input.channels() / groups, kernel, kernel);
        }

        @Override
        public ParameterShape weight(Shape input) {
            Shape filter = filter(input);
            return new ParameterShape(name + ".weight", false, List.of(filters, filter.channels(), kernel, kernel), initialization,
                    Math.toIntExact(filter.elements()), filters / groups * kernel * kernel);
        }
    }

    /** The input is flattened in the order channels, height, width; weights are NAME.weight [outputs][inputs] and NAME.bias [outputs]. */
    record FullyConnected(String name, int outputs, boolean bias, Initialization initialization) implements Weighted {
        @Override
        public int groups() {
            return 1;
        }

        @Override
        public Window receptiveWindow() {
            return Window.WHOLE;
        }

        @Override
        public Shape filter(Shape input) {
            return input;
        }

        @Override
        public ParameterShape weight(Shape input) {
            int inputs = Math.toIntExact(input.elements());
            return new ParameterShape(name + ".weight", false, List.of(outputs, inputs), initialization, inputs, outputs);
        }
    }

    /** ReLU or tanh. */
    record Nonlinearity(String name, Activation function) implements Layer {
        @Override
        public Window receptiveWindow() {
            return Window.PIXEL;
        }
    }

    /** See {@link duet.device.ResponseNorm}. alpha is not divided by size, as in the paper. */
    record LocalResponseNorm(String name, int size, double alpha, double beta, double k, int groups) implements Layer {
        @Override
        public Window receptiveWindow() {
            return Window.PIXEL;
        }
    }

    /** Within each map, over size x size pixels, see {@link duet.device.SpatialNorm}. alpha is not divided by the number of pixels. */
    record SpatialResponseNorm(String name, int size, double alpha, double beta, double k) implements Layer {
        @Override
        public Window receptiveWindow() {
            return new Window(size, 1, size / 2);
        }
    }

    record Pooling(String name, Kind kind, int window, int stride, int padding, Rounding rounding) implements Layer {
        public enum Kind { MAX, AVERAGE }

        @Override
        public Window receptiveWindow() {
            return new Window(window, stride, padding);
        }
    }

    /**
     * @param rate     the share of elements that is dropped in training
     * @param inverted true: kept elements are divided by (1 - rate) in training, nothing in evaluation; false: nothing in
     *                 training, all multiplied by (1 - rate) in evaluation, as in the paper
     */
    record Dropout(String name, double rate, boolean inverted) implements Layer {
        @Override
        public Window receptiveWindow() {
            return Window.PIXEL;
        }
    }

    /** The last layer of every network. */
    record SoftmaxCrossEntropy(String name) implements Layer {
        @Override
        public Window receptiveWindow() {
            return Window.PIXEL;
        }
    }
}
