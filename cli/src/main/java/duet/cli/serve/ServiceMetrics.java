package duet.cli.serve;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Collection;

import duet.cli.web.WebServer;
import io.prometheus.metrics.core.metrics.Counter;
import io.prometheus.metrics.core.metrics.GaugeWithCallback;
import io.prometheus.metrics.core.metrics.Histogram;
import io.prometheus.metrics.expositionformats.PrometheusTextFormatWriter;
import io.prometheus.metrics.model.registry.PrometheusRegistry;

/** What a service counts, as Prometheus reads it. */
final class ServiceMetrics {
    private static final double NANOSECONDS = 1e9;
    private static final double[] SECONDS = {0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10};
    private static final double[] IMAGES = {1, 2, 4, 8, 16, 32, 64, 128, 256};

    private final PrometheusRegistry registry = new PrometheusRegistry();
    private final Counter requests = Counter.builder().name("duet_requests_total").help("Requests that were answered.")
            .labelNames("method", "path", "status").register(registry);
    private final Histogram latency = Histogram.builder().name("duet_request_duration_seconds").help("From a request's head to its answer.")
            .labelNames("path").classicOnly().classicUpperBounds(SECONDS).register(registry);
    private final Histogram batches = Histogram.builder().name("duet_batch_images").help("Images that went through together.")
            .labelNames("model").classicOnly().classicUpperBounds(IMAGES).register(registry);
    private final Histogram waits = Histogram.builder().name("duet_batch_wait_seconds").help("How long a batch's first image had waited.")
            .labelNames("model").classicOnly().classicUpperBounds(SECONDS).register(registry);
    private final Histogram computing = Histogram.builder().name("duet_batch_compute_seconds").help("How long a batch was computed.")
            .labelNames("model").classicOnly().classicUpperBounds(SECONDS).register(registry);
    private final Counter reloads = Counter.builder().name("duet_reloads_total").help("Versions loaded after the start, or not.")
            .labelNames("model", "result").register(registry);

    /** @param models looked at whenever the metrics are read */
    ServiceMetrics(Collection<ServedModel> models) {
        GaugeWithCallback.builder().name("duet_waiting_images").help("Images that wait for their turn.").labelNames("model")
                .callback(gauge -> models.forEach(model -> gauge.call(
                        model.versions().stream().mapToInt(each -> each.classifier().waiting()).sum(), model.name())))
                .register(registry);
        GaugeWithCallback.builder().name("duet_model_version").help("The newest version: steps of training done.").labelNames("model")
                .callback(gauge -> models.forEach(model -> gauge.call(
                        Double.parseDouble(model.versions().getLast().version()), model.name())))
                .register(registry);
    }

    void answered(WebServer.Answered answer) {
        String path = answer.path() == null ? "none" : answer.path();
        requests.labelValues(answer.method().matches("[A-Z]{1,10}") ? answer.method() : "other", path,
                Integer.toString(answer.status())).inc();
        latency.labelValues(path).observe(seconds(answer.took()));
    }

    void computed(String model, int images, Duration waited, Duration took) {
        batches.labelValues(model).observe(images);
        waits.labelValues(model).observe(seconds(waited));
        computing.labelValues(model).observe(seconds(took));
    }

    void reloaded(String model, boolean well) {
        reloads.labelValues(model, well ? "loaded" : "failed").inc();
    }

    private static double seconds(Duration time) {
        return time.toNanos() / NANOSECONDS;
    }

    String text() throws IOException {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        PrometheusTextFormatWriter.create().write(out, registry.scrape());
        return out.toString(StandardCharsets.UTF_8);
    }
}
