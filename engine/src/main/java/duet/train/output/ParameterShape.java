package duet.train.output;

import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;

import duet.device.Philox;
import duet.net.Initialization;
import duet.net.Layer;
import duet.net.Network;
import duet.net.Shape;

/**
 * A parameter of a network in canonical form, whatever the placement: what checkpoints hold and how it starts.
 *
 * @param name    such as {@code conv2.weight}
 * @param sizes   [out][in/groups][kh][kw], [out][in] or [out]
 * @param inputs  numbers that one output is computed from
 * @param outputs outputs that one input has a part in
 */
public record ParameterShape(String name, boolean bias, List<Integer> sizes, Initialization initialization, int inputs, int outputs) {
    public ParameterShape {
        sizes = List.copyOf(sizes);
    }

    /** In network order, weight before bias: the order of {@link duet.plan.Plan#parameters()}. */
    public static List<ParameterShape> of(Network network) {
        List<ParameterShape> parameters = new ArrayList<>();
        List<Shape> shapes = network.shapes();
        Shape input = network.input();
        for (int i = 0; i < network.layers().size(); i++) {
            switch (network.layers().get(i)) {
                case Layer.Convolution c -> {
                    int area = c.kernel() * c.kernel();
                    int channels = input.channels() / c.groups();
                    add(parameters, c.name(), List.of(c.filters(), channels, c.kernel(), c.kernel()), c.bias(), c.initialization(),
                            channels * area, c.filters() / c.groups() * area);
                }
                case Layer.FullyConnected f -> {
                    int inputs = Math.toIntExact(input.elements());
                    add(parameters, f.name(), List.of(f.outputs(), inputs), f.bias(), f.initialization(), inputs, f.outputs());
                }
                default -> {}
            }
            input = shapes.get(i);
        }
        return parameters;
    }

    private static void add(List<ParameterShape> parameters, String layer, List<Integer> weight, boolean bias,
            Initialization initialization, int inputs, int outputs) {
        parameters.add(new ParameterShape(layer + ".weight", false, weight, initialization, inputs, outputs));
        if (bias) {
            parameters.add(new ParameterShape(layer + ".bias", true, List.of(weight.getFirst()), initialization, inputs, outputs));
        }
    }

    /** The layer that it belongs to. */
    public String layer() {
        return name.substring(0, name.lastIndexOf('.'));
    }

    public int elements() {
        return sizes.stream().reduce(1, Math::multiplyExact);
    }

    /** Name of its momentum in checkpoints. */
    public String momentumName() {
        return "momentum." + name;
    }

    /** Standard deviation of the first weights. */
    double deviation() {
        return switch (initialization.distribution()) {
            case NORMAL -> initialization.deviation();
            case HE -> Math.sqrt(2.0 / inputs);
            case XAVIER -> Math.sqrt(2.0 / (inputs + outputs));
        };
    }

    /**
     * First values: a function of the seed, the parameter and the element's canonical index.
     *
     * @param index of the parameter in {@link #of}
     */
    public float[] initial(long seed, int index) {
        float[] values = new float[elements()];
        double deviation = deviation();
        IntStream.range(0, values.length).parallel().forEach(i -> values[i] = (float) (bias
                ? initialization.bias()
                : deviation * Philox.normal(seed, Philox.INITIAL_WEIGHTS, index, i)));
        return values;
    }
}
