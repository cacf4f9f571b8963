package duet.cli.web;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

import duet.cli.output.CommandFailure;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Both versions of HTTP, who may ask, and what clients do that they should not. */
class WebServerTest {
    private static final int MOST = 10_000;

    private final BlockingQueue<WebServer.Answered> log = new LinkedBlockingQueue<>();
    private final CountDownLatch begun = new CountDownLatch(1);
    private final CountDownLatch goOn = new CountDownLatch(1);
    private WebServer server;

    @BeforeEach
    void start() throws IOException {
        server = start(new Access("127.0.0.1", null));
    }

    private WebServer start(Access access) throws IOException {
        Routes routes = new Routes().get("/hello/{name}", x -> x.json(200, Map.of("hello", x.parameter("name"))))
                .post("/length", x -> x.text("text/plain", Integer.toString(x.body(MOST).length)))
                .open("/open", x -> x.text("text/plain", "open"))
                .get("/slow", x -> {
                    begun.countDown();
                    goOn.await();
                    x.text("text/plain", "done");
                })
                .get("/error", x -> {
                    throw new OutOfMemoryError("of /home/somebody");
                })
                .get("/refused", x -> {
                    throw new WebException(429, "too many", Map.of("Retry-After", "2"));
                })
                .get("/events", x -> {
                    try (Events events = x.events()) {
                        events.send("number", 1);
                        events.beat();
                        events.send("text", "two\nlines");
                    }
                });
        return WebServer.start(access, 0, routes, log::add);
    }

    @AfterEach
    void stop() throws IOException {
        goOn.countDown();
        server.close();
    }

    private HttpResponse<String> get(String path, String... headers) throws IOException, InterruptedException {
        return send(HttpClient.Version.HTTP_1_1, path, BodyPublishers.noBody(), "GET", headers);
    }

    private HttpResponse<String> send(HttpClient.Version version, String path, HttpRequest.BodyPublisher body, String method,
            String... headers) throws IOException, InterruptedException {
        try (HttpClient client = HttpClient.newBuilder().version(version).build()) {
            HttpRequest.Builder request = HttpRequest.newBuilder(server.address().resolve(path)).method(method, body);
            if (headers.length > 0) {
                request.headers(headers);
            }
            return client.send(request.build(), BodyHandlers.ofString());
        }
    }

