package duet.net;

import java.util.List;

import duet.device.Operation.Activation;

/** One layer of a network, whose names are unique; what it takes its inputs from is said by its {@link Node}. */
public sealed interface Layer {
    /** {@return its name, such as {@code conv1}} */
    String name();

    /** {@return which pixels of its input one pixel of its output is computed from} */
    Window receptiveWindow();

    /** A layer with parameters. What they are called, how large they are and how they start is said here and nowhere else. */
    sealed interface Weighted extends Layer {
        /** {@return channels that it makes: each has a filter, and a bias where there are any} */
        int outputs();

        /** {@return parts of the input's channels, and of the outputs, that have nothing to do with each other} */
        int groups();

        /** {@return whether its outputs have biases} */
        boolean bias();

        /** {@return how its parameters start} */
        Initialization initialization();

        /**
         * {@return what one output pixel is computed from: channels x height x width of a filter}
         *
         * @param input what the layer sees
         */
        Shape filter(Shape input);

        /**
         * {@return its weight, in canonical form}
         *
         * @param input what the layer sees
         */
        ParameterShape weight(Shape input);

        /**
         * {@return its parameters in canonical form, weight before bias}
         *
         * @param input what the layer sees
         */
        default List<ParameterShape> parameters(Shape input) {
            ParameterShape weight = weight(input);
            return !bias() ? List.of(weight)
                    : List.of(weight, new ParameterShape(name() + ".bias", true, List.of(outputs()), initialization(), weight.inputs(),
                            weight.outputs()));
        }

        /**
         * {@return how many numbers the weight has, also where they are too many for an array}
         *
         * @param input what the layer sees
         */
        default long weights(Shape input) {
            return outputs() * filter(input).elements();
        }
    }

    /**
     * A convolution with a square kernel; weights are named NAME.weight [filters][channels / groups][kernel][kernel] and NAME.bias
     * [filters].
     *
     * @param name           unique in its network
     * @param filters        channels that it makes
     * @param kernel         pixels along a filter's side
     * @param stride         pixels from one window to the next
     * @param padding        pixels outside the image on each side
     * @param groups         parts of channels and filters that have nothing to do with each other
     * @param rounding       how many windows fit
     * @param bias           whether there are biases
     * @param initialization how weights and biases start
     * @param maximumRms     filters whose root mean square is above it are scaled back to it after each update (ZFNet: 0.1); 0: they are
     *                       not
     */
    record Convolution(
            String name, int filters, int kernel, int stride, int padding, int groups, Rounding rounding, boolean bias,
            Initialization initialization, double maximumRms) implements Weighted {

        /**
         * A convolution whose filters may grow as they like.
         *
         * @param name           unique in its network
         * @param filters        channels that it makes
         * @param kernel         pixels along a filter's side
         * @param stride         pixels from one window to the next
         * @param padding        pixels outside the image on each side
         * @param groups         parts of channels and filters that have nothing to do with each other
         * @param rounding       how many windows fit
         * @param bias           whether there are biases
         * @param initialization how weights and biases start
         */
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

    /**
     * A fully connected layer. The input is flattened in the order channels, height, width; weights are NAME.weight [outputs][inputs] and
     * NAME.bias [outputs].
     *
     * @param name           unique in its network
     * @param outputs        numbers that it makes
     * @param bias           whether there are biases
     * @param initialization how weights and biases start
     */
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

    /**
     * A non-linearity, applied to each number by itself.
     *
     * @param name     unique in its network
     * @param function ReLU or tanh
     */
    record Nonlinearity(String name, Activation function) implements Layer {
        @Override
        public Window receptiveWindow() {
            return Window.PIXEL;
        }
    }

    /**
     * Local response normalisation over channels, see {@link duet.device.ResponseNorm}. alpha is not divided by size, as in the paper.
     *
     * @param name   unique in its network
     * @param size   channels in a neighbourhood
     * @param alpha  factor of the sum of squares
     * @param beta   exponent
     * @param k      added to the sum
     * @param groups neighbourhoods end at their borders
     */
    record LocalResponseNorm(String name, int size, double alpha, double beta, double k, int groups) implements Layer {
        @Override
        public Window receptiveWindow() {
            return Window.PIXEL;
        }
    }

    /**
     * Response normalisation within each map, over size x size pixels, see {@link duet.device.SpatialNorm}. alpha is not divided by the
     * number of pixels.
     *
     * @param name  unique in its network
     * @param size  pixels along the side of a neighbourhood
     * @param alpha factor of the sum of squares
     * @param beta  exponent
     * @param k     added to the sum
     */
    record SpatialResponseNorm(String name, int size, double alpha, double beta, double k) implements Layer {
        @Override
        public Window receptiveWindow() {
            return new Window(size, 1, size / 2);
        }
    }

    /**
     * Max or average pooling over square windows, cut to the image.
     *
     * @param name     unique in its network
     * @param kind     the largest value, or the mean
     * @param window   pixels along a window's side
     * @param stride   pixels from one window to the next
     * @param padding  pixels outside the image on each side
     * @param rounding how many windows fit
     */
    record Pooling(String name, Kind kind, int window, int stride, int padding, Rounding rounding) implements Layer {
        /** What is taken of each window. */
        public enum Kind {
            /** the largest value */
            MAX,
            /** the mean of what lies inside the image */
            AVERAGE
        }

        @Override
        public Window receptiveWindow() {
            return new Window(window, stride, padding);
        }
    }

    /**
     * Dropout: in training some elements become 0, drawn anew for each image and step.
     *
     * @param name     unique in its network
     * @param rate     the share of elements that is dropped in training
     * @param inverted true: kept elements are divided by (1 - rate) in training, nothing in evaluation; false: nothing in training, all
     *                 multiplied by (1 - rate) in evaluation, as in the paper
     */
    record Dropout(String name, double rate, boolean inverted) implements Layer {
        @Override
        public Window receptiveWindow() {
            return Window.PIXEL;
        }
    }

    /**
     * The channels of several inputs of one height and width side by side, in their order.
     *
     * @param name unique in its network
     */
    record Concatenation(String name) implements Layer {
        @Override
        public Window receptiveWindow() {
            return Window.PIXEL;
        }
    }

    /**
     * The sum of several inputs of one shape.
     *
     * @param name unique in its network
     */
    record Addition(String name) implements Layer {
        @Override
        public Window receptiveWindow() {
            return Window.PIXEL;
        }
    }

    /**
     * Softmax and cross-entropy. The last layer of every network is one; others are auxiliary classifiers' (Szegedy et al. 2014,
     * section 5), which are there in training only.
     *
     * @param name   unique in its network
     * @param weight what the loss is multiplied by where the losses are added up; that of the last layer is 1
     */
    record SoftmaxCrossEntropy(String name, double weight) implements Layer {
        /**
         * The network's own loss.
         *
         * @param name unique in its network
         */
        public SoftmaxCrossEntropy(String name) {
            this(name, 1);
        }

        @Override
        public Window receptiveWindow() {
            return Window.PIXEL;
        }
    }
}
