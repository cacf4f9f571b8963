package duet.model;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

import duet.device.Operation.Activation;
import duet.net.Initialization;
import duet.net.Layer;
import duet.net.Network;
import duet.net.NetworkException;
import duet.net.Rounding;
import duet.net.Shape;
import duet.net.Window;

/**
 * A network with its weights while it is read from a file. Layers get Duet's usual names: the n-th layer with weights and what belongs to
 * it.
 */
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
        shape = slid(layer.receptiveWindow(), rounding, filters);
        weights(layer, before, weight, bias);
        layers.add(layer);
    }

    void fullyConnected(int outputs, float[] weight, float[] bias) {
        number++;
        Layer.FullyConnected layer = new Layer.FullyConnected("fc" + number, outputs, bias != null, Initialization.PAPER);
        weights(layer, shape, weight, bias);
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

    private void weights(Layer.Weighted layer, Shape before, float[] weight, float[] bias) {
        int outputs = layer.outputs();
        long elements = layer.weights(before);
        if (weight.length != elements || bias != null && bias.length != outputs) {
            throw new ModelFileException(String.format(Locale.ROOT,
                    "%s: %s: weights of %d numbers and %s biases do not fit an input of %s and %d outputs: that would be %d and %d",
                    file, layer.name(), weight.length, bias == null ? "no" : bias.length, before, outputs, elements, outputs));
        }
        parameters.put(layer.name() + ".weight", weight);
        if (bias != null) {
            parameters.put(layer.name() + ".bias", bias);
        }
    }

    /** Where the network's own checks will say what is wrong, an output has no pixels. */
    private Shape slid(Window window, Rounding rounding, int channels) {
        return new Shape(channels, Math.toIntExact(window.outputs(shape.height(), rounding)),
                Math.toIntExact(window.outputs(shape.width(), rounding)));
    }

    void nonlinearity(Activation function) {
        layers.add(new Layer.Nonlinearity(unique(function.name().toLowerCase(Locale.ROOT)), function));
    }

    /** @param alpha not divided by the size */
    void norm(int size, double alpha, double beta, double k, int groups) {
        layers.add(new Layer.LocalResponseNorm(unique("norm"), size, alpha, beta, k, groups));
    }

    void pool(Layer.Pooling.Kind kind, int window, int stride, int padding, Rounding rounding) {
        Layer.Pooling layer = new Layer.Pooling(unique("pool"), kind, window, stride, padding, rounding);
        layers.add(layer);
        shape = slid(layer.receptiveWindow(), rounding, shape.channels());
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

    ImportedModel end(double inputScale, MeanLevels mean, List<String> notes) {
        loss();
        String plain = name.toLowerCase(Locale.ROOT).replaceAll("[^a-z0-9_-]+", "-");
        try {
            Network network = Network.chain(plain.isEmpty() ? "imported" : plain, input, inputScale, layers);
            return new ImportedModel(network, null, parameters, mean, null, null, notes);
        } catch (NetworkException e) {
            throw new ModelFileException(file + ": " + e.getMessage(), e);
        }
    }
}
