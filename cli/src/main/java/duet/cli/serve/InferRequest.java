package duet.cli.serve;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.function.Function;
import java.util.stream.StreamSupport;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import duet.cli.web.WebException;
import duet.net.Shape;

/**
 * The body of an infer request of the Open Inference Protocol, version 2: JSON, or JSON with the tensors' bytes behind it (Triton's binary
 * tensor data extension). One input: {@link #IMAGE}, UINT8 [images][height][width][channels] as the network stores them, or {@link
 * #ENCODED}, BYTES [images], whole image files (in JSON in base64).
 *
 * @param id             given back, or null
 * @param images         stored images
 * @param probabilities  whether they are asked for, and how
 */
record InferRequest(String id, List<byte[]> images, Wanted probabilities) {
    /** Of stored images. */
    static final String IMAGE = "image";
    /** Of image files. */
    static final String ENCODED = "encoded";
    /** Of answers. */
    static final String PROBABILITIES = "probabilities";

    private static final JsonMapper JSON = JsonMapper.builder()
            .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
            .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
            .disable(JsonParser.Feature.INCLUDE_SOURCE_IN_LOCATION)
            .build();

    static {
        JSON.getFactory()
                .setStreamReadConstraints(StreamReadConstraints.builder().maxStringLength(Integer.MAX_VALUE).maxNestingDepth(20).build());
    }

    /**
     * How an output is wanted.
     *
     * @param binary  as bytes behind the JSON
     * @param classes 0: all numbers; else so many of the most probable classes in words (Triton's classification extension)
     */
    record Wanted(boolean binary, int classes) {}

    /** What makes a stored image of an image file. */
    interface Decoder extends Function<byte[], byte[]> {}

    /** How many images may be asked about, and what of. */
    record Terms(String model, Shape stored, int classes, int mostImages) {}

    /**
     * Reads a body.
     *
     * @param body   JSON, then tensors
     * @param header length of the JSON in bytes; negative: all of it
     * @throws WebException 400 with what is wrong
     */
    static InferRequest parse(byte[] body, int header, Terms terms, Decoder decoder) {
        if (header > body.length) {
            throw bad("Inference-Header-Content-Length is " + header + ", but the body has " + body.length + " bytes");
        }
        int length = header < 0 ? body.length : header;
        JsonNode tree = tree(body, length);
        JsonNode inputs = tree.path("inputs");
        if (!inputs.isArray() || inputs.size() != 1) {
            throw bad("\"inputs\" must be an array with one tensor, '" + IMAGE + "' or '" + ENCODED + "'");
        }
        List<byte[]> images = images(inputs.get(0), ByteBuffer.wrap(body, length, body.length - length), terms, decoder);
        String id = tree.path("id").isTextual() ? tree.get("id").textValue() : null;
        return new InferRequest(id, images, wanted(tree, terms));
    }

    private static JsonNode tree(byte[] body, int length) {
        try {
            JsonNode tree = JSON.readTree(body, 0, length);
            if (tree != null && tree.isObject()) {
                return tree;
            }
        } catch (IOException e) {
            throw bad("the body is no JSON: " + firstLine(e));
        }
        throw bad("the body must be a JSON object with \"inputs\"");
    }

    private static String firstLine(IOException e) {
        String message = e.getMessage();
        return message.indexOf('\n') < 0 ? message : message.substring(0, message.indexOf('\n'));
    }

    private static List<byte[]> images(JsonNode input, ByteBuffer binary, Terms terms, Decoder decoder) {
        String name = input.path("name").asText();
        List<Long> shape = shape(name, input.path("shape"));
        boolean stored = name.equals(IMAGE);
        if (!stored && !name.equals(ENCODED)) {
            throw bad("the input '" + name + "' is unknown; it can be '" + IMAGE + "' or '" + ENCODED + "'");
        }
        String type = stored ? "UINT8" : "BYTES";
        if (!input.path("datatype").asText().equals(type)) {
            throw bad("the input '" + name + "' has the datatype " + type + ", not " + input.path("datatype").asText("none"));
        }
        Shape size = terms.stored();
        List<Long> one = stored ? List.of((long) size.height(), (long) size.width(), (long) size.channels()) : List.of();
        if (shape.isEmpty() || !shape.subList(1, shape.size()).equals(one)) {
            throw bad("the input '" + name + "' of the model " + terms.model() + " has the shape " + with(one) + ", not " + shape);
        }
        long count = shape.getFirst();
        if (count < 1 || count > terms.mostImages()) {
            throw bad("from 1 to " + terms.mostImages() + " images can be asked about at once, not " + count);
        }
        JsonNode bytes = input.path("parameters").path("binary_data_size");
        if (bytes.isMissingNode() && binary.hasRemaining()) {
            throw bad("bytes follow the JSON, but the input '" + name + "' has no parameter binary_data_size");
        }
        if (!bytes.isMissingNode() && bytes.asLong(-1) != binary.remaining()) {
            throw bad("binary_data_size is " + bytes.asText() + ", but " + binary.remaining() + " bytes follow the JSON");
        }
        if (stored) {
            return cut(bytes.isMissingNode() ? levels(input.path("data"), count * size.elements()) : binary, (int) count, size);
        }
        List<byte[]> files = bytes.isMissingNode() ? base64(input.path("data"), count) : prefixed(binary, count);
        return files.stream().map(decoder).toList();
    }

