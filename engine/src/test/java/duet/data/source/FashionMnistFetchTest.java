package duet.data.source;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executors;
import java.util.stream.Stream;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import duet.data.DataException;
import duet.data.Split;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class FashionMnistFetchTest {
    private static final Duration PATIENCE = Duration.ofSeconds(20);

    @TempDir
    private Path root;
    private Path served;
    private Path target;
    private HttpServer server;
    private final List<String> asked = new ArrayList<>();
    private final ConcurrentHashMap<String, Answer> answers = new ConcurrentHashMap<>();
    private final CountDownLatch over = new CountDownLatch(1);

    private interface Answer {
        void to(HttpExchange exchange, byte[] file) throws IOException;
    }

    @BeforeEach
    void serve() throws IOException {
        served = Files.createDirectory(root.resolve("served"));
        target = root.resolve("deep/target");
        IdxWriter.fashionMnist(served, 30, 20);
        for (FashionMnistFetch.Item item : FashionMnistFetch.ITEMS) {
            Path plain = served.resolve(item.name());
            if (Files.exists(plain)) {
                Files.write(served.resolve(item.name() + ".gz"), IdxWriter.gzip(Files.readAllBytes(plain)));
            }
        }
        server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        server.setExecutor(Executors.newVirtualThreadPerTaskExecutor());
        server.createContext("/files/", this::answer);
        server.start();
    }

    @AfterEach
    void stop() {
        over.countDown();
        server.stop(0);
    }

    private void answer(HttpExchange exchange) throws IOException {
        String name = exchange.getRequestURI().getPath().substring("/files/".length());
        synchronized (asked) {
            asked.add(name);
        }
        byte[] file = Files.readAllBytes(served.resolve(name));
        answers.getOrDefault(name, FashionMnistFetchTest::whole).to(exchange, file);
    }

    private static void whole(HttpExchange exchange, byte[] file) throws IOException {
        exchange.sendResponseHeaders(200, file.length);
        try (OutputStream out = exchange.getResponseBody()) {
            out.write(file);
        }
    }

    private List<FashionMnistFetch.Item> items() throws Exception {
        List<FashionMnistFetch.Item> items = new ArrayList<>();
        for (FashionMnistFetch.Item item : FashionMnistFetch.ITEMS) {
            try (var in = new java.util.zip.GZIPInputStream(Files.newInputStream(served.resolve(item.name() + ".gz")))) {
                byte[] content = in.readAllBytes();
                items.add(new FashionMnistFetch.Item(item.name(), content.length,
                        HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(content))));
            }
        }
        return items;
    }

    private FashionMnistFetch fetcher(Duration patience) throws Exception {
        return new FashionMnistFetch(URI.create("http://127.0.0.1:" + server.getAddress().getPort() + "/files"), items(), patience);
    }

    private String refused(FashionMnistFetch fetch) throws IOException {
        String message = assertTimeoutPreemptively(Duration.ofSeconds(60),
                () -> assertThrows(DataException.class, () -> fetch.fetch(target, (file, bytes, total) -> {})).getMessage());
        assertFalse(message.contains("\n"), message);
        try (Stream<Path> left = Files.list(target)) {
            assertEquals(List.of(), left.filter(file -> file.toString().endsWith(".part")).toList());
        }
        return message;
    }

    @Test
    void whatIsFetchedOpens() throws Exception {
        List<String> progress = new ArrayList<>();
        fetcher(PATIENCE).fetch(target, (file, bytes, total) -> progress.add(file + " " + bytes + " of " + total));
        for (FashionMnistFetch.Item item : FashionMnistFetch.ITEMS) {
            assertArrayEquals(Files.readAllBytes(served.resolve(item.name() + ".gz")),
                    Files.readAllBytes(target.resolve(item.name() + ".gz")));
            long size = Files.size(served.resolve(item.name() + ".gz"));
            assertTrue(progress.contains(item.name() + ".gz " + size + " of " + size), progress::toString);
        }
        try (Split split = FashionMnist.images(FashionMnist.locate(List.of(root.resolve("none"), target))).open()) {
            assertEquals(30, split.training().size());
        }
    }

    @Test
    void rightFilesAreKeptAndWrongOnesReplaced() throws Exception {
        FashionMnistFetch fetch = fetcher(PATIENCE);
        fetch.fetch(target, (file, bytes, total) -> {});
        asked.clear();
        Files.writeString(target.resolve("t10k-labels-idx1-ubyte.gz"), "half a file");
        fetch.fetch(target, (file, bytes, total) -> {});
        assertEquals(List.of("t10k-labels-idx1-ubyte.gz"), asked);
        asked.clear();
        fetch.fetch(target, (file, bytes, total) -> assertEquals(0, bytes));
        assertEquals(List.of(), asked);
    }

    @Test
    void anotherFileIsRefused() throws Exception {
        FashionMnistFetch fetch = fetcher(PATIENCE);
        String name = "train-labels-idx1-ubyte.gz";
        Files.write(served.resolve(name), IdxWriter.gzip(IdxWriter.idx(new byte[30], 30)));
        String message = refused(fetch);
        assertTrue(message.contains(name) && message.contains("SHA-256"), message);
        assertFalse(Files.exists(target.resolve(name)));
        assertTrue(Files.exists(target.resolve("train-images-idx3-ubyte.gz")), "what was right stays");
        Files.write(served.resolve(name), IdxWriter.gzip(IdxWriter.idx(new byte[31], 31)));
        assertTrue(refused(fetch).contains("instead of 38"));
        Files.writeString(served.resolve(name), "<html>welcome to the hotel's network</html>");
        assertTrue(refused(fetch).contains("no whole gzip file"));
        Files.write(served.resolve(name), new byte[1 << 20]);
        assertTrue(refused(fetch).contains("larger than"));
    }

    @Test
    void statusesAreNamed() throws Exception {
        for (int status : new int[] {404, 500, 204}) {
            answers.put("train-images-idx3-ubyte.gz", (exchange, file) -> {
                exchange.sendResponseHeaders(status, -1);
                exchange.close();
            });
            String message = refused(fetcher(PATIENCE));
            assertTrue(message.contains("status " + status) && message.contains("train-images-idx3-ubyte.gz"), message);
        }
    }

    @Test
    void aConnectionThatIsCutIsAnError() throws Exception {
        answers.put("t10k-images-idx3-ubyte.gz", (exchange, file) -> {
            exchange.sendResponseHeaders(200, file.length);
            exchange.getResponseBody().write(file, 0, file.length / 2);
            exchange.getResponseBody().flush();
            throw new IOException("cut");
        });
        String message = refused(fetcher(PATIENCE));
        assertTrue(message.contains("t10k-images-idx3-ubyte.gz") && message.contains("try again"), message);
        assertFalse(Files.exists(target.resolve("t10k-images-idx3-ubyte.gz")));
    }

    @Test
    void aServerThatFallsSilentIsGivenUp() throws Exception {
        Duration impatience = Duration.ofMillis(700);
        answers.put("train-images-idx3-ubyte.gz", (exchange, file) -> {
            exchange.sendResponseHeaders(200, file.length);
            exchange.getResponseBody().write(file, 0, 5);
            exchange.getResponseBody().flush();
            await();
        });
        String message = refused(fetcher(impatience));
        assertTrue(message.contains("nothing came for 0.7 s"), message);
        answers.put("train-images-idx3-ubyte.gz", (exchange, file) -> await());
        assertTrue(refused(fetcher(impatience)).contains("did not answer"));
    }

    private void await() throws IOException {
        try {
            over.await();
        } catch (InterruptedException e) {
            throw new IOException(e);
        }
    }

    @Test
    void nobodyListensOrNoAddress() throws Exception {
        FashionMnistFetch fetch = fetcher(PATIENCE);
        server.stop(0);
        assertTrue(refused(fetch).contains("cannot be reached"));
        assertThrows(DataException.class, () -> new FashionMnistFetch(URI.create("ftp://127.0.0.1/")));
        assertThrows(DataException.class, () -> new FashionMnistFetch(URI.create("nonsense")));
    }

    @Test
    void aFolderThatCannotBeMadeIsNamed() throws Exception {
        Path file = Files.createFile(root.resolve("file"));
        FashionMnistFetch fetch = fetcher(PATIENCE);
        assertTrue(assertThrows(DataException.class, () -> fetch.fetch(file.resolve("inside"), (name, bytes, total) -> {})).getMessage()
                .contains(file.toString()));
    }

    /** The sums in the program, against the real files where they are installed. */
    @Test
    void theRealFilesHaveTheseSums() throws Exception {
        Path folder = FashionMnist.usualFolders().getFirst();
        assumeTrue(Files.isDirectory(folder), "needs Fashion-MNIST: apt-get install dataset-fashion-mnist");
        for (FashionMnistFetch.Item item : FashionMnistFetch.ITEMS) {
            Files.createDirectories(target);
            Files.copy(folder.resolve(item.name() + ".gz"), target.resolve(item.name() + ".gz"));
        }
        URI nowhere = URI.create("http://127.0.0.1:" + server.getAddress().getPort() + "/none/");
        new FashionMnistFetch(nowhere).fetch(target, (file, bytes, total) -> assertEquals(0, bytes));
    }
}
