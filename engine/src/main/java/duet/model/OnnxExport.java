package duet.model;

import java.io.IOException;
import java.io.OutputStream;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.json.JsonMapper;
import duet.model.proto.Onnx;
import duet.net.Layer;
import duet.net.Network;
import duet.net.NetworkJson;
import duet.net.Node;
import duet.net.ParameterShape;
import duet.net.Rounding;
import duet.net.Shape;
import duet.net.Window;

/**
 * Networks as ONNX (operator set 13). The graph takes {@code pixels} [N][channels][height][width], levels of 0 to 255, red first, any
 * number of images, and gives {@code probabilities} [N][classes]: mean, scale, the layers as they are in evaluation, and softmax are
 * inside. The metadata hold the network as JSON ({@value #NETWORK}) and the names of the classes ({@value #CLASSES}).
 */
public final class OnnxExport {
    static final String NETWORK = "duet.network";
    static final String CLASSES = "duet.classes";
    /** Height and width of the stored images, of which the network sees the centre. */
    static final String STORED = "duet.stored";
    static final String INPUT = "pixels";
    static final String OUTPUT = "probabilities";
    static final String MEAN = "input.mean";
    private static final long IR_VERSION = 8;
    private static final long OPERATOR_SET = 13;
    private static final JsonMapper JSON = new JsonMapper();

    private final OnnxGraph graph = new OnnxGraph();
    private final TrainedModel model;
    private final Network network;

    private OnnxExport(TrainedModel model) {
        this.model = model;
        network = model.network().withoutAuxiliary();
    }

    /**
     * Writes a network as ONNX.
     *
     * @param stream  stays open
     * @param model   network, weights and mean
     * @param dropout false for a network that was trained without its dropout layers, whose outputs are then not scaled for them
     * @throws IOException if the stream cannot be written
     */
    public static void write(OutputStream stream, TrainedModel model, boolean dropout) throws IOException {
        new OnnxExport(model).build(dropout).writeTo(stream);
    }

    private Onnx.ModelProto build(boolean dropout) {
        List<Shape> shapes = network.shapes();
        Map<String, String> values = new HashMap<>(Map.of(Network.IMAGE, input(network.input())));
        for (int i = 0; i < shapes.size(); i++) {
            Node node = network.nodes().get(i);
            List<String> inputs = node.inputs().stream().map(values::get).toList();
            values.put(node.name(), layer(node.layer(), inputs, network.inputShapes(i).getFirst(), shapes.get(i), dropout));
        }
        Onnx.GraphProto.Builder built = graph.builder().setName(network.name())
                .addInput(OnnxGraph.images(INPUT, network.input(), "levels of 0 to 255, channels red, green, blue"))
                .addOutput(OnnxGraph.images(OUTPUT, new Shape(network.classes(), 0, 0), "of each class"));
        return Onnx.ModelProto.newBuilder().setIrVersion(IR_VERSION).setProducerName("duet")
                .addOpsetImport(Onnx.OperatorSetIdProto.newBuilder().setDomain("").setVersion(OPERATOR_SET))
                .addMetadataProps(metadata(NETWORK, NetworkJson.write(dropout ? network : withoutDropout(network))))
                .addMetadataProps(metadata(STORED, model.mean().shape().height() + " " + model.mean().shape().width()))
                .addMetadataProps(metadata(CLASSES, json(model.classNames())))
                .setGraph(built).build();
    }

    /** Dropout layers that were not used in training would scale the outputs of whoever reads the network. */
    private static Network withoutDropout(Network network) {
        return network.without(layer -> layer instanceof Layer.Dropout);
    }

    private static Onnx.StringStringEntryProto metadata(String key, String value) {
        return Onnx.StringStringEntryProto.newBuilder().setKey(key).setValue(value).build();
    }

    private static String json(List<String> names) {
        try {
            return JSON.writeValueAsString(names);
        } catch (JsonProcessingException e) {
            throw new IllegalStateException(e);
        }
    }

    private String input(Shape input) {
        MeanLevels mean = model.mean().centre(input);
        graph.floats(MEAN, mean.values(), 1, mean.shape().channels(), mean.shape().height(), mean.shape().width());
        String value = graph.node("Sub", "input.centred", INPUT, MEAN);
        double scale = network.inputScale();
        return scale == 1 ? value : graph.node("Mul", "input", value, graph.scalar("input.scale", scale));
    }

    private String layer(Layer layer, List<String> inputs, Shape in, Shape out, boolean dropout) {
        String value = inputs.getFirst();
        return switch (layer) {
            case Layer.Convolution l -> convolution(l, graph.map(l.name(), value), in, out);
            case Layer.FullyConnected l -> fullyConnected(l, value, in);
            case Layer.Nonlinearity l -> graph.node(switch (l.function()) {
                case RELU -> "Relu";
                case TANH -> "Tanh";
            }, l.name(), value);
            case Layer.LocalResponseNorm l -> norm(l, graph.map(l.name(), value), in);
            case Layer.SpatialResponseNorm l -> spatialNorm(l, graph.map(l.name(), value));
            case Layer.Pooling l -> pooling(l, graph.map(l.name(), value), in, out);
            case Layer.Dropout l -> l.inverted() || !dropout ? value
                    : graph.node("Mul", l.name(), value, graph.scalar(l.name() + ".kept", 1 - l.rate()));
            case Layer.Concatenation l -> graph.node("Concat", l.name(), alike(l, inputs), OnnxGraph.integer("axis", 1));
            case Layer.Addition l -> graph.node("Sum", l.name(), alike(l, inputs));
            case Layer.SoftmaxCrossEntropy _ -> graph.node("Softmax", OUTPUT, List.of(value), OnnxGraph.integer("axis", 1));
        };
    }

