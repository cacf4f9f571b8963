package duet.cli.serve;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

import duet.use.Classifier.Prediction;

/**
 * The answer to an {@link InferRequest}: JSON, and behind it the bytes of the tensor if they were asked for.
 *
 * @param json   an object
 * @param binary null: all is in the JSON
 */
record InferResponse(Map<String, Object> json, byte[] binary) {
    /**
     * Writes an answer.
     *
     * @param request  as it came
     * @param model    its name
     * @param version  of the model
     * @param all      of each image the probabilities, in the classes' order
     * @param rankings of each image the classes from the most probable down
     */
    static InferResponse of(InferRequest request, String model, String version, List<float[]> all, List<List<Prediction>> rankings) {
        InferRequest.Wanted wanted = request.probabilities();
        boolean words = wanted.classes() > 0;
        int width = words ? wanted.classes() : all.getFirst().length;
        Map<String, Object> output = new LinkedHashMap<>();
        output.put("name", InferRequest.PROBABILITIES);
        output.put("datatype", words ? "BYTES" : "FP32");
        output.put("shape", List.of(all.size(), width));
        byte[] binary = null;
        if (words) {
            List<String> strings = words(rankings, width);
            binary = wanted.binary() ? prefixed(strings) : null;
            output.put(binary == null ? "data" : "parameters", binary == null ? strings : Map.of("binary_data_size", binary.length));
        } else {
            binary = wanted.binary() ? floats(all) : null;
            output.put(binary == null ? "data" : "parameters", binary == null ? numbers(all) : Map.of("binary_data_size", binary.length));
        }
        Map<String, Object> json = new LinkedHashMap<>();
        json.put("model_name", model);
        json.put("model_version", version);
        if (request.id() != null) {
            json.put("id", request.id());
        }
        json.put("outputs", List.of(output));
        return new InferResponse(json, binary);
    }

    /** {@code probability:label:name} each, as Triton's classification extension has them. */
    private static List<String> words(List<List<Prediction>> rankings, int width) {
        List<String> strings = new ArrayList<>();
        rankings.forEach(ranking -> ranking.subList(0, width)
                .forEach(each -> strings.add(String.format(Locale.ROOT, "%.6f:%d:%s", each.probability(), each.label(), each.name()))));
        return strings;
    }

    private static float[] numbers(List<float[]> all) {
        int width = all.getFirst().length;
        float[] flat = new float[all.size() * width];
        for (int i = 0; i < all.size(); i++) {
            System.arraycopy(all.get(i), 0, flat, i * width, width);
        }
        return flat;
    }

    private static byte[] floats(List<float[]> all) {
        float[] flat = numbers(all);
        ByteBuffer bytes = ByteBuffer.allocate(Float.BYTES * flat.length).order(ByteOrder.LITTLE_ENDIAN);
        bytes.asFloatBuffer().put(flat);
        return bytes.array();
    }

    private static byte[] prefixed(List<String> strings) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        for (String each : strings) {
            byte[] bytes = each.getBytes(StandardCharsets.UTF_8);
            out.writeBytes(ByteBuffer.allocate(Integer.BYTES).order(ByteOrder.LITTLE_ENDIAN).putInt(bytes.length).array());
            out.writeBytes(bytes);
        }
        return out.toByteArray();
    }
}