    private static String with(List<Long> one) {
        return one.isEmpty() ? "[images]" : "[images, " + one.toString().substring(1);
    }

    private static List<Long> shape(String name, JsonNode shape) {
        boolean fine = shape.isArray() && StreamSupport.stream(shape.spliterator(), false).allMatch(JsonNode::canConvertToLong);
        if (!fine) {
            throw bad("the input '" + name + "' needs a \"shape\", an array of integers");
        }
        return StreamSupport.stream(shape.spliterator(), false).map(JsonNode::longValue).toList();
    }

    /** Numbers from 0 to 255, in nested arrays or in one. */
    private static ByteBuffer levels(JsonNode data, long expected) {
        byte[] levels = new byte[Math.toIntExact(expected)];
        int found = flatten(data, levels, 0);
        if (found != expected) {
            throw bad("the data of '" + IMAGE + "' has " + found + " numbers, but its shape " + expected);
        }
        return ByteBuffer.wrap(levels);
    }

    private static int flatten(JsonNode data, byte[] levels, int from) {
        if (data.isArray()) {
            int at = from;
            for (JsonNode each : data) {
                at = flatten(each, levels, at);
            }
            return at;
        }
        if (!data.isIntegralNumber() || !data.canConvertToInt() || data.intValue() < 0 || data.intValue() > 255) {
            throw bad("the data of '" + IMAGE + "' must be integers from 0 to 255");
        }
        if (from == levels.length) {
            throw bad("the data of '" + IMAGE + "' has more numbers than its shape");
        }
        levels[from] = (byte) data.intValue();
        return from + 1;
    }

    private static List<byte[]> cut(ByteBuffer all, int count, Shape size) {
        int length = Math.toIntExact(size.elements());
        if (all.remaining() != (long) count * length) {
            throw bad(count + " image(s) of " + size + " have " + (long) count * length + " bytes, not " + all.remaining());
        }
        List<byte[]> images = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            byte[] image = new byte[length];
            all.get(image);
            images.add(image);
        }
        return images;
    }

    private static List<byte[]> base64(JsonNode data, long count) {
        if (!data.isArray() || data.size() != count
                || StreamSupport.stream(data.spliterator(), false).anyMatch(each -> !each.isTextual())) {
            throw bad("the data of '" + ENCODED + "' must be an array of " + count + " string(s) in base64");
        }
        try {
            return StreamSupport.stream(data.spliterator(), false).map(each -> Base64.getDecoder().decode(each.textValue())).toList();
        } catch (IllegalArgumentException e) {
            throw bad("the data of '" + ENCODED + "' is no base64: " + e.getMessage());
        }
    }

    /** Elements of BYTES: four bytes of length, the lowest first, then so many bytes. */
    private static List<byte[]> prefixed(ByteBuffer binary, long count) {
        ByteBuffer buffer = binary.order(ByteOrder.LITTLE_ENDIAN);
        List<byte[]> files = new ArrayList<>();
        for (long i = 0; i < count; i++) {
            int length = buffer.remaining() < Integer.BYTES ? -1 : buffer.getInt();
            if (length < 0 || length > buffer.remaining()) {
                throw bad("the bytes of '" + ENCODED + "' end within element " + i);
            }
            byte[] file = new byte[length];
            buffer.get(file);
            files.add(file);
        }
        if (buffer.hasRemaining()) {
            throw bad("the bytes of '" + ENCODED + "' go on after element " + (count - 1));
        }
        return files;
    }

    private static Wanted wanted(JsonNode tree, Terms terms) {
        boolean binary = tree.path("parameters").path("binary_data_output").asBoolean(false);
        JsonNode outputs = tree.path("outputs");
        if (outputs.isMissingNode() || outputs.isEmpty()) {
            return new Wanted(binary, 0);
        }
        JsonNode output = outputs.path(0);
        if (outputs.size() != 1 || !output.path("name").asText().equals(PROBABILITIES)) {
            throw bad("the one output is '" + PROBABILITIES + "'");
        }
        JsonNode parameters = output.path("parameters");
        int classes = parameters.path("classification").asInt(0);
        if (classes < 0 || classes > terms.classes()) {
            throw bad("\"classification\" can be from 1 to " + terms.classes() + ", not " + classes);
        }
        return new Wanted(parameters.path("binary_data").asBoolean(binary), classes);
    }

    static WebException bad(String sentence) {
        return new WebException(400, sentence);
    }
}
