package duet.net;

import java.io.IOException;
import java.nio.charset.CharacterCodingException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.core.util.DefaultPrettyPrinter;
import com.fasterxml.jackson.core.util.Separators;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectWriter;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import duet.files.Reasons;

/**
 * Networks as JSON: {@code {"name": ..., "input": {"channels", "height", "width", "scale"}, "layers": [{"type", "name", ...}, ...]}}.
 * Strict: a field that is unknown, missing, given twice or of the wrong type, and anything after the end, is a
 * {@link NetworkException} that names the file, the layer and what could stand there.
 */
public final class NetworkJson {
    private static final JsonMapper MAPPER = JsonMapper.builder()
            .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
            .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
            .build();

    private NetworkJson() {}

    /**
     * Reads a network from a file.
     *
     * @param file UTF-8
     * @return the network
     * @throws NetworkException naming the file and the field that is wrong
     */
    public static Network read(Path file) {
        try {
            return parse(Files.readString(file), file.toString());
        } catch (NoSuchFileException e) {
            throw new NetworkException("there is no network file " + file);
        } catch (CharacterCodingException e) {
            throw new NetworkException(file + " is not a network: it is not UTF-8 text");
        } catch (IOException e) {
            throw new NetworkException("the network file " + file + " cannot be read: " + Reasons.of(e));
        }
    }

    /**
     * Reads a network from a text.
     *
     * @param json   the text
     * @param origin what messages call the text, such as a file name
     * @return the network
     * @throws NetworkException naming the field that is wrong
     */
    public static Network parse(String json, String origin) {
        JsonFields fields = new JsonFields(tree(json, origin), origin, List.of("name", "input", "layers"));
        String name = fields.text("name");
        JsonFields input = fields.object("input", "channels", "height", "width", "scale");
        Shape shape = new Shape(input.integer("channels"), input.integer("height"), input.integer("width"));
        double scale = input.number("scale", 1);
        JsonNode list = fields.required("layers");
        if (!list.isArray()) {
            throw fields.error("\"layers\" must be a list of layers in [ and ]");
        }
        List<Layer> layers = new ArrayList<>();
        for (JsonNode layer : list) {
            layers.add(LayerJson.read(layer, origin, layers.size() + 1));
        }
        try {
            return new Network(name, shape, scale, layers);
        } catch (NetworkException e) {
            throw fields.error(e.getMessage());
        }
    }

    private static JsonNode tree(String json, String origin) {
        try {
            JsonNode tree = MAPPER.readTree(json);
            if (tree.isMissingNode()) {
                throw new NetworkException(origin + " is empty; a network is a JSON object with name, input and layers");
            }
            return tree;
        } catch (JsonProcessingException e) {
            String place = e.getLocation() == null ? ""
                    : " at line " + e.getLocation().getLineNr() + ", column " + e.getLocation().getColumnNr();
            throw new NetworkException(origin + ": not valid JSON" + place + ": " + Reasons.of(e));
        }
    }

    /**
     * {@return a network as JSON, one line for each layer; {@link #parse} gives an equal network}
     *
     * @param network any
     */
    public static String write(Network network) {
        ObjectNode input = JsonNodeFactory.instance.objectNode().put("channels", network.input().channels())
                .put("height", network.input().height()).put("width", network.input().width()).put("scale", network.inputScale());
        String layers = network.layers().stream().map(layer -> "    " + line(LayerJson.write(layer))).collect(Collectors.joining(",\n"));
        return "{\n  \"name\": " + line(JsonNodeFactory.instance.textNode(network.name())) + ",\n  \"input\": " + line(input)
                + ",\n  \"layers\": [\n" + layers + "\n  ]\n}\n";
    }

    private static String line(JsonNode node) {
        DefaultPrettyPrinter printer = new DefaultPrettyPrinter(
                Separators.createDefaultInstance().withObjectFieldValueSpacing(Separators.Spacing.AFTER))
                .withObjectIndenter(DefaultPrettyPrinter.FixedSpaceIndenter.instance);
        ObjectWriter writer = MAPPER.writer(printer);
        try {
            return writer.writeValueAsString(node);
        } catch (JsonProcessingException e) {
            throw new IllegalStateException(e);
        }
    }
}
