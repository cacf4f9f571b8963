package duet.train;

import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.DoubleUnaryOperator;
import java.util.stream.IntStream;

import duet.net.Layer;
import duet.net.Network;
import duet.net.Node;
import duet.net.Shape;

/**
 * A network in evaluation, one image at a time in double precision, by the definitions of its layers: shares nothing with Duet's kernels
 * and plans.
 */
public final class DirectForward {
    private DirectForward() {}

    /**
     * @param image what the first layer sees, [channels][height][width]
     * @return probabilities
     */
    public static double[] run(Network network, Map<String, float[]> parameters, double[] image) {
        Network main = network.withoutAuxiliary();
        Map<String, double[]> values = new HashMap<>(Map.of(Network.IMAGE, image));
        for (int i = 0; i < main.nodes().size(); i++) {
            Node node = main.nodes().get(i);
            List<double[]> inputs = node.inputs().stream().map(values::get).toList();
            values.put(node.name(),
                    layer(node.layer(), parameters, inputs, main.inputShapes(i).getFirst(), main.shapes().get(i)));
        }
        return values.get(main.nodes().getLast().name());
    }

    private static double[] layer(Layer layer, Map<String, float[]> parameters, List<double[]> inputs, Shape shape, Shape out) {
        double[] in = inputs.getFirst();
        return switch (layer) {
            case Layer.Convolution l ->
                convolution(l, parameters.get(l.name() + ".weight"), parameters.get(l.name() + ".bias"), in, shape, out);
            case Layer.FullyConnected l ->
                fullyConnected(parameters.get(l.name() + ".weight"), parameters.get(l.name() + ".bias"), in, out.channels());
            case Layer.Nonlinearity l -> map(in, switch (l.function()) {
                case RELU -> x -> Math.max(x, 0);
                case TANH -> Math::tanh;
            });
            case Layer.LocalResponseNorm l -> norm(l, in, shape);
            case Layer.SpatialResponseNorm l -> throw new IllegalArgumentException(l.name());
            case Layer.Pooling l -> pool(l, in, shape, out);
            case Layer.Dropout l -> map(in, x -> l.inverted() ? x : x * (1 - l.rate()));
            case Layer.Concatenation _ -> inputs.stream().flatMapToDouble(Arrays::stream).toArray();
            case Layer.Addition _ -> IntStream.range(0, in.length).mapToDouble(j -> inputs.stream().mapToDouble(each -> each[j]).sum())
                    .toArray();
            case Layer.SoftmaxCrossEntropy _ -> softmax(in);
        };
    }

    private static double[] map(double[] in, DoubleUnaryOperator function) {
        return Arrays.stream(in).map(function).toArray();
    }

    private static double[] convolution(Layer.Convolution l, float[] weight, float[] bias, double[] in, Shape shape, Shape out) {
        double[] result = new double[Math.toIntExact(out.elements())];
        int channels = shape.channels() / l.groups();
        for (int i = 0; i < result.length; i++) {
            int filter = i / (out.height() * out.width());
            int y = i / out.width() % out.height() * l.stride() - l.padding();
            int x = i % out.width() * l.stride() - l.padding();
            int first = filter / (l.filters() / l.groups()) * channels;
            double sum = bias == null ? 0 : bias[filter];
            for (int tap = 0; tap < channels * l.kernel() * l.kernel(); tap++) {
                int channel = tap / (l.kernel() * l.kernel());
                int row = y + tap / l.kernel() % l.kernel();
                int column = x + tap % l.kernel();
                if (row >= 0 && row < shape.height() && column >= 0 && column < shape.width()) {
                    sum += weight[filter * channels * l.kernel() * l.kernel() + tap]
                            * in[((first + channel) * shape.height() + row) * shape.width() + column];
                }
            }
            result[i] = sum;
        }
        return result;
    }

    private static double[] fullyConnected(float[] weight, float[] bias, double[] in, int outputs) {
        double[] result = new double[outputs];
        for (int o = 0; o < outputs; o++) {
            double sum = bias == null ? 0 : bias[o];
            for (int i = 0; i < in.length; i++) {
                sum += weight[o * in.length + i] * in[i];
            }
            result[o] = sum;
        }
        return result;
    }

    private static double[] norm(Layer.LocalResponseNorm l, double[] in, Shape shape) {
        double[] result = new double[in.length];
        int area = shape.height() * shape.width();
        int channels = shape.channels() / l.groups();
        for (int i = 0; i < in.length; i++) {
            int channel = i / area;
            int group = channel / channels;
            double sum = 0;
            for (int near = channel - l.size() / 2; near <= channel + l.size() / 2; near++) {
                if (near >= group * channels && near < (group + 1) * channels) {
                    sum += Math.pow(in[near * area + i % area], 2);
                }
            }
            result[i] = in[i] / Math.pow(l.k() + l.alpha() * sum, l.beta());
        }
        return result;
    }

    private static double[] pool(Layer.Pooling l, double[] in, Shape shape, Shape out) {
        double[] result = new double[Math.toIntExact(out.elements())];
        for (int i = 0; i < result.length; i++) {
            int channel = i / (out.height() * out.width());
            double best = Double.NEGATIVE_INFINITY;
            double sum = 0;
            int count = 0;
            for (int tap = 0; tap < l.window() * l.window(); tap++) {
                int row = i / out.width() % out.height() * l.stride() - l.padding() + tap / l.window();
                int column = i % out.width() * l.stride() - l.padding() + tap % l.window();
                if (row >= 0 && row < shape.height() && column >= 0 && column < shape.width()) {
                    double value = in[(channel * shape.height() + row) * shape.width() + column];
                    best = Math.max(best, value);
                    sum += value;
                    count++;
                }
            }
            result[i] = l.kind() == Layer.Pooling.Kind.MAX ? best : sum / count;
        }
        return result;
    }

    private static double[] softmax(double[] in) {
        double largest = Arrays.stream(in).max().orElseThrow();
        double[] powers = map(in, x -> Math.exp(x - largest));
        double sum = Arrays.stream(powers).sum();
        return map(powers, x -> x / sum);
    }
}
