package duet.cli;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.net.http.HttpResponse;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Base64;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.zip.CRC32C;

import com.fasterxml.jackson.databind.JsonNode;
import duet.data.source.Datasets;
import duet.net.Shape;
import org.junit.jupiter.api.Test;
/** What the service answers, and newer checkpoints. */
class ServeTest extends Served {
    @Test
    void answersAsPredictDoes() throws Exception {
        serve(trained.toString());
        JsonNode expected = JSON
                .readTree(Outcome.of("predict", "--devices", "cpu", "--json", trained.toString(), picture.toString()).out());
        JsonNode answer = JSON.readTree(send("/predict", Files.readAllBytes(picture)).body());
        assertEquals("shoes", answer.get("model").textValue());
        assertEquals("4", answer.get("version").textValue());
        assertEquals(5, answer.get("predictions").size());
        for (int i = 0; i < 5; i++) {
            JsonNode one = expected.get("predictions").get(i);
            JsonNode other = answer.get("predictions").get(i);
            assertEquals(one.get("name"), other.get("name"));
            assertEquals(one.get("probability").doubleValue(), other.get("probability").doubleValue(), 1e-6);
        }
        assertEquals(2,
                JSON.readTree(send("/predict?top=2&model=shoes&version=4", Files.readAllBytes(picture)).body()).get("predictions").size());
        assertEquals("the body: not an image that can be read (JPEG, PNG, GIF, BMP, PPM)", refusal(400, "/predict", new byte[] {1, 2, 3}));
        assertEquals("there is no model of this name; there are shoes", refusal(404, "/predict?model=hats", Files.readAllBytes(picture)));
        assertEquals("the model shoes has no version 3; it has 4", refusal(404, "/predict?version=3", Files.readAllBytes(picture)));
        assertEquals("'top' must be a number from 1 on", refusal(400, "/predict?top=0", Files.readAllBytes(picture)));
    }

    /** The protocol's paths, and the three ways of sending an image. */
    @Test
    void speaksTheOpenInferenceProtocol() throws Exception {
        serve(trained.toString(), "again=" + trained.resolve("checkpoint-00000002.safetensors"));
        assertEquals(JSON.readTree("{\"live\": true}"), json("/v2/health/live", null));
        assertEquals(JSON.readTree("{\"ready\": true}"), json("/v2/health/ready", null));
        JsonNode server = json("/v2", null);
        assertEquals("duet", server.get("name").textValue());
        assertTrue(server.get("version").isTextual() && server.get("extensions").isArray());
        JsonNode metadata = json("/v2/models/shoes", null);
        assertEquals(JSON.readTree("""
                {"name": "shoes", "versions": ["4"], "platform": "duet",
                 "inputs": [{"name": "image", "datatype": "UINT8", "shape": [-1, 28, 28, 1]}],
                 "outputs": [{"name": "probabilities", "datatype": "FP32", "shape": [-1, 10]}]}"""), metadata);
        assertEquals(server, json("/v2/", null));
        JsonNode ready = JSON.readTree("{\"name\": \"again\", \"ready\": true}");
        assertEquals(ready, json("/v2/models/again/ready", null));
        assertEquals(ready, json("/v2/models/again/versions/2/ready", null));
        assertEquals(2, json("/v2/repository/index", "").size());

        byte[] levels = new byte[2 * LEVELS];
        new SplittableRandom(3).nextBytes(levels);
        byte[] stored = Datasets.readImage(picture, new Shape(1, SIDE, SIDE));
        System.arraycopy(stored, 0, levels, 0, LEVELS);
        JsonNode answer = json("/v2/models/shoes/infer", infer(image(2, levels)));
        assertEquals("shoes", answer.get("model_name").textValue());
        assertEquals("4", answer.get("model_version").textValue());
        assertEquals("seven", answer.get("id").textValue());
        JsonNode output = answer.get("outputs").get(0);
        assertEquals(JSON.readTree("[2, 10]"), output.get("shape"));
        double[] both = numbers(output.get("data"));
        assertEquals(2, Arrays.stream(both).sum(), 1e-4);
        double[] first = Arrays.copyOf(both, 10);

        String base64 = Base64.getEncoder().encodeToString(Files.readAllBytes(picture));
        String encoded = "{\"name\":\"encoded\",\"datatype\":\"BYTES\",\"shape\":[1],\"data\":[\"" + base64 + "\"]}";
        assertArrayEquals(first, numbers(json("/v2/models/shoes/versions/4/infer", infer(encoded)).get("outputs").get(0).get("data")),
                1e-6);
        assertArrayEquals(first, binary(levels), 1e-6);

        JsonNode words = json("/v2/models/shoes/infer", "{\"inputs\":[" + encoded
                + "],\"outputs\":[{\"name\":\"probabilities\",\"parameters\":{\"classification\":3}}]}").get("outputs").get(0);
        assertEquals(JSON.readTree("[1, 3]"), words.get("shape"));
        String best = words.get("data").get(0).textValue();
        int label = Integer.parseInt(best.split(":", 3)[1]);
        assertEquals(first[label], Double.parseDouble(best.split(":", 3)[0]), 1e-5);
        assertEquals(Arrays.stream(first).max().orElseThrow(), first[label]);
    }

