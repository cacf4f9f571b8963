package duet.net;

import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import duet.device.Operation.Activation;
import duet.json.JsonFields;
import duet.net.Initialization.Distribution;
import duet.text.Suggestion;

/** One layer as JSON. */
final class LayerJson {
    /** A layer type: how JSON calls it, and its fields beside {@code type} and {@code name}. */
    private enum Type {
        CONVOLUTION("filters", "kernel", "stride", "padding", "groups", "rounding", "bias", "weights", "initialBias", "maximumRms"),
        RELU, TANH,
        LOCAL_RESPONSE_NORM("size", "alpha", "beta", "k", "groups"),
        SPATIAL_RESPONSE_NORM("size", "alpha", "beta", "k"),
        MAX_POOL("window", "stride", "padding", "rounding"),
        AVERAGE_POOL("window", "stride", "padding", "rounding"),
        FULLY_CONNECTED("outputs", "bias", "weights", "initialBias"),
        DROPOUT("rate", "inverted"),
        CONCATENATION, ADDITION,
        SOFTMAX_CROSS_ENTROPY("weight");

        private final List<String> fields;

        Type(String... fields) {
            this.fields = Stream.concat(Stream.of("type", "name", "inputs"), Arrays.stream(fields)).toList();
        }

        String json() {
            return JsonFields.name(this).replace('_', '-');
        }
    }

    private LayerJson() {}

    /**
     * @param position from 1, for messages about a layer without a name
     * @param before   what a layer without "inputs" takes: the name of the one before, or of the image
     */
    static Node node(JsonNode node, String origin, int position, String before) {
        String where = origin + ": " + (node.path("name").isTextual() ? node.get("name").textValue() : "layer " + position);
        Type type = type(node, where);
        JsonFields fields = new JsonFields(node, where, type.fields, NetworkException::new);
        Layer layer = read(type, fields, fields.text("name"));
        return new Node(layer, fields.has("inputs") ? fields.texts("inputs") : List.of(before));
    }

    private static Layer read(Type type, JsonFields fields, String name) {
        return switch (type) {
            case CONVOLUTION ->
                new Layer.Convolution(name, fields.integer("filters"), fields.integer("kernel"), fields.integer("stride", 1),
                        fields.integer("padding", 0), fields.integer("groups", 1), rounding(fields), fields.flag("bias", true),
                        initialization(fields),
                        fields.number("maximumRms", 0));
            case FULLY_CONNECTED ->
                new Layer.FullyConnected(name, fields.integer("outputs"), fields.flag("bias", true), initialization(fields));
            case RELU -> new Layer.Nonlinearity(name, Activation.RELU);
            case TANH -> new Layer.Nonlinearity(name, Activation.TANH);
            case LOCAL_RESPONSE_NORM -> new Layer.LocalResponseNorm(name, fields.integer("size", 5), fields.number("alpha", 1e-4),
                    fields.number("beta", 0.75), fields.number("k", 2), fields.integer("groups", 1));
            case SPATIAL_RESPONSE_NORM -> new Layer.SpatialResponseNorm(name, fields.integer("size", 5), fields.number("alpha", 4e-5),
                    fields.number("beta", 0.75), fields.number("k", 1));
            case MAX_POOL -> pooling(fields, name, Layer.Pooling.Kind.MAX);
            case AVERAGE_POOL -> pooling(fields, name, Layer.Pooling.Kind.AVERAGE);
            case DROPOUT -> new Layer.Dropout(name, fields.number("rate"), fields.flag("inverted", false));
            case CONCATENATION -> new Layer.Concatenation(name);
            case ADDITION -> new Layer.Addition(name);
            case SOFTMAX_CROSS_ENTROPY -> new Layer.SoftmaxCrossEntropy(name, fields.number("weight", 1));
        };
    }

    private static Type type(JsonNode node, String where) {
        List<String> names = Arrays.stream(Type.values()).map(Type::json).toList();
        JsonNode given = node.path("type");
        if (!node.isObject() || given.isMissingNode()) {
            throw new NetworkException(where + ": a layer is a JSON object with a field \"type\": " + String.join(", ", names));
        }
        int index = names.indexOf(given.textValue());
        if (index < 0) {
            throw new NetworkException(where + ": unknown layer type " + given + "; " + Suggestion.of(given.asText(), names));
        }
        return Type.values()[index];
    }

