package duet.net;

import java.io.IOException;
import java.nio.charset.CharacterCodingException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.util.DefaultPrettyPrinter;
import com.fasterxml.jackson.core.util.Separators;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectWriter;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import duet.json.JsonFields;
import duet.json.StrictJson;

/**
 * Networks as JSON: {@code {"name": ..., "input": {"channels", "height", "width", "scale"}, "layers": [{"type", "name", "inputs", ...},
 * ...]}}; "inputs" are names of layers before, or "input" for the image, and by default the layer before. Strict: a field that is unknown,
 * missing, given twice or of the wrong type, and anything after the end, is a {@link NetworkException} that names the file, the layer and
 * what could stand there.
 */
public final class NetworkJson {
    private static final JsonMapper MAPPER = new JsonMapper();

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
            throw new NetworkException("the network file " + file + " cannot be read: " + e.getMessage());
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
        JsonFields fields = new StrictJson(origin, NetworkException::new).fields(json, List.of("name", "input", "layers"));
        String name = fields.text("name");
        JsonFields input = fields.object("input", "channels", "height", "width", "scale");
        Shape shape = new Shape(input.integer("channels"), input.integer("height"), input.integer("width"));
        double scale = input.number("scale", 1);
        JsonNode list = fields.required("layers");
        if (!list.isArray()) {
            throw fields.error("\"layers\" must be a list of layers in [ and ]");
        }
        List<Node> nodes = new ArrayList<>();
        for (JsonNode layer : list) {
            nodes.add(LayerJson.node(layer, origin, nodes.size() + 1, nodes.isEmpty() ? Network.IMAGE : nodes.getLast().name()));
        }
        try {
            return new Network(name, shape, scale, nodes);
        } catch (NetworkException e) {
            throw fields.error(e.getMessage());
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
        List<String> lines = new ArrayList<>();
        String before = Network.IMAGE;
        for (Node node : network.nodes()) {
            lines.add("    " + line(LayerJson.write(node, before)));
            before = node.name();
        }
        return "{\n  \"name\": " + line(JsonNodeFactory.instance.textNode(network.name())) + ",\n  \"input\": " + line(input)
                + ",\n  \"layers\": [\n" + String.join(",\n", lines) + "\n  ]\n}\n";
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