    /** The first of two images, both ways as bytes behind the JSON. */
    private double[] binary(byte[] levels) throws IOException, InterruptedException {
        byte[] head = """
                {"inputs": [{"name": "image", "datatype": "UINT8", "shape": [2, 28, 28, 1], "parameters": {"binary_data_size": 1568}}],
                 "parameters": {"binary_data_output": true}}""".getBytes(StandardCharsets.UTF_8);
        byte[] body = Arrays.copyOf(head, head.length + levels.length);
        System.arraycopy(levels, 0, body, head.length, levels.length);
        HttpResponse<byte[]> response = send("/v2/models/shoes/infer", body, "Inference-Header-Content-Length",
                Integer.toString(head.length));
        assertEquals(200, response.statusCode());
        int length = Integer.parseInt(response.headers().firstValue("Inference-Header-Content-Length").orElseThrow());
        JsonNode output = JSON.readTree(response.body(), 0, length).get("outputs").get(0);
        assertEquals(80, output.get("parameters").get("binary_data_size").intValue());
        ByteBuffer floats = ByteBuffer.wrap(response.body(), length, 80).order(ByteOrder.LITTLE_ENDIAN);
        double[] numbers = new double[10];
        Arrays.setAll(numbers, i -> floats.getFloat());
        return numbers;
    }

    @Test
    void badInferRequestsAreSentences() throws Exception {
        serve(trained.toString());
        Map<String, String> bad = Map.of(
                "", "the body must be a JSON object with \"inputs\"",
                "[1]", "the body must be a JSON object with \"inputs\"",
                "{}", "\"inputs\" must be an array with one tensor, 'image' or 'encoded'",
                infer("{\"name\":\"x\",\"shape\":[1]}"), "the input 'x' is unknown; it can be 'image' or 'encoded'",
                infer("{\"name\":\"image\",\"datatype\":\"FP32\",\"shape\":[1,28,28,1]}"),
                "the input 'image' has the datatype UINT8, not FP32",
                infer("{\"name\":\"image\",\"datatype\":\"UINT8\",\"shape\":[1,1,28,28]}"),
                "the input 'image' of the model shoes has the shape [images, 28, 28, 1], not [1, 1, 28, 28]",
                infer("{\"name\":\"image\",\"datatype\":\"UINT8\",\"shape\":[1000000000000,28,28,1]}"),
                "from 1 to 256 images can be asked about at once, not 1000000000000",
                infer(image(1, new byte[3])), "the data of 'image' has 3 numbers, but its shape 784",
                infer("{\"name\":\"encoded\",\"datatype\":\"BYTES\",\"shape\":[1],\"data\":[\"!!!!\"]}"),
                "the data of 'encoded' is no base64: Illegal base64 character 21");
        for (Map.Entry<String, String> each : bad.entrySet()) {
            assertEquals(each.getValue(), refusal(400, "/v2/models/shoes/infer", each.getKey().getBytes(StandardCharsets.UTF_8)));
        }
        assertTrue(refusal(400, "/v2/models/shoes/infer", "{\"inputs\": nonsense".getBytes(StandardCharsets.UTF_8))
                .startsWith("the body is no JSON: "));
        assertEquals("Inference-Header-Content-Length is 9, but the body has 2 bytes",
                refusal(400, "/v2/models/shoes/infer", "{}".getBytes(StandardCharsets.UTF_8), "Inference-Header-Content-Length", "9"));
        assertEquals("the body is compressed (Content-Encoding); send it as it is",
                refusal(415, "/v2/models/shoes/infer", new byte[9], "Content-Encoding", "gzip"));
        assertEquals("Inference-Header-Content-Length must be a number of bytes",
                refusal(400, "/v2/models/shoes/infer", new byte[0], "Inference-Header-Content-Length", "many"));
        assertEquals("the request cannot be read", refusal(400, "/../../etc/passwd", null));
        assertEquals("the request cannot be read", refusal(400, "/v2/models/shoes/%2e%2e/x", null));
    }

