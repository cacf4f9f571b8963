package duet.net;

import java.util.List;
import java.util.stream.IntStream;

import duet.device.Philox;

/**
 * A parameter of a network in canonical form, whatever the placement: what checkpoints hold and how it starts.
 *
 * @param name           such as {@code conv2.weight}
 * @param bias           whether it is a bias; else it is a weight
 * @param sizes          [out][in/groups][kh][kw], [out][in] or [out]
 * @param initialization how it starts
 * @param inputs         numbers that one output is computed from
 * @param outputs        outputs that one input has a part in
 */
public record ParameterShape(String name, boolean bias, List<Integer> sizes, Initialization initialization, int inputs, int outputs) {
    /** Copies the sizes. */
    public ParameterShape {
        sizes = List.copyOf(sizes);
    }

    /** {@return the layer that it belongs to} */
    public String layer() {
        return name.substring(0, name.lastIndexOf('.'));
    }

    /** {@return how many numbers it has} */
    public int elements() {
        return sizes.stream().reduce(1, Math::multiplyExact);
    }

    /** {@return the name of its momentum in checkpoints} */
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
     * {@return its first values: a function of the seed, the parameter and the element's canonical index}
     *
     * @param seed  of the training
     * @param index of the parameter in {@link Network#parameters}
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
