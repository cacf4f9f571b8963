package duet.cli.tensorboard;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.List;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.google.protobuf.ByteString;
import duet.cli.tensorboard.proto.TensorBoard.AttrValue;
import duet.cli.tensorboard.proto.TensorBoard.GraphDef;
import duet.cli.tensorboard.proto.TensorBoard.NodeDef;
import duet.cli.tensorboard.proto.TensorBoard.TensorShapeProto;
import duet.net.Layer;
import duet.net.Network;
import duet.net.NetworkJson;
import duet.net.Node;
import duet.net.Shape;

/** A network as TensorBoard's graph: a node for each layer, with the type and the numbers that a network file has for it. */
final class NetworkGraph {
    /** By this name TensorBoard finds what is written on the edges. */
    private static final String SHAPES = "_output_shapes";
    /** How many images: not said. */
    private static final int ANY = -1;

    private final Network network;
    /** Layers that join branches: what has the name of one before its own lies in it. */
    private final List<String> joins;
    private final List<Boolean> main;

    private NetworkGraph(Network network) {
        this.network = network;
        joins = network.layers().stream().filter(layer -> layer instanceof Layer.Concatenation || layer instanceof Layer.Addition)
                .map(Layer::name).toList();
        main = network.main();
    }

    static GraphDef of(Network network) {
        return new NetworkGraph(network).graph();
    }

    private GraphDef graph() {
        GraphDef.Builder graph = GraphDef.newBuilder();
        graph.addNode(NodeDef.newBuilder().setName(Network.IMAGE).setOp("image").putAttr(SHAPES, shapes(network.input())));
        List<Shape> shapes = network.shapes();
        JsonNode layers = json().get("layers");
        for (int i = 0; i < layers.size(); i++) {
            NodeDef.Builder node = NodeDef.newBuilder().setName(path(i)).setOp(layers.get(i).get("type").textValue());
            network.inputs(i).forEach(from -> node.addInput(from < 0 ? Network.IMAGE : path(from)));
            layers.get(i).properties().stream().filter(entry -> !List.of("type", "name", "inputs").contains(entry.getKey()))
                    .forEach(entry -> node.putAttr(entry.getKey(), attribute(entry.getValue())));
            graph.addNode(node.putAttr(SHAPES, shapes(shapes.get(i))));
        }
        return graph.build();
    }

    private JsonNode json() {
        try {
            return new ObjectMapper().readTree(NetworkJson.write(network));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Inception modules and auxiliary classifiers lie in scopes: {@code inception-3a/1x1}, {@code aux1/conv}. */
    private String path(int index) {
        Node node = network.nodes().get(index);
        String name = node.name();
        String scope = joins.stream().filter(join -> name.startsWith(join + "-")).findFirst().orElse(null);
        if (scope == null && !main.get(index) && name.indexOf('-') > 0) {
            scope = name.substring(0, name.indexOf('-'));
        }
        return scope == null ? name : scope + "/" + name.substring(scope.length() + 1);
    }

    private static AttrValue attribute(JsonNode value) {
        AttrValue.Builder attribute = AttrValue.newBuilder();
        if (value.isBoolean()) {
            attribute.setB(value.booleanValue());
        } else if (value.isIntegralNumber()) {
            attribute.setI(value.longValue());
        } else if (value.isNumber()) {
            attribute.setF(value.floatValue());
        } else {
            attribute.setS(ByteString.copyFromUtf8(value.isTextual() ? value.textValue() : value.toString()));
        }
        return attribute.build();
    }

    private static AttrValue shapes(Shape shape) {
        TensorShapeProto.Builder sizes = TensorShapeProto.newBuilder();
        for (int size : List.of(ANY, shape.channels(), shape.height(), shape.width())) {
            sizes.addDim(TensorShapeProto.Dim.newBuilder().setSize(size));
        }
        return AttrValue.newBuilder().setList(AttrValue.ListValue.newBuilder().addShape(sizes)).build();
    }
}
