package duet.model;

import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

import duet.device.Operation.Activation;
import duet.net.Layer;
import duet.net.Network;
import duet.net.NetworkException;
import duet.net.Rounding;
import duet.net.Shape;

/** How each {@link Ablation} changes the layers. */
final class Ablations {
    private static final int COLUMNS = 2;

    private Ablations() {}

    static Network withoutNorms(Network network) {
        return network.without(layer -> layer instanceof Layer.LocalResponseNorm || layer instanceof Layer.SpatialResponseNorm);
    }

    static Network withTanh(Network network) {
        Set<String> names = network.layers().stream().map(Layer::name).collect(Collectors.toSet());
        return network.with(layer -> {
            if (!(layer instanceof Layer.Nonlinearity l) || l.function() != Activation.RELU) {
                return layer;
            }
            String name = l.name().replaceFirst("^relu", "tanh");
            return new Layer.Nonlinearity(names.contains(name) ? l.name() : name, Activation.TANH);
        });
    }

    static Network withoutOverlap(Network network) {
        List<Layer> layers = new ArrayList<>(network.layers());
        for (int i = 0; i < layers.size(); i++) {
            if (layers.get(i) instanceof Layer.Pooling l && l.window() > l.stride() && l.stride() > 1) {
                layers.set(i, withoutOverlap(l, network.inputShapes(i).getFirst(), network.shapes().get(i)));
            }
        }
        return network.with(layers);
    }

    /** With the rounding that keeps the size of the output, or else the layer's own. Width goes as height does. */
    private static Layer.Pooling withoutOverlap(Layer.Pooling l, Shape input, Shape output) {
        for (Rounding rounding : Rounding.values()) {
            int steps = input.height() - l.stride();
            int rounded = rounding == Rounding.CEIL ? Math.ceilDiv(steps, l.stride()) : Math.floorDiv(steps, l.stride());
            if (rounded + 1 == output.height()) {
                return new Layer.Pooling(l.name(), l.kind(), l.stride(), l.stride(), 0, rounding);
            }
        }
        return new Layer.Pooling(l.name(), l.kind(), l.stride(), l.stride(), 0, l.rounding());
    }

    static Network oneColumn(Network network) {
        requireColumns(network, "one column can be made only of a network of two");
        int last = convolutions(network).getLast();
        List<Layer> layers = new ArrayList<>(network.layers());
        layers.replaceAll(layer -> layer instanceof Layer.LocalResponseNorm l
                ? new Layer.LocalResponseNorm(l.name(), l.size(), l.alpha(), l.beta(), l.k(), 1) : layer);
        for (int i : convolutions(network)) {
            Layer.Convolution l = (Layer.Convolution) layers.get(i);
            layers.set(i, with(l, i == last ? l.filters() : l.filters() / COLUMNS, 1));
        }
        return network.with(layers);
    }

    static Network withoutCommunication(Network network) {
        requireColumns(network, "only two columns can be without communication");
        List<Layer> layers = new ArrayList<>(network.layers());
        List<Integer> convolutions = convolutions(network);
        int before = -1; // the convolution before the first that is cut
        for (int k = 1; k < convolutions.size(); k++) {
            int i = convolutions.get(k);
            Layer.Convolution l = (Layer.Convolution) layers.get(i);
            if (l.groups() == 1) {
                layers.set(i, with(l, l.filters(), COLUMNS));
                before = before < 0 ? convolutions.get(k - 1) : before;
            }
        }
        if (before >= 0) {
            Layer.Convolution l = (Layer.Convolution) layers.get(before);
            int wider = l.filters() + l.filters() / 4;
            layers.set(before, with(l, wider % (COLUMNS * l.groups()) == 0 ? wider : l.filters(), l.groups()));
        }
        layers.replaceAll(layer -> layer instanceof Layer.LocalResponseNorm l && l.groups() == 1
                ? new Layer.LocalResponseNorm(l.name(), l.size(), l.alpha(), l.beta(), l.k(), COLUMNS) : layer);
        cutHiddenLayers(network, layers);
        return network.with(layers);
    }

    /** A fully connected layer of two groups is a convolution of two groups whose kernel covers its input. */
    private static void cutHiddenLayers(Network network, List<Layer> layers) {
        boolean first = true;
        for (int i = 0; i < layers.size(); i++) {
            if (layers.get(i) instanceof Layer.FullyConnected l && !l.equals(network.scores())) {
                Shape input = network.inputShapes(i).getFirst();
                if (input.height() != input.width()) {
                    throw new NetworkException(l.name() + ": cannot be cut in two, because its input of " + input + " is not square");
                }
                layers.set(i, new Layer.Convolution(l.name(), first ? COLUMNS * l.outputs() : l.outputs(), input.height(), 1, 0, COLUMNS,
                        Rounding.FLOOR, l.bias(), l.initialization()));
                first = false;
            }
        }
    }

    private static Layer.Convolution with(Layer.Convolution l, int filters, int groups) {
        return new Layer.Convolution(
                l.name(), filters, l.kernel(), l.stride(), l.padding(), groups, l.rounding(), l.bias(), l.initialization(),
                l.maximumRms());
    }

    private static List<Integer> convolutions(Network network) {
        return IntStream.range(0, network.layers().size()).filter(i -> network.layers().get(i) instanceof Layer.Convolution).boxed()
                .toList();
    }

    private static void requireColumns(Network network, String rule) {
        if (network.layers().stream().noneMatch(layer -> layer instanceof Layer.Convolution l && l.groups() == COLUMNS)) {
            throw new NetworkException("network " + network.name() + ": " + rule + ", but it has no layer of 2 groups");
        }
    }
}
