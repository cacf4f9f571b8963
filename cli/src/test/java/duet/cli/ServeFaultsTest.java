package duet.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.net.Socket;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.Deque;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;

import com.fasterxml.jackson.databind.JsonNode;
import org.junit.jupiter.api.Test;

/** What clients do to the service, and its end. */
class ServeFaultsTest extends Served {
    private static final int MOST_SILENT = 500;

    /** Every answer that the service has given by its own count has arrived, and what it had begun it has ended. */
    @Test
    void endsInOrderUnderLoad() throws Exception {
        serve(trained.toString());
        byte[] image = Files.readAllBytes(picture);
        AtomicInteger arrived = new AtomicInteger();
        try (ExecutorService clients = Executors.newFixedThreadPool(8)) {
            List<Future<Object>> all = Stream.generate(() -> clients.<Object>submit(() -> {
                try {
                    while (send("/predict", image).statusCode() == 200) {
                        arrived.incrementAndGet();
                    }
                } catch (IOException over) {
                    // no more connections
                }
                return null;
            })).limit(8).toList();
            while (arrived.get() < 50) {
                Thread.sleep(5);
            }
            process.signal("TERM");
            for (Future<Object> each : all) {
                each.get();
            }
        }
        Outcome end = process.finish();
        assertEquals(0, end.code(), end::toString);
        assertTrue(end.err().contains("SIGTERM: answering what was accepted"), end::toString);
        long answered = end.outLines().stream().filter(line -> line.contains("\"path\":\"/predict\",\"status\":200")).count();
        assertEquals(arrived.get(), answered, end::toString);
    }

    @Test
    void tooManyAreToldToComeAgain() throws Exception {
        serve(trained.toString(), "--batch", "1", "--waiting", "1", "--delay", "0");
        byte[] body = infer(image(1, new byte[LEVELS])).getBytes(StandardCharsets.UTF_8);
        AtomicInteger refused = new AtomicInteger();
        AtomicInteger answered = new AtomicInteger();
        try (ExecutorService clients = Executors.newFixedThreadPool(16)) {
            List<Future<Object>> all = Stream.generate(() -> clients.<Object>submit(() -> {
                while (refused.get() == 0 || answered.get() == 0) {
                    HttpResponse<byte[]> response = send("/v2/models/shoes/infer", body);
                    (response.statusCode() == 429 ? refused : answered).incrementAndGet();
                    assertEquals(response.statusCode() == 429, response.headers().firstValue("Retry-After").isPresent());
                }
                return null;
            })).limit(16).toList();
            for (Future<Object> each : all) {
                each.get();
            }
        }
        String metrics = new String(send("/metrics", null).body(), StandardCharsets.UTF_8);
        assertTrue(
                metrics.contains("duet_requests_total{method=\"POST\",path=\"/v2/models/{model}/infer\",status=\"429\"} " + refused + ".0"),
                metrics);
        assertTrue(metrics.contains("duet_batch_images_count{model=\"shoes\"} " + answered + "\n"), metrics);
    }

    /** With 512 MB for Java, half of which is for bodies: what is too long is refused, with its length or without. */
    @Test
    void bodiesHaveALimit() throws Exception {
        serve(trained.toString(), "--body", "1");
        byte[] long1 = new byte[(1 << 20) + 1];
        assertEquals("the body is longer than the 1048576 bytes that are taken", refusal(413, "/predict", long1));
        assertEquals("the body is longer than the 1048576 bytes that are taken", refusal(413, "/v2/models/shoes/infer", long1));
        HttpRequest.BodyPublisher endless = BodyPublishers.ofInputStream(() -> new ByteArrayInputStream(long1));
        HttpResponse<String> chunks = client.send(HttpRequest.newBuilder(address.resolve("/predict")).POST(endless).build(),
                BodyHandlers.ofString());
        assertEquals(413, chunks.statusCode(), chunks::body);
        HttpRequest.BodyPublisher small = BodyPublishers.ofInputStream(() -> new ByteArrayInputStream(
                infer(image(1, new byte[LEVELS])).getBytes(StandardCharsets.UTF_8)));
        HttpResponse<String> fine = client.send(HttpRequest.newBuilder(address.resolve("/v2/models/shoes/infer")).POST(small).build(),
                BodyHandlers.ofString());
        assertEquals(200, fine.statusCode(), fine::body);
    }

    /** Changed bytes, cut bodies, clients that go at once or say nothing: 10,000 of them, then it answers as before. */
    @Test
    void damagedRequestsEndNothing() throws Exception {
        serve(trained.toString());
        long seed = Long.getLong("duet.seed", System.nanoTime());
        System.out.println("ServeFaultsTest: -Dduet.seed=" + seed);
        SplittableRandom random = new SplittableRandom(seed);
        byte[] image = Files.readAllBytes(picture);
        JsonNode before = JSON.readTree(send("/predict", image).body()).get("predictions");
        List<byte[]> goods = List.of(request("/predict", image),
                request("/v2/models/shoes/infer", infer(image(1, new byte[LEVELS])).getBytes(StandardCharsets.UTF_8)));
        Deque<Socket> silent = new ArrayDeque<>();
        for (int i = 0; i < 10_000; i++) {
            byte[] bytes = goods.get(random.nextInt(2)).clone();
            int from = random.nextBoolean() ? 0 : bytes.length / 2;
            for (int change = random.nextInt(5); change > 0; change--) {
                bytes[from + random.nextInt(bytes.length - from)] = (byte) random.nextInt();
            }
            bytes = random.nextInt(3) == 0 ? Arrays.copyOf(bytes, random.nextInt(bytes.length)) : bytes;
            Socket socket = new Socket(address.getHost(), address.getPort());
            try {
                socket.setSoTimeout(60_000);
                OutputStream out = socket.getOutputStream();
                out.write(bytes);
                switch (random.nextInt(4)) {
                    case 0 -> silent.add(socket);
                    case 1 -> {
                        socket.shutdownOutput();
                        socket.getInputStream().readAllBytes();
                    }
                    default -> socket.setSoLinger(random.nextBoolean(), 0);
                }
            } catch (IOException reset) {
                // the service cuts off who talks nonsense
            }
            if (!socket.equals(silent.peekLast())) {
                socket.close();
            } else if (silent.size() > MOST_SILENT) {
                silent.remove().close();
            }
        }
        JsonNode after = JSON.readTree(send("/predict", image).body()).get("predictions");
        assertEquals(before.findValuesAsText("name"), after.findValuesAsText("name"), "seed " + seed);
        for (int i = 0; i < before.size(); i++) { // it may have gone through with others, in another order of sums
            assertEquals(before.get(i).get("probability").doubleValue(), after.get(i).get("probability").doubleValue(), 1e-5);
        }
        for (Socket socket : silent) {
            socket.close();
        }
        process.signal("TERM");
        Outcome end = process.finish();
        assertEquals(0, end.code(), () -> "seed " + seed + ": " + end);
        assertFalse(end.out().contains("\"fault\"") || end.out().contains("\"status\":500"), () -> "seed " + seed + ": " + end);
    }

    private static byte[] request(String path, byte[] body) {
        byte[] head = ("POST " + path + " HTTP/1.1\r\nHost: localhost\r\nContent-Length: " + body.length
                + "\r\nConnection: close\r\n\r\n").getBytes(StandardCharsets.ISO_8859_1);
        byte[] all = Arrays.copyOf(head, head.length + body.length);
        System.arraycopy(body, 0, all, head.length, body.length);
        return all;
    }
}