    private static Layer.Pooling pooling(JsonFields fields, String name, Layer.Pooling.Kind kind) {
        return new Layer.Pooling(name, kind, fields.integer("window"), fields.integer("stride"), fields.integer("padding", 0),
                rounding(fields));
    }

    private static Rounding rounding(JsonFields fields) {
        return fields.choice("rounding", Rounding.class, Rounding.FLOOR);
    }

    /** Without a word about it, the paper's. */
    private static Initialization initialization(JsonFields fields) {
        double bias = fields.number("initialBias", Initialization.PAPER.bias());
        if (!fields.has("weights")) {
            return new Initialization(Initialization.PAPER.distribution(), Initialization.PAPER.deviation(), bias);
        }
        JsonFields weights = fields.object("weights", "distribution", "deviation");
        Distribution distribution = weights.choice("distribution", Distribution.class);
        return new Initialization(distribution,
                distribution == Distribution.NORMAL ? weights.number("deviation") : weights.number("deviation", 0), bias);
    }

    /**
     * @param before what a layer without "inputs" takes: the name of the one before, or of the image
     */
    static ObjectNode write(Node node, String before) {
        ObjectNode written = write(node.layer());
        if (!node.inputs().equals(List.of(before))) {
            node.inputs().forEach(written.putArray("inputs")::add);
        }
        return written;
    }

    /** Every field, also those that have their default; but maximumRms and a loss's weight only where they do something. */
    private static ObjectNode write(Layer layer) {
        return switch (layer) {
            case Layer.Convolution l -> {
                ObjectNode node = node(Type.CONVOLUTION, l).put("filters", l.filters()).put("kernel", l.kernel());
                parameters(window(node, l.stride(), l.padding(), l.rounding()).put("groups", l.groups()), l.bias(), l.initialization());
                yield l.maximumRms() == 0 ? node : node.put("maximumRms", l.maximumRms());
            }
            case Layer.FullyConnected l ->
                parameters(node(Type.FULLY_CONNECTED, l).put("outputs", l.outputs()), l.bias(), l.initialization());
            case Layer.Nonlinearity l -> node(switch (l.function()) {
                case RELU -> Type.RELU;
                case TANH -> Type.TANH;
            }, l);
            case Layer.LocalResponseNorm l -> node(Type.LOCAL_RESPONSE_NORM, l).put("size", l.size()).put("alpha", l.alpha())
                    .put("beta", l.beta()).put("k", l.k()).put("groups", l.groups());
            case Layer.SpatialResponseNorm l -> node(Type.SPATIAL_RESPONSE_NORM, l).put("size", l.size()).put("alpha", l.alpha())
                    .put("beta", l.beta()).put("k", l.k());
            case Layer.Pooling l -> window(node(l.kind() == Layer.Pooling.Kind.MAX ? Type.MAX_POOL : Type.AVERAGE_POOL, l)
                    .put("window", l.window()), l.stride(), l.padding(), l.rounding());
            case Layer.Dropout l -> node(Type.DROPOUT, l).put("rate", l.rate()).put("inverted", l.inverted());
            case Layer.Concatenation l -> node(Type.CONCATENATION, l);
            case Layer.Addition l -> node(Type.ADDITION, l);
            case Layer.SoftmaxCrossEntropy l -> {
                ObjectNode node = node(Type.SOFTMAX_CROSS_ENTROPY, l);
                yield l.weight() == 1 ? node : node.put("weight", l.weight());
            }
        };
    }

    private static ObjectNode node(Type type, Layer layer) {
        return JsonNodeFactory.instance.objectNode().put("type", type.json()).put("name", layer.name());
    }

    private static ObjectNode window(ObjectNode node, int stride, int padding, Rounding rounding) {
        return node.put("stride", stride).put("padding", padding).put("rounding", JsonFields.name(rounding));
    }

    private static ObjectNode parameters(ObjectNode node, boolean bias, Initialization initialization) {
        node.put("bias", bias);
        ObjectNode weights = node.putObject("weights").put("distribution", JsonFields.name(initialization.distribution()));
        if (initialization.distribution() == Distribution.NORMAL) {
            weights.put("deviation", initialization.deviation());
        }
        return node.put("initialBias", initialization.bias());
    }
}