    /** The bytes as they are, and what comes back until the server ends the connection. */
    private String raw(String request) throws IOException {
        URI address = server.address();
        try (Socket socket = new Socket(address.getHost(), address.getPort())) {
            OutputStream out = socket.getOutputStream();
            out.write(request.getBytes(StandardCharsets.ISO_8859_1));
            out.flush();
            socket.shutdownOutput();
            return new String(socket.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        }
    }

    @Test
    void bothVersionsOnOnePort() throws Exception {
        for (HttpClient.Version version : List.of(HttpClient.Version.HTTP_1_1, HttpClient.Version.HTTP_2)) {
            HttpResponse<String> hello = send(version, "/hello/w%C3%B6rld", BodyPublishers.noBody(), "GET");
            assertEquals(version, hello.version());
            assertEquals(200, hello.statusCode());
            assertEquals("{\"hello\":\"wörld\"}", hello.body());
            assertEquals("9", send(version, "/length", BodyPublishers.ofString("nine byte"), "POST").body());
        }
        assertEquals("/hello/{name}", log.take().path());
    }

    @Test
    void refusalsAreSentences() throws Exception {
        assertEquals("404 {\"error\":\"there is nothing at this path\"}", line(get("/nothing")));
        HttpResponse<String> method = get("/length");
        assertEquals("405 {\"error\":\"this path takes POST only\"}", line(method));
        assertEquals("POST", method.headers().firstValue("Allow").orElseThrow());
        HttpResponse<String> busy = get("/refused");
        assertEquals("429 {\"error\":\"too many\"}", line(busy));
        assertEquals("2", busy.headers().firstValue("Retry-After").orElseThrow());
        HttpResponse<String> error = get("/error");
        assertEquals("500 {\"error\":\"something went wrong here; the server's log says what\"}", line(error));
        WebServer.Answered fault = Stream.generate(this::next).filter(answered -> answered.status() == 500).findFirst().orElseThrow();
        assertEquals("of /home/somebody", fault.fault().getMessage());
        assertEquals("200 {\"hello\":\"x\"}", line(get("/hello/x")));
    }

    private WebServer.Answered next() {
        try {
            return log.take();
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    private static String line(HttpResponse<String> response) {
        return response.statusCode() + " " + response.body();
    }

    @Test
    void bodiesHaveALimit() throws Exception {
        HttpClient.Version one = HttpClient.Version.HTTP_1_1;
        assertEquals("10000", send(one, "/length", BodyPublishers.ofByteArray(new byte[MOST]), "POST").body());
        assertEquals(413, send(one, "/length", BodyPublishers.ofByteArray(new byte[MOST + 1]), "POST").statusCode());
        // without a length, so that it is found while reading
        HttpRequest.BodyPublisher chunks = BodyPublishers.ofInputStream(() -> new ByteArrayInputStream(new byte[MOST + 1]));
        assertEquals(413, send(one, "/length", chunks, "POST").statusCode());
        assertEquals(413, send(HttpClient.Version.HTTP_2, "/length", BodyPublishers.ofByteArray(new byte[MOST + 1]), "POST").statusCode());
        String cut = raw("POST /length HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\nonly this");
        assertTrue(cut.isEmpty() || cut.startsWith("HTTP/1.1 400 "), cut);
        assertEquals("200 {\"hello\":\"x\"}", line(get("/hello/x")));
    }

    /** A refusal reads the body, however late it comes: the connection serves the next request. */
    @Test
    void aRefusedBodyDoesNotEndTheConnection() throws Exception {
        try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), server.address().getPort())) {
            OutputStream out = socket.getOutputStream();
            out.write("POST /nothing HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\n\r\n".getBytes(StandardCharsets.ISO_8859_1));
            out.flush();
            Thread.sleep(200); // an answer that does not wait for the body would be sent now
            out.write("bodyGET /hello/x HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".getBytes(StandardCharsets.ISO_8859_1));
            out.flush();
            String answers = new String(socket.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
            assertTrue(answers.startsWith("HTTP/1.1 404 "), answers);
            assertTrue(answers.endsWith("{\"hello\":\"x\"}"), answers);
        }
    }

    /** Who waits to be asked for the body is told at once, and that the connection ends. */
    @Test
    void aRefusedBodyIsNotAskedFor() throws Exception {
        String answer = raw("POST /nothing HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n");
        assertTrue(answer.startsWith("HTTP/1.1 404 ") && answer.contains("Connection: close"), answer);
    }

    /** Java's client asks for HTTP/2 with its first request, whatever that is. */
    @Test
    void aBodyInChunksSurvivesTheWishForHttp2() throws Exception {
        HttpRequest.BodyPublisher chunks = BodyPublishers.ofInputStream(() -> new ByteArrayInputStream(new byte[MOST]));
        HttpResponse<String> answer = send(HttpClient.Version.HTTP_2, "/length", chunks, "POST");
        assertEquals("10000", answer.body());
        HttpRequest.BodyPublisher endless = BodyPublishers.ofInputStream(() -> new ByteArrayInputStream(new byte[100 * MOST]));
        assertEquals(413, send(HttpClient.Version.HTTP_2, "/length", endless, "POST").statusCode());
    }

    @Test
    void aNameThatIsMadeToPointHereIsRefused() throws Exception {
        assertTrue(raw("GET /hello/x HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n").startsWith("HTTP/1.1 421 "));
        for (String host : List.of("localhost", "localhost:80", "127.0.0.1", "127.1.2.3:99", "[::1]:80", "duet.localhost")) {
            String answer = raw("GET /hello/x HTTP/1.1\r\nHost: " + host + "\r\nConnection: close\r\n\r\n");
            assertTrue(answer.startsWith("HTTP/1.1 200 "), host + ": " + answer);
        }
    }

    @Test
    void theTokenIsAskedFor() throws Exception {
        server.close();
        server = start(new Access("127.0.0.1", "secret"));
        assertEquals(401, get("/hello/x").statusCode());
        assertEquals(401, get("/nothing").statusCode());
        assertEquals(401, get("/hello/x", "Authorization", "Bearer wrong").statusCode());
        assertEquals(401, get("/hello/x?token=wrong").statusCode());
        assertEquals(200, get("/open").statusCode());
        assertEquals(200, get("/hello/x", "Authorization", "Bearer secret").statusCode());
        HttpResponse<String> first = get("/hello/x?token=secret");
        assertEquals(200, first.statusCode());
        String cookie = first.headers().firstValue("Set-Cookie").orElseThrow();
        assertTrue(cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"), cookie);
        assertEquals(200, get("/hello/x", "Cookie", cookie.substring(0, cookie.indexOf(';'))).statusCode());
    }

    @Test
    void aTokenIsMadeWhereOthersCanAsk() throws Exception {
        assertNull(Access.of("localhost", null).token());
        assertNull(Access.of("::1", null).token());
        assertEquals("mine", Access.of("127.0.0.1", "mine").token());
        String made = Access.of("0.0.0.0", null).token();
        assertEquals(32, made.length());
        assertFalse(made.equals(Access.of("0.0.0.0", null).token()));
    }

    @Test
    void eventsArrive() throws Exception {
        HttpResponse<String> events = get("/events");
        assertEquals("text/event-stream;charset=utf-8", events.headers().firstValue("Content-Type").orElseThrow());
        assertEquals("event: number\ndata: 1\n\n:\n\nevent: text\ndata: \"two\\nlines\"\n\n", events.body());
    }

    @Test
    void closingWaitsForRequests() throws Exception {
        CompletableFuture<HttpResponse<String>> slow;
        try (HttpClient client = HttpClient.newHttpClient()) {
            slow = client.sendAsync(HttpRequest.newBuilder(server.address().resolve("/slow")).build(), BodyHandlers.ofString());
            begun.await();
            CompletableFuture<Void> closed = CompletableFuture.runAsync(() -> {
                try {
                    server.close();
                } catch (IOException e) {
                    throw new IllegalStateException(e);
                }
            });
            assertThrows(java.util.concurrent.TimeoutException.class, () -> closed.get(200, TimeUnit.MILLISECONDS));
            goOn.countDown();
            assertEquals("done", slow.get().body());
            closed.get();
        }
    }

    @Test
    void aPortThatIsTakenIsASentence() {
        CommandFailure taken = assertThrows(CommandFailure.class,
                () -> WebServer.start(new Access("127.0.0.1", null), server.address().getPort(), new Routes(), answered -> {}).close());
        assertTrue(taken.getMessage().startsWith("cannot listen on 127.0.0.1, port " + server.address().getPort() + ": "),
                taken.getMessage());
    }

    /** Whatever comes, the server answers the next client. */
    @Test
    void rubbishEndsNothing() throws Exception {
        long seed = new SplittableRandom().nextLong();
        SplittableRandom random = new SplittableRandom(seed);
        byte[] good = "POST /length HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\nConnection: close\r\n\r\nbody"
                .getBytes(StandardCharsets.ISO_8859_1);
        URI address = server.address();
        for (int i = 0; i < 500; i++) {
            byte[] bytes = good.clone();
            for (int change = random.nextInt(4); change >= 0; change--) {
                bytes[random.nextInt(bytes.length)] = (byte) random.nextInt();
            }
            bytes = Arrays.copyOf(bytes, random.nextInt(bytes.length + 1));
            try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), address.getPort())) {
                socket.getOutputStream().write(bytes);
                if (random.nextBoolean()) {
                    socket.shutdownOutput();
                    InputStream in = socket.getInputStream();
                    in.read();
                }
            } catch (IOException reset) {
                // the server may cut off who talks nonsense
            }
        }
        assertEquals("200 {\"hello\":\"x\"}", line(get("/hello/x")), "seed " + seed);
        assertTrue(log.stream().allMatch(answered -> answered.fault() == null), () -> log + ", seed " + seed);
    }
}
