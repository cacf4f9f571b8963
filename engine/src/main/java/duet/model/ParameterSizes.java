package duet.model;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

import duet.net.Layer;
import duet.net.Network;
import duet.net.Shape;

/** The parameters of a network in canonical form: names and sizes, in network order, weight before bias. */
final class ParameterSizes {
    private ParameterSizes() {}

    static Map<String, List<Integer>> of(Network network) {
        Map<String, List<Integer>> sizes = new LinkedHashMap<>();
        Shape input = network.input();
        for (int i = 0; i < network.layers().size(); i++) {
            switch (network.layers().get(i)) {
                case Layer.Convolution c ->
                    add(sizes, c.name(), c.bias(), List.of(c.filters(), input.channels() / c.groups(), c.kernel(), c.kernel()));
                case Layer.FullyConnected f -> add(sizes, f.name(), f.bias(), List.of(f.outputs(), Math.toIntExact(input.elements())));
                default -> {}
            }
            input = network.shapes().get(i);
        }
        return sizes;
    }

    private static void add(Map<String, List<Integer>> sizes, String layer, boolean bias, List<Integer> weight) {
        sizes.put(layer + ".weight", weight);
        if (bias) {
            sizes.put(layer + ".bias", weight.subList(0, 1));
        }
    }
}
