package duet.cli.output;

import java.util.ArrayList;
import java.util.List;

import duet.net.Layer;
import duet.net.Network;
import duet.net.Shape;

/**
 * What each layer of a network makes and costs.
 *
 * @param flop floating point operations of the forward pass for one image in convolutions and fully connected layers, without auxiliary
 *             classifiers; a multiply-add is two
 */
public record LayerTable(List<Row> rows, long parameters, long flop) {

    public record Row(String name, String kind, Shape shape, long parameters, long flop, boolean main) {}

    public static LayerTable of(Network network) {
        List<Row> rows = new ArrayList<>();
        List<Shape> shapes = network.shapes();
        List<Boolean> main = network.main();
        for (int i = 0; i < shapes.size(); i++) {
            Layer layer = network.nodes().get(i).layer();
            int from = network.inputs(i).getFirst();
            Shape input = from < 0 ? network.input() : shapes.get(from);
            Shape output = shapes.get(i);
            long weights = layer instanceof Layer.Weighted weighted ? weighted.weights(input) : 0;
            long biases = layer instanceof Layer.Weighted weighted && weighted.bias() ? weighted.outputs() : 0;
            rows.add(new Row(layer.name(), kind(layer), output, weights + biases, 2 * weights * output.height() * output.width(),
                    main.get(i)));
        }
        return new LayerTable(List.copyOf(rows), rows.stream().mapToLong(Row::parameters).sum(),
                rows.stream().filter(Row::main).mapToLong(Row::flop).sum());
    }

    /** Of the auxiliary classifiers, which are there in training only. */
    public long auxiliary() {
        return rows.stream().filter(row -> !row.main()).mapToLong(Row::parameters).sum();
    }

    private static String kind(Layer layer) {
        return switch (layer) {
            case Layer.Convolution c -> "convolution " + c.kernel() + "x" + c.kernel() + (c.stride() > 1 ? ", stride " + c.stride() : "")
                    + (c.padding() > 0 ? ", padding " + c.padding() : "") + (c.groups() > 1 ? ", " + c.groups() + " groups" : "");
            case Layer.FullyConnected f -> "fully connected";
            case Layer.Nonlinearity n -> n.function().name().toLowerCase(java.util.Locale.ROOT);
            case Layer.LocalResponseNorm n ->
                "local response norm over " + n.size() + (n.groups() > 1 ? ", " + n.groups() + " groups" : "");
            case Layer.SpatialResponseNorm n -> "spatial response norm over " + n.size() + "x" + n.size();
            case Layer.Pooling p -> p.kind().name().toLowerCase(java.util.Locale.ROOT) + " pooling " + p.window() + "x" + p.window()
                    + ", stride " + p.stride() + (p.padding() > 0 ? ", padding " + p.padding() : "");
            case Layer.Dropout d -> "dropout " + d.rate();
            case Layer.Concatenation _ -> "concatenation";
            case Layer.Addition _ -> "addition";
            case Layer.SoftmaxCrossEntropy s -> "softmax cross-entropy" + (s.weight() == 1 ? "" : ", weight " + s.weight());
        };
    }
}
