package duet.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.io.TempDir;
/** A service in a process of its own, and a client that asks it. */
abstract class Served {
    static final ObjectMapper JSON = new ObjectMapper();
    static final int SIDE = 28;
    static final int LEVELS = SIDE * SIDE;

    @TempDir
    static Path shared;

    static Path trained;
    static Path picture;

    @TempDir
    Path here;

    DuetProcess process;
    URI address;
    final HttpClient client = HttpClient.newHttpClient();

    @BeforeAll
    static void train() throws IOException {
        trained = shared.resolve("shoes");
        Outcome outcome = Outcome.of(Runs.train(trained, 4, 2));
        assertEquals(0, outcome.code(), outcome::toString);
        picture = shared.resolve("picture.png");
        Folders.picture(picture, 40, 30, 1);
    }

    void serve(String... arguments) throws IOException {
        List<String> all = new ArrayList<>(List.of("serve", "--port", "0", "--json", "--devices", "cpu", "--threads", "1"));
        all.addAll(List.of(arguments));
        process = DuetProcess.start(here.resolve("stderr"), all.toArray(String[]::new));
        assertTrue(process.awaitLines("\"event\":\"serving\"", 1), () -> "did not start: " + finished());
        JsonNode serving = JSON.readTree(process.lastLine());
        address = URI.create(serving.get("address").textValue());
    }

    Outcome finished() {
        try {
            return process.finish();
        } catch (IOException | InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    @AfterEach
    void stop() {
        client.close();
        if (process != null) {
            process.close();
        }
    }

    HttpResponse<byte[]> send(String path, byte[] body, String... headers) throws IOException, InterruptedException {
        HttpRequest.Builder request = HttpRequest.newBuilder(address.resolve(path));
        if (body != null) {
            request.POST(BodyPublishers.ofByteArray(body));
        }
        if (headers.length > 0) {
            request.headers(headers);
        }
        return client.send(request.build(), BodyHandlers.ofByteArray());
    }

    JsonNode json(String path, String body) throws IOException, InterruptedException {
        HttpResponse<byte[]> response = send(path, body == null ? null : body.getBytes(StandardCharsets.UTF_8));
        assertEquals(200, response.statusCode(), () -> new String(response.body(), StandardCharsets.UTF_8));
        return JSON.readTree(response.body());
    }

    String refusal(int status, String path, byte[] body, String... headers) throws IOException, InterruptedException {
        HttpResponse<byte[]> response = send(path, body, headers);
        String text = new String(response.body(), StandardCharsets.UTF_8);
        assertEquals(status, response.statusCode(), text);
        assertFalse(text.contains(shared.toString()) || text.contains("Exception"), text);
        return JSON.readTree(text).get("error").textValue();
    }

    static String infer(String input) {
        return "{\"id\":\"seven\",\"inputs\":[" + input + "]}";
    }

    static String image(int count, byte[] levels) {
        int[] numbers = new int[levels.length];
        Arrays.setAll(numbers, i -> levels[i] & 0xff);
        return "{\"name\":\"image\",\"datatype\":\"UINT8\",\"shape\":[" + count + "," + SIDE + "," + SIDE + ",1],\"data\":"
                + Arrays.toString(numbers) + "}";
    }

    static double[] numbers(JsonNode array) {
        double[] numbers = new double[array.size()];
        Arrays.setAll(numbers, i -> array.get(i).doubleValue());
        return numbers;
    }
}
