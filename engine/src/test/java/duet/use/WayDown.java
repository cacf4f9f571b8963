package duet.use;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

import duet.net.Layer;
import duet.net.Network;
import duet.net.Shape;
import duet.train.output.Checkpoint;
import duet.use.Deconvolution.Unit;

/** The way down of one unit of one image to the pixels, in double, by taking the strongest branch wherever several meet. */
final class WayDown {
    private final Checkpoint checkpoint;
    private final Network network;
    private final List<Shape> shapes;
    private final int top;
    private final double[] features;
    private final boolean adds;
    /** By pooling layer: what it has seen of the image. */
    private final Map<String, float[]> seen;
    private final Map<Integer, double[]> values = new HashMap<>();
    /** Of each value with several users: which of those was the strongest. */
    private final Map<Integer, Integer> choices = new HashMap<>();

    /** @param adds the branches, in place of following the strongest */
    WayDown(Checkpoint checkpoint, String layer, Unit unit, Map<String, float[]> seen, boolean adds) {
        this.checkpoint = checkpoint;
        this.seen = seen;
        this.adds = adds;
        network = checkpoint.network();
        shapes = network.shapes();
        top = network.layers().indexOf(network.layer(layer));
        Shape shape = shapes.get(top);
        features = new double[(int) shape.elements()];
        features[(unit.feature() * shape.height() + unit.y()) * shape.width() + unit.x()] = unit.value();
    }

    Map<Integer, Integer> choices() {
        return choices;
    }

    private Shape shape(int node) {
        return node < 0 ? RandomModules.IMAGE : shapes.get(node);
    }

    /** @return what comes down to a node, -1 for the image; null if the top does not depend on it */
    double[] at(int node) {
        if (node == top) {
            return features;
        }
        if (!values.containsKey(node)) {
            values.put(node, fromUsers(node));
        }
        return values.get(node);
    }

    private double[] fromUsers(int node) {
        double[] result = null;
        int users = 0;
        for (int user = node + 1; user <= top; user++) {
            List<Integer> inputs = network.inputs(user);
            for (int slot = 0; slot < inputs.size(); slot++) {
                if (inputs.get(slot) == node && at(user) != null) {
                    double[] below = below(user, slot);
                    if (result == null || !adds && squares(below) > squares(result)) {
                        result = below;
                        choices.put(node, users);
                    } else if (adds) {
                        result = sum(result, below);
                    }
                    users++;
                }
            }
        }
        if (users < 2) {
            choices.remove(node);
        }
        return result;
    }

    private static double squares(double[] values) {
        return Arrays.stream(values).map(x -> x * x).sum();
    }

    private static double[] sum(double[] a, double[] b) {
        double[] sum = a.clone();
        for (int i = 0; i < sum.length; i++) {
            sum[i] += b[i];
        }
        return sum;
    }

    /** What a node gives one of its inputs. */
    private double[] below(int node, int slot) {
        double[] value = at(node);
        Shape input = shape(network.inputs(node).get(slot));
        return switch (network.layers().get(node)) {
            case Layer.Nonlinearity _ -> Arrays.stream(value).map(x -> Math.max(x, 0)).toArray();
            case Layer.Addition _ -> value;
            case Layer.Concatenation _ -> {
                int first = 0;
                for (int i = 0; i < slot; i++) {
                    first += (int) shape(network.inputs(node).get(i)).elements();
                }
                yield Arrays.copyOfRange(value, first, first + (int) input.elements());
            }
            case Layer.Convolution l -> transposed(l, shapes.get(node), value, input);
            case Layer.Pooling l -> unpooled(l, shapes.get(node), value, input);
            default -> throw new IllegalArgumentException(network.layers().get(node).name());
        };
    }

    private double[] transposed(Layer.Convolution l, Shape made, double[] value, Shape input) {
        float[] weight = checkpoint.tensors().get(l.name() + ".weight");
        double[] result = new double[(int) input.elements()];
        int area = made.height() * made.width();
        for (int i = 0; i < value.length; i++) {
            for (int c = 0; c < input.channels(); c++) {
                for (int k = 0; k < l.kernel() * l.kernel(); k++) {
                    int y = i % area / made.width() - l.padding() + k / l.kernel();
                    int x = i % made.width() - l.padding() + k % l.kernel();
                    if (inside(input, y, x)) {
                        result[(c * input.height() + y) * input.width() + x] += value[i]
                                * weight[(i / area * input.channels() + c) * l.kernel() * l.kernel() + k];
                    }
                }
            }
        }
        return result;
    }

    private static boolean inside(Shape shape, int y, int x) {
        return y >= 0 && x >= 0 && y < shape.height() && x < shape.width();
    }

    private double[] unpooled(Layer.Pooling l, Shape made, double[] value, Shape input) {
        double[] result = new double[(int) input.elements()];
        int area = made.height() * made.width();
        for (int i = 0; i < value.length; i++) {
            List<Integer> window = new ArrayList<>();
            for (int k = 0; k < l.window() * l.window(); k++) {
                int y = i % area / made.width() * l.stride() - l.padding() + k / l.window();
                int x = i % made.width() * l.stride() - l.padding() + k % l.window();
                if (inside(input, y, x)) {
                    window.add((i / area * input.height() + y) * input.width() + x);
                }
            }
            if (l.kind() == Layer.Pooling.Kind.MAX) {
                float[] image = seen.get(l.name());
                int winner = window.stream().reduce((a, b) -> image[b] > image[a] ? b : a).orElseThrow();
                result[winner] += value[i];
            } else {
                for (int place : window) {
                    result[place] += value[i] / window.size();
                }
            }
        }
        return result;
    }
}
