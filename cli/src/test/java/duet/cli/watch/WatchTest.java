package duet.cli.watch;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.function.BooleanSupplier;
import java.util.regex.Pattern;
import java.util.stream.Stream;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import duet.cli.web.Access;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What is found, what is told of it, and what is not. */
class WatchTest {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final long PATIENCE = 60_000_000_000L;
    private static final String SECRET = "not for everybody";

    @TempDir
    private Path temporary;
    private Path runs;
    private Path outside;
    private final Queue<String> warnings = new ConcurrentLinkedQueue<>();
    private Watch watch;

    @BeforeEach
    void begin() throws IOException {
        runs = temporary.resolve("runs");
        outside = Files.writeString(temporary.resolve("secret.png"), SECRET);
        Files.createDirectory(runs);
        run("one", 3);
        Files.writeString(runs.resolve("letter.txt"), SECRET);
        watch = Watch.start(new Access("127.0.0.1", null), 0, List.of(runs, temporary.resolve("later/two")), warnings::add);
        assertEquals(1, watch.count());
    }

    @AfterEach
    void end() throws IOException {
        watch.close();
    }

    private Path run(String name, int steps) throws IOException {
        Path folder = Files.createDirectories(runs.resolve(name));
        append(folder, 1, steps);
        return folder;
    }

    private static void append(Path folder, int from, int to) throws IOException {
        StringBuilder lines = new StringBuilder();
        for (int step = from; step <= to; step++) {
            lines.append("{\"event\":\"train\",\"step\":").append(step).append(",\"epoch\":").append(0.25 * step).append(",\"loss\":")
                    .append(4.0 / step).append(",\"top1\":0.5,\"top5\":1.0,\"learningRate\":0.01,\"imagesPerSecond\":100.0}\n");
        }
        Files.writeString(folder.resolve("metrics.jsonl"), lines, StandardOpenOption.CREATE, StandardOpenOption.APPEND);
    }

    private HttpResponse<String> get(String path, String... headers) throws IOException, InterruptedException {
        return send("GET", path, headers);
    }

    private HttpResponse<String> send(String method, String path, String... headers) throws IOException, InterruptedException {
        try (HttpClient client = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build()) {
            HttpRequest.Builder request = HttpRequest.newBuilder(watch.address().resolve(path)).method(method,
                    HttpRequest.BodyPublishers.noBody());
            if (headers.length > 0) {
                request.headers(headers);
            }
            return client.send(request.build(), BodyHandlers.ofString());
        }
    }

    private JsonNode json(String path) throws IOException, InterruptedException {
        HttpResponse<String> answer = get(path);
        assertEquals(200, answer.statusCode(), answer.body());
        return JSON.readTree(answer.body());
    }

    private List<String> ids() throws IOException, InterruptedException {
        return Stream.of(JSON.convertValue(json("/api/runs"), JsonNode[].class)).map(run -> run.get("id").textValue()).sorted().toList();
    }

    private interface Condition {
        boolean holds() throws IOException, InterruptedException;
    }

    private static void await(Condition condition) {
        BooleanSupplier holds = () -> {
            try {
                return condition.holds();
            } catch (IOException | InterruptedException e) {
                throw new AssertionError(e);
            }
        };
        for (long begun = System.nanoTime(); !holds.getAsBoolean();) {
            assertTrue(System.nanoTime() - begun < PATIENCE, "it does not come");
            Thread.onSpinWait();
        }
    }

    @Test
    void runsAppearGrowAndGo() throws Exception {
        await(() -> ids().equals(List.of("one")));
        run("three", 1);
        append(Files.createDirectories(temporary.resolve("later/two")), 1, 2);
        Files.createDirectories(runs.resolve("no run"));
        await(() -> ids().equals(List.of("one", "three", "two")));
        assertEquals(3, watch.count());
        append(runs.resolve("three"), 2, 500);
        await(() -> json("/api/runs/three/series").get("count").intValue() == 500);
        JsonNode series = json("/api/runs/three/series?points=10");
        assertEquals("[50,100,150,200,250,300,350,400,450,500]", series.at("/training/step").toString());
        assertEquals(0.25, series.get("epochsOfAStep").doubleValue());
        JsonNode part = json("/api/runs/three/series?from=7&to=9");
        assertEquals("[7,8,9]", part.at("/training/step").toString());
        assertEquals(4.0 / 8, part.at("/training/loss/1").doubleValue(), 1e-6);
        Files.delete(runs.resolve("three/metrics.jsonl"));
        Files.delete(runs.resolve("three"));
        await(() -> ids().equals(List.of("one", "two")));
        assertEquals(List.of(), List.copyOf(warnings));
    }

