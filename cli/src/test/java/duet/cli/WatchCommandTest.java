package duet.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.Path;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** From the command line to its end, and what it refuses. */
class WatchCommandTest {
    private static final ObjectMapper JSON = new ObjectMapper();

    @TempDir
    private Path temporary;

    private static HttpResponse<String> get(int port, String path) throws Exception {
        try (HttpClient client = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build()) {
            return client.send(HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + port + path)).build(), BodyHandlers.ofString());
        }
    }

    private static int freePort() throws Exception {
        try (ServerSocket socket = new ServerSocket(0)) {
            return socket.getLocalPort();
        }
    }

    /** A training that was killed before its first epoch ended is no finished one; it says so, and its plan is what was run. */
    @Test
    void aSignalEndsItAtOnce() throws Exception {
        Path runs = temporary.resolve("runs");
        try (DuetProcess training = DuetProcess.start(temporary.resolve("err"), Runs.train(runs.resolve("killed"), 100_000, 40))) {
            assertTrue(training.awaitLines("\"event\":\"train\"", 43));
            assertTrue(training.kill());
        }
        assertEquals(0, Outcome.of(Runs.train(runs.resolve("done"), 3, 0, "--placement", "data", "--parts", "4")).code());
        int port = freePort();
        try (DuetProcess watch = DuetProcess.start(temporary.resolve("err2"), "watch", runs.toString(), "--port", Integer.toString(port))) {
            assertTrue(watch.awaitLines("address    http://127.0.0.1:" + port + "/", 1));
            JsonNode killed = JSON.readTree(get(port, "/api/runs/killed").body()).path("summary");
            // not read yet; then by its fresh lines, for a few seconds
            for (int i = 0; i < 300 && !killed.path("state").asText("running").equals("failed"); i++) {
                Thread.sleep(200);
                killed = JSON.readTree(get(port, "/api/runs/killed").body()).path("summary");
            }
            assertEquals("failed", killed.path("state").asText(), killed.toString());
            assertTrue(killed.get("words").textValue().contains("--resume goes on from step "), killed::toString);
            assertEquals("finished", JSON.readTree(get(port, "/api/runs/done").body()).at("/summary/state").textValue());
            JsonNode plan = JSON.readTree(get(port, "/api/runs/done/plan").body());
            assertEquals("data 4 cpu", plan.get("placement").textValue() + " " + plan.get("parts") + " "
                    + plan.at("/devices/1/name").textValue());
            Files.delete(runs.resolve("done/plan.json"));
            JsonNode assumed = JSON.readTree(get(port, "/api/runs/done/plan").body());
            assertTrue(assumed.get("assumed").booleanValue());
            assertEquals(plan.get("layers"), assumed.get("layers"), "the checkpoint has the parts");
            watch.signal("TERM");
            Outcome outcome = watch.finish();
            assertEquals(143, outcome.code(), outcome::toString);
            assertTrue(outcome.err().contains("SIGTERM: ending"), outcome::toString);
        }
    }

    @Test
    void whatCannotBeDoneIsASentence() throws Exception {
        try (ServerSocket taken = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            Outcome outcome = Outcome.of("watch", temporary.toString(), "--port", Integer.toString(taken.getLocalPort()));
            assertEquals(1, outcome.code(), outcome::toString);
            assertTrue(outcome.err().startsWith("duet: cannot listen on 127.0.0.1, port " + taken.getLocalPort())
                    && outcome.err().contains("--port 0 takes any that is free"), outcome::toString);
        }
        Path file = Files.writeString(temporary.resolve("letter.txt"), "no run");
        refused("letter.txt is not a folder; name a training's output folder", "watch", file.toString());
        refused("--token can have letters, digits and . _ ~ -", "watch", "--token", "a b");
        refused("--host no.such.host.invalid is no address of this machine", "watch", "--host", "no.such.host.invalid");
        refused("65536 is above 65535", "watch", "--port", "65536");
    }

    private static void refused(String sentence, String... arguments) {
        Outcome outcome = Outcome.of(arguments);
        assertEquals(2, outcome.code(), outcome::toString);
        assertTrue(outcome.err().contains(sentence), outcome::toString);
    }
}
