package duet.cli.serve;

import java.io.PrintWriter;
import java.io.StringWriter;
import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;

import duet.cli.output.Output;
import duet.cli.web.WebServer;

/**
 * What a service tells those who run it: with --json an object for everything that happens, else what people want to know. Written by a
 * thread of its own: a reader who does not read holds up no client. What it has no room for is left out, and counted.
 */
final class ServiceLog implements AutoCloseable {
    private static final double NANOSECONDS_A_MILLISECOND = 1e6;
    private static final int MOST_WAITING = 10_000;
    private static final long LAST_LINES_SECONDS = 10;

    private final Output output;
    private final ThreadPoolExecutor writer = new ThreadPoolExecutor(1, 1, 0, TimeUnit.SECONDS, new ArrayBlockingQueue<>(MOST_WAITING),
            Thread.ofPlatform().name("duet-log").daemon().factory(), (line, full) -> leaveOut());
    private final AtomicLong leftOut = new AtomicLong();

    ServiceLog(Output output) {
        this.output = output;
    }

    private void leaveOut() {
        leftOut.incrementAndGet();
    }

    private void write(Runnable line) {
        writer.execute(() -> {
            long missing = leftOut.getAndSet(0);
            if (missing > 0) {
                output.warn(missing + " line(s) of the log are left out: nobody has read them in time");
            }
            line.run();
        });
    }

    /** @param page with the token, for people only: it does not go into the log of objects */
    void serving(String address, String page, List<String> models, String devices) {
        event("serving", Map.of("address", address, "models", models));
        write(() -> {
            output.say("serving " + String.join(", ", models) + " on " + devices);
            output.say("open " + page + " (Ctrl-C ends it)");
        });
    }

    void loaded(ServedModel model, ModelVersion version) {
        event("loaded", Map.of("model", model.name(), "version", version.version()));
        write(() -> output.say(model.name() + ": version " + version.version() + " is served now"));
    }

    void warn(String model, String sentence) {
        event("warning", Map.of("model", model, "message", sentence));
        write(() -> output.warn(model + ": " + sentence));
    }

    void answered(WebServer.Answered answer) {
        Map<String, Object> values = new LinkedHashMap<>();
        values.put("method", answer.method());
        values.put("path", answer.asked());
        values.put("status", answer.status());
        values.put("bytes", answer.bytes());
        values.put("milliseconds", answer.took().toNanos() / NANOSECONDS_A_MILLISECOND);
        if (answer.fault() != null) {
            StringWriter trace = new StringWriter();
            answer.fault().printStackTrace(new PrintWriter(trace));
            values.put("fault", trace.toString());
            write(() -> output.warn(answer.method() + " " + answer.path() + ": " + trace));
        }
        event("request", values);
    }

    private void event(String name, Map<String, Object> values) {
        if (output.json()) {
            Map<String, Object> event = new LinkedHashMap<>();
            event.put("event", name);
            event.put("time", Instant.now().toString());
            event.putAll(values);
            write(() -> output.object(event));
        }
    }

    /** Writes what is left, if somebody reads it. */
    @Override
    public void close() {
        writer.shutdown();
        try {
            if (!writer.awaitTermination(LAST_LINES_SECONDS, TimeUnit.SECONDS)) {
                writer.shutdownNow();
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