    /** The same name in two folders. */
    @Test
    void namesAreUnique() throws Exception {
        Path other = temporary.resolve("other");
        append(Files.createDirectories(other.resolve("one")), 1, 7);
        try (Watch both = Watch.start(new Access("127.0.0.1", null), 0, List.of(runs, other, other.resolve("one")), warnings::add)) {
            watch.close();
            watch = both;
            await(() -> ids().equals(List.of("one", "one-2")));
            assertEquals(7, json("/api/runs/one-2").at("/summary/step").intValue());
        }
    }

    @Test
    void nothingElseIsRead() throws Exception {
        Files.createSymbolicLink(runs.resolve("one/conv1.png"), outside);
        Files.createSymbolicLink(runs.resolve("one/plan.json"), outside);
        Path elsewhere = Files.createDirectories(temporary.resolve("elsewhere"));
        append(elsewhere, 1, 4);
        Files.createSymbolicLink(runs.resolve("link"), elsewhere);
        Path linked = Files.createDirectories(runs.resolve("linked"));
        Files.createSymbolicLink(linked.resolve("metrics.jsonl"), elsewhere.resolve("metrics.jsonl"));
        await(() -> warnings.stream().anyMatch(line -> line.contains("link is a link and is not followed")));
        assertEquals(List.of("one"), ids());
        List<String> paths = new ArrayList<>(
                List.of("/../secret.png", "/letter.txt", "/runs/one/metrics.jsonl", "/api/runs/one/metrics.jsonl",
                        "/api/runs/one/pictures/conv1.png", "/api/runs/one/pictures/filters", "/api/runs/one/pictures/mistakes",
                        "/api/runs/one/pictures/confusion", "/api/runs/one/plan", "/api/runs/link", "/api/runs/linked",
                        "/main.js/../../secret.png"));
        for (String escape : List.of("..", "%2e%2e", "..%2f", "%2e%2e%2f", "..%5c", "%252e%252e%252f", "..;", "%00", "%2fetc%2fpasswd")) {
            paths.add("/" + escape + "/secret.png");
            paths.add("/api/runs/" + escape + "/series");
            paths.add("/api/runs/" + escape + "secret.png/pictures/filters");
            paths.add("/api/runs/one/pictures/" + escape + "secret.png");
            paths.add("/api/runs/one%2f" + escape + "/plan");
        }
        for (String path : paths) {
            String answer = raw("GET " + path + " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
            assertTrue(answer.matches("(?s)HTTP/1.1 4\\d\\d .*"), path + ": " + answer);
            assertFalse(answer.contains(SECRET) || answer.contains("root:"), path + ": " + answer);
        }
        assertEquals(List.of("one"), ids());
    }

    private String raw(String request) throws IOException {
        URI address = watch.address();
        try (Socket socket = new Socket(address.getHost(), address.getPort())) {
            OutputStream out = socket.getOutputStream();
            out.write(request.getBytes(StandardCharsets.ISO_8859_1));
            out.flush();
            return new String(socket.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        }
    }

    @Test
    void noPathIsTold() throws Exception {
        Files.writeString(runs.resolve("one/checkpoint-00000003.safetensors"), "no checkpoint");
        await(() -> warnings.stream().anyMatch(line -> line.contains("checkpoint-00000003.safetensors")));
        for (String path : List.of("/api/runs", "/api/runs/one", "/api/runs/one/series", "/api/runs/one/plan", "/api/runs/one/evaluation",
                "/api/runs/one/pictures/filters", "/")) {
            HttpResponse<String> answer = get(path);
            assertFalse((answer.body() + answer.headers().map()).contains(temporary.getFileName().toString()), answer::body);
        }
        HttpResponse<String> evaluation = send("POST", "/api/runs/one/evaluation");
        assertEquals("409 {\"error\":\"this run has no checkpoint yet; ask again when it has\"}",
                evaluation.statusCode() + " " + evaluation.body());
    }

    @Test
    void refusalsAreSentences() throws Exception {
        await(() -> ids().equals(List.of("one")));
        assertEquals("404 {\"error\":\"there is no such run; /api/runs lists them\"}", line(get("/api/runs/nine")));
        assertEquals("400 {\"error\":\"points can be from 1 to 2000\"}", line(get("/api/runs/one/series?points=0")));
        assertEquals("400 {\"error\":\"from must be a number of up to 10 digits\"}", line(get("/api/runs/one/series?from=-1")));
        assertEquals("404 {\"error\":\"this run has no filters to show\"}", line(get("/api/runs/one/pictures/filters")));
        assertEquals("403 {\"error\":\"only the page of duet watch asks for this\"}",
                line(send("POST", "/api/runs/one/evaluation", "Sec-Fetch-Site", "cross-site")));
        assertEquals(200, send("HEAD", "/api/events").statusCode());
    }

    private static String line(HttpResponse<String> response) {
        return response.statusCode() + " " + response.body();
    }

    /** A stream tells only what is new, and begins again where a file does. */
    @Test
    void eventsTellWhatIsNew() throws Exception {
        try (HttpClient client = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();
                BufferedReader events = new BufferedReader(new InputStreamReader(client
                        .send(HttpRequest.newBuilder(watch.address().resolve("/api/events")).build(), BodyHandlers.ofInputStream()).body(),
                        StandardCharsets.UTF_8))) {
            assertEquals(3, next(events, "run").get("step").intValue());
            assertEquals(1, next(events, "ready").intValue());
            append(runs.resolve("one"), 4, 6);
            JsonNode points = next(events, "points");
            assertEquals("one", points.get("run").textValue());
            int generation = points.get("generation").intValue();
            List<Integer> steps = new ArrayList<>();
            points.at("/training/step").forEach(step -> steps.add(step.intValue()));
            while (steps.getLast() < 6) { // they may come apart
                next(events, "points").at("/training/step").forEach(step -> steps.add(step.intValue()));
            }
            assertEquals(List.of(4, 5, 6), steps);

            Files.delete(runs.resolve("one/metrics.jsonl"));
            append(runs.resolve("one"), 1, 2);
            JsonNode run = next(events, "run");
            while (run.get("generation").intValue() == generation || run.get("step").intValue() != 2) {
                run = next(events, "run");
            }
            watch.close(); // ends the stream
            while (events.readLine() != null) {
                // the rest
            }
        }
    }

    private static JsonNode next(BufferedReader events, String name) throws IOException {
        for (String line = events.readLine(); line != null; line = events.readLine()) {
            if (line.equals("event: " + name)) {
                return JSON.readTree(events.readLine().substring("data: ".length()));
            }
        }
        throw new AssertionError("the stream has ended before " + name);
    }

    @Test
    void theTokenIsAskedFor() throws Exception {
        try (Watch guarded = Watch.start(new Access("127.0.0.1", "secret"), 0, List.of(runs), warnings::add)) {
            watch.close();
            watch = guarded;
            for (String path : List.of("/", "/main.js", "/api/runs", "/api/events", "/api/runs/one/plan")) {
                assertEquals(401, get(path).statusCode(), path);
            }
            assertEquals(200, get("/?token=secret").statusCode());
            assertEquals(200, get("/api/runs", "Authorization", "Bearer secret").statusCode());
        }
    }

    /** The page and all that it needs come from the jar. */
    @Test
    void thePageIsComplete() throws Exception {
        String page = get("/").body();
        assertFalse(page.contains("http:") || page.contains("https:"), "nothing from elsewhere");
        Stream<String> files = Pattern.compile("(?:src|href)=\"([^\"#]+)\"").matcher(page).results().map(found -> found.group(1));
        for (String file : Stream.concat(files, Stream.of("charts.js", "details.js", "format.js", "plan.js")).toList()) {
            HttpResponse<String> answer = get("/" + file);
            assertEquals(200, answer.statusCode(), file);
            assertNotNull(answer.headers().firstValue("Content-Security-Policy").orElse(null), file);
        }
    }
}