    /** What fully connected layers made has lost its height and width, which is well if all inputs have. */
    private List<String> alike(Layer l, List<String> inputs) {
        return inputs.stream().allMatch(graph::isFlat) ? inputs
                : inputs.stream().map(input -> graph.map(l.name(), input)).toList();
    }

    private String convolution(Layer.Convolution l, String value, Shape in, Shape out) {
        return graph.node("Conv", l.name(), parameters(l, value, in),
                OnnxGraph.integers("kernel_shape", l.kernel(), l.kernel()), OnnxGraph.integers("strides", l.stride(), l.stride()),
                pads(in, out, l.receptiveWindow(), l.rounding()), OnnxGraph.integer("group", l.groups()));
    }

    private String fullyConnected(Layer.FullyConnected l, String value, Shape in) {
        String flat = in.height() == 1 && in.width() == 1 && graph.isFlat(value) ? value
                : graph.flat(graph.node("Flatten", l.name() + ".input", List.of(value), OnnxGraph.integer("axis", 1)));
        return graph.flat(graph.node("Gemm", l.name(), parameters(l, flat, in), OnnxGraph.integer("transB", 1)));
    }

    /** The node's inputs: the value, the weight and, where there is one, the bias. */
    private List<String> parameters(Layer.Weighted l, String value, Shape in) {
        List<String> inputs = new ArrayList<>(List.of(value));
        for (ParameterShape parameter : l.parameters(in)) {
            long[] sizes = parameter.sizes().stream().mapToLong(Integer::longValue).toArray();
            inputs.add(graph.floats(parameter.name(), values(parameter), sizes));
        }
        return inputs;
    }

    private float[] values(ParameterShape parameter) {
        float[] values = model.parameters().get(parameter.name());
        if (values == null || values.length != parameter.elements()) {
            throw new IllegalArgumentException(parameter.name() + " must have " + parameter.elements() + " numbers");
        }
        return values;
    }

    /** ONNX divides alpha by the size. Groups have neighbourhoods of their own: they become images of a larger batch meanwhile. */
    private String norm(Layer.LocalResponseNorm l, String value, Shape in) {
        Onnx.AttributeProto[] attributes = {OnnxGraph.real("alpha", l.alpha() * l.size()), OnnxGraph.real("beta", l.beta()),
                OnnxGraph.real("bias", l.k()), OnnxGraph.integer("size", l.size())};
        if (l.groups() == 1) {
            return graph.node("LRN", l.name(), List.of(value), attributes);
        }
        String groups = graph.node("Reshape", l.name() + ".groups", value,
                graph.vector(l.name() + ".groups.shape", -1, in.channels() / l.groups(), in.height(), in.width()));
        String normalised = graph.node("LRN", l.name() + ".normalised", List.of(groups), attributes);
        return graph.node("Reshape", l.name(), normalised, graph.vector(l.name() + ".shape", -1, in.channels(), in.height(), in.width()));
    }

    /** ONNX has no such operator: x / (k + alpha * sum of squares)^beta, the sum as an average over a window whose padding counts. */
    private String spatialNorm(Layer.SpatialResponseNorm l, String value) {
        String name = l.name();
        long reach = l.size() / 2;
        String average = graph.node("AveragePool", name + ".average", List.of(graph.node("Mul", name + ".squares", value, value)),
                OnnxGraph.integers("kernel_shape", l.size(), l.size()), OnnxGraph.integers("pads", reach, reach, reach, reach),
                OnnxGraph.integer("count_include_pad", 1));
        String scaled = graph.node("Mul", name + ".scaled", average, graph.scalar(name + ".alpha", l.alpha() * l.size() * l.size()));
        String base = graph.node("Add", name + ".base", scaled, graph.scalar(name + ".k", l.k()));
        return graph.node("Div", name, value, graph.node("Pow", name + ".divisor", base, graph.scalar(name + ".beta", l.beta())));
    }

    private String pooling(Layer.Pooling l, String value, Shape in, Shape out) {
        return graph.node(l.kind() == Layer.Pooling.Kind.MAX ? "MaxPool" : "AveragePool", l.name(), List.of(value),
                OnnxGraph.integers("kernel_shape", l.window(), l.window()), OnnxGraph.integers("strides", l.stride(), l.stride()),
                pads(in, out, l.receptiveWindow(), l.rounding()));
    }

    /** Rounding up becomes more padding below and on the right: convolutions of ONNX only round down. */
    private static Onnx.AttributeProto pads(Shape in, Shape out, Window window, Rounding rounding) {
        int padding = window.padding();
        int below = padding;
        int right = padding;
        if (rounding == Rounding.CEIL) {
            below = Math.max(padding, (out.height() - 1) * window.stride() + window.size() - padding - in.height());
            right = Math.max(padding, (out.width() - 1) * window.stride() + window.size() - padding - in.width());
        }
        return OnnxGraph.integers("pads", padding, padding, below, right);
    }
}