    @Test
    void newerCheckpointsAreServedAndDamagedOnesAreNot() throws Exception {
        Path run = Files.createDirectories(here.resolve("run"));
        copy("checkpoint-00000002.safetensors", run);
        serve(run.toString(), "--reload", "1", "--versions", "2");
        assertEquals("2", json("/v2/models/run", null).get("versions").get(0).textValue());
        Files.writeString(run.resolve("checkpoint-00000003.safetensors"), "no checkpoint");
        assertTrue(process.awaitLines("\"event\":\"warning\"", 1));
        assertTrue(process.lastLine().contains("checkpoint-00000003"), process.lastLine());
        copy("checkpoint-00000004.safetensors", run);
        assertTrue(process.awaitLines("\"event\":\"loaded\"", 1));
        assertEquals(JSON.readTree("[\"2\", \"4\"]"), json("/v2/models/run", null).get("versions"));
        byte[] image = Files.readAllBytes(picture);
        JsonNode newest = JSON.readTree(send("/predict", image).body());
        JsonNode old = JSON.readTree(send("/predict?version=2", image).body());
        assertEquals("4", newest.get("version").textValue());
        assertEquals("2", old.get("version").textValue());
        assertFalse(newest.get("predictions").equals(old.get("predictions")));
        Files.delete(run.resolve("checkpoint-00000002.safetensors"));
        Files.delete(run.resolve("checkpoint-00000003.safetensors"));
        Files.copy(trained.resolve("checkpoint-00000002.safetensors"), run.resolve("checkpoint-00000009.safetensors"));
        assertTrue(process.awaitLines("\"version\":\"9\"", 1));
        assertEquals(JSON.readTree("[\"4\", \"9\"]"), json("/v2/models/run", null).get("versions"));
    }

    /** Sound files, but nothing that can be answered comes out: the other version is served on, and alone it is refused. */
    @Test
    void whatGivesNoNumbersIsNotServed() throws Exception {
        Path run = Files.createDirectories(here.resolve("run"));
        copy("checkpoint-00000002.safetensors", run);
        serve(run.toString(), "--reload", "1", "--versions", "2");
        Path broken = run.resolve("checkpoint-00000005.safetensors");
        Files.write(here.resolve("temporary"), withNan(Files.readAllBytes(trained.resolve("checkpoint-00000004.safetensors"))));
        Files.move(here.resolve("temporary"), broken);
        assertTrue(process.awaitLines("\"event\":\"warning\"", 1));
        assertTrue(process.lastLine().contains("a checkpoint is passed over: version 5 of the model run: ")
                && process.lastLine().contains(": gives NaN or infinity with these weights"), process.lastLine());
        assertEquals(JSON.readTree("[\"2\"]"), json("/v2/models/run", null).get("versions"));
        assertEquals(200, send("/predict", Files.readAllBytes(picture)).statusCode());
        Outcome alone = Outcome.of("serve", broken.toString(), "--port", "0", "--devices", "cpu");
        assertEquals(1, alone.code(), alone::toString);
        assertTrue(alone.err().contains(": gives NaN or infinity with these weights"), alone::toString);
        Outcome predicted = Outcome.of("predict", broken.toString(), picture.toString(), "--devices", "cpu");
        assertEquals(1, predicted.code(), predicted::toString);
        assertTrue(predicted.err().contains(": gives NaN or infinity with these weights"), predicted::toString);
    }

    /** A checkpoint whose first weight is no number, and says so itself: its checksum is that of what it holds. */
    private static byte[] withNan(byte[] file) throws IOException {
        ByteBuffer bytes = ByteBuffer.wrap(file).order(ByteOrder.LITTLE_ENDIAN);
        int header = Long.BYTES + Math.toIntExact(bytes.getLong(0));
        JsonNode offsets = JSON.readTree(file, Long.BYTES, header - Long.BYTES).get("conv1.weight").get("data_offsets");
        int from = header + offsets.get(0).intValue();
        int length = offsets.get(1).intValue() - offsets.get(0).intValue();
        String before = checksum(file, from, length);
        bytes.putFloat(from, Float.NaN);
        String text = new String(file, 0, header, StandardCharsets.ISO_8859_1);
        assertTrue(text.contains(before), text);
        byte[] changed = text.replace(before, checksum(file, from, length)).getBytes(StandardCharsets.ISO_8859_1);
        System.arraycopy(changed, 0, file, 0, header);
        return file;
    }

    private static String checksum(byte[] file, int from, int length) {
        CRC32C crc = new CRC32C();
        crc.update(file, from, length);
        return HexFormat.of().toHexDigits((int) crc.getValue());
    }

    /** As trainings write: under another name first. */
    private static void copy(String name, Path folder) throws IOException {
        Path temporary = folder.resolve("." + name + ".tmp");
        Files.copy(trained.resolve(name), temporary);
        Files.move(temporary, folder.resolve(name));
    }

    @Test
    void badOptionsAreSentences() {
        assertEquals(List.of("duet: two models are named shoes; give one another name: NAME=" + trained),
                Outcome.of("serve", trained.toString(), trained.toString()).errLines());
        assertEquals(List.of("duet: --host nowhere.invalid is no address of this machine; leave it out for this machine alone, "
                + "or give 0.0.0.0 for all of its addresses"),
                Outcome.of("serve", "--host", "nowhere.invalid", trained.toString()).errLines());
        assertEquals(List.of("duet: --waiting 8 is less than --batch 16, so no batch would ever be full"),
                Outcome.of("serve", "--waiting", "8", trained.toString()).errLines());
        assertEquals(List.of("duet: " + here + ": holds no checkpoint (checkpoint-….safetensors)"),
                Outcome.of("serve", "--port", "0", here.toString()).errLines());
    }
}
