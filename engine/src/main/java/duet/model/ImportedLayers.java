package duet.model;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

import duet.device.Operation.Activation;
import duet.model.TrainedModel.Mean;
import duet.net.Initialization;
import duet.net.Layer;
import duet.net.Network;
import duet.net.NetworkException;
import duet.net.Rounding;
import duet.net.Shape;

/** A network with its weights while it is read from a file. Layers get Duet's usual names: the n-th layer with weights and what belongs to it. */
final class ImportedLayers {
    private final String file;
    private final String name;
    private final Shape input;
    private final List<Layer> layers = new ArrayList<>();
    private final Map<String, float[]> parameters = new LinkedHashMap<>();
    private Shape shape;
    private int number;
    private boolean ended;

    ImportedLayers(String file, String name, Shape input) {
        this.file = file;
        this.name = name;
        this.input = input;
        this.shape = input;
    }

    Shape input() {
        return input;
    }

    /** What the layers so far make of an image. */
    Shape shape() {
        return shape;
    }

    /** How many layers with weights there are so far. */
    int weighted() {
        return number;
    }

    /** @param bias null for none */
    void convolution(int filters, int kernel, int stride, int padding, int groups, Rounding rounding, float[] weight, float[] bias) {
        number++;
        Shape before = shape;
        Layer.Convolution layer = new Layer.Convolution("conv" + number, filters, kernel, stride, padding, groups, rounding, bias != null,
                Initialization.PAPER);
        if (groups < 1 || before.channels() % groups != 0) {
            throw new ModelFileException(String.format(Locale.ROOT,
                    "%s: %s: %d groups do not divide %d channels", file, layer.name(), groups, before.channels()));
        }
        shape = new Shape(filters, outputs(before.height(), kernel, stride, padding, rounding),
                outputs(before.width(), kernel, stride, padding, rounding));
        weights(layer.name(), weight, (long) filters * (before.channels() / groups) * kernel * kernel, bias, filters);
        layers.add(layer);
    }

    void fullyConnected(int outputs, float[] weight, float[] bias) {
        number++;
        Layer.FullyConnected layer = new Layer.FullyConnected("fc" + number, outputs, bias != null, Initialization.PAPER);
        weights(layer.name(), weight, outputs * shape.elements(), bias, outputs);
        shape = new Shape(outputs, 1, 1);
        layers.add(layer);
    }

    /** Adds to the biases of the layer with weights that is the last layer so far; false if it is not one. */
    boolean addToBias(float[] values) {
        float[] bias = layers.isEmpty() ? null : parameters.get(layers.getLast().name() + ".bias");
        if (bias == null || bias.length != values.length) {
            return false;
        }
        for (int i = 0; i < bias.length; i++) {
            bias[i] += values[i];
        }
        return true;
    }

    private void weights(String layer, float[] weight, long elements, float[] bias, int outputs) {
        if (weight.length != elements || bias != null && bias.length != outputs) {
            throw new ModelFileException(String.format(Locale.ROOT,
                    "%s: %s: weights of %d numbers and %s biases do not fit an input of %s and %d outputs: that would be %d and %d",
                    file, layer, weight.length, bias == null ? "no" : bias.length, shape, outputs, elements, outputs));
        }
        parameters.put(layer + ".weight", weight);
        if (bias != null) {
            parameters.put(layer + ".bias", bias);
        }
    }

    void nonlinearity(Activation function) {
        layers.add(new Layer.Nonlinearity(unique(function.name().toLowerCase(Locale.ROOT)), function));
    }

    /** @param alpha not divided by the size */
    void norm(int size, double alpha, double beta, double k, int groups) {
        layers.add(new Layer.LocalResponseNorm(unique("norm"), size, alpha, beta, k, groups));
    }

    void pool(Layer.Pooling.Kind kind, int window, int stride, int padding, Rounding rounding) {
        layers.add(new Layer.Pooling(unique("pool"), kind, window, stride, padding, rounding));
        shape = new Shape(shape.channels(), outputs(shape.height(), window, stride, padding, rounding),
                outputs(shape.width(), window, stride, padding, rounding));
    }

    void dropout(double rate, boolean inverted) {
        layers.add(new Layer.Dropout(unique("dropout"), rate, inverted));
    }

    void loss() {
        if (!ended) {
            layers.add(new Layer.SoftmaxCrossEntropy("loss"));
            ended = true;
        }
    }

    private String unique(String kind) {
        String plain = kind + Math.max(number, 1);
        String unique = plain;
        for (int i = 2; contains(unique); i++) {
            unique = plain + "-" + i;
        }
        return unique;
    }

    private boolean contains(String layer) {
        return layers.stream().anyMatch(each -> each.name().equals(layer));
    }

    static int outputs(int length, int window, int stride, int padding, Rounding rounding) {
        long room = length + 2L * padding - window;
        if (stride < 1 || room < 0) {
            return 0; // the network's own checks say what is wrong
        }
        return Math.toIntExact(1 + (rounding == Rounding.CEIL ? Math.ceilDiv(room, (long) stride) : room / stride));
    }

    ImportedModel end(double inputScale, Mean mean, List<String> notes) {
        loss();
        String plain = name.toLowerCase(Locale.ROOT).replaceAll("[^a-z0-9_-]+", "-");
        try {
            Network network = new Network(plain.isEmpty() ? "imported" : plain, input, inputScale, layers);
            return new ImportedModel(network, null, parameters, mean, null, null, notes);
        } catch (NetworkException e) {
            throw new ModelFileException(file + ": " + e.getMessage(), e);
        }
    }
}
