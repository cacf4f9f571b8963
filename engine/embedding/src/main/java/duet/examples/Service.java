package duet.examples;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.Executors;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import duet.data.DataException;
import duet.data.source.Datasets;
import duet.device.Backends;
import duet.plan.Placement;
import duet.train.output.Checkpoint;
import duet.use.BackendThread;
import duet.use.BusyException;
import duet.use.SharedClassifier;

/** Answers image files with the most probable class: many threads ask one network, trained before. */
public final class Service {
    private static final int MOST_BYTES = 16 << 20;

    public static void main(String[] arguments) throws IOException {
        Checkpoint model = Checkpoint.read(Path.of(arguments[0]));
        BackendThread devices = BackendThread.open(() -> Backends.openDefault(1, 0));
        SharedClassifier classifier = SharedClassifier.create(devices, model, Placement.ONE_DEVICE,
                new SharedClassifier.Limits(16, 256, Duration.ofMillis(2)));
        HttpServer server = HttpServer.create(new InetSocketAddress("localhost", Integer.parseInt(arguments[1])), 0);
        server.setExecutor(Executors.newVirtualThreadPerTaskExecutor());
        server.createContext("/", exchange -> {
            try {
                byte[] file = exchange.getRequestBody().readNBytes(MOST_BYTES);
                byte[] pixels = Datasets.readImage("the body", file, model.stored());
                answer(exchange, 200, classifier.classify(pixels).getFirst().name());
            } catch (DataException e) {
                answer(exchange, 400, e.getMessage());
            } catch (BusyException e) {
                answer(exchange, 429, e.getMessage());
            }
        });
        server.start();
        System.out.println(server.getAddress().getPort());
    }

    private static void answer(HttpExchange exchange, int status, String text) throws IOException {
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        exchange.sendResponseHeaders(status, bytes.length);
        exchange.getResponseBody().write(bytes);
        exchange.close();
    }
}
