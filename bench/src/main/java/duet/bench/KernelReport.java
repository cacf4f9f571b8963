package duet.bench;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.OffsetDateTime;
import java.time.temporal.ChronoUnit;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import duet.device.Backend;
import duet.device.Backends;
import duet.device.Machine;
import duet.device.MachinePeak;
import duet.device.Precision;

/**
 * Makes of JMH's result file one that {@code duet bench compare} and {@code duet bench roofline} read, and prints the table of kernels that
 * stands in bench/README.md.
 */
public final class KernelReport {
    /** Of FLOP for each byte: from here on a kernel is measured by its FLOP, whatever the machine, so that results can be compared. */
    private static final double COMPUTES = 10;
    private static final ObjectMapper JSON = new ObjectMapper().enable(SerializationFeature.INDENT_OUTPUT);

    private final ArrayNode measurements = JSON.createArrayNode();
    private MachinePeak peak;
    /** Of all kernels that ran with the same settings. */
    private final Map<String, Double> allSeconds = new HashMap<>();

    private KernelReport() {}

    /** @param arguments JMH's file, the file to write, and any that {@code duet bench -o} has written, whose measurements it takes along */
    public static void main(String[] arguments) {
        if (arguments.length < 2) {
            System.err.println("usage: KernelReport JMH.json RESULT.json [STEP.json...], the first by: "
                    + "java -jar benchmarks.jar Kernel -rf json -rff JMH.json, the last ones by: ./duet bench -o STEP.json");
            System.exit(2);
        }
        try {
            ObjectNode result = of(read(arguments[0]));
            for (String file : List.of(arguments).subList(2, arguments.length)) {
                result.withArray("measurements").addAll((ArrayNode) read(file).withArray("measurements"));
            }
            Files.writeString(Path.of(arguments[1]), JSON.writeValueAsString(result) + "\n");
            System.out.print(table(result));
        } catch (IOException e) {
            System.err.println("KernelReport: " + e.getMessage());
            System.exit(1);
        }
    }

    private static JsonNode read(String file) throws IOException {
        try {
            return JSON.readTree(Files.readString(Path.of(file)));
        } catch (JsonProcessingException e) {
            throw new IOException(file + " is not JSON: " + e.getOriginalMessage(), e);
        } catch (NoSuchFileException e) {
            throw new IOException(file + " does not exist", e);
        }
    }

    static ObjectNode of(JsonNode jmh) {
        KernelReport report = new KernelReport();
        for (JsonNode run : jmh) {
            if (run.path("secondaryMetrics").has(LimitProfiler.FLOP)) {
                report.probed(run);
            }
        }
        for (JsonNode run : jmh) {
            report.add(run);
        }
        ObjectNode root = JSON.createObjectNode().put("benchmark", "kernels").put("date",
                OffsetDateTime.now().truncatedTo(ChronoUnit.SECONDS).toString());
        try (Backend cpu = Backends.open("cpu", 1)) {
            root.set("machine", JSON.valueToTree(Machine.of(cpu)));
        }
        if (report.peak != null) {
            root.set("peak", JSON.valueToTree(report.peak));
        }
        root.set("measurements", report.measurements);
        return root;
    }

    /** The best of all probes is the machine's; each kernel's share is of the probes beside it. */
    private void probed(JsonNode run) {
        MachinePeak one = beside(run);
        peak = peak == null ? one : peak.best(one);
        allSeconds.merge(precision(run) + settings(run), seconds(run), Double::sum);
    }

    private static MachinePeak beside(JsonNode run) {
        int given = run.path("params").path("threads").asInt();
        return new MachinePeak(given == 0 ? Runtime.getRuntime().availableProcessors() : given, metric(run, LimitProfiler.PEAK_GFLOPS),
                metric(run, LimitProfiler.PEAK_BF16),
                metric(run, LimitProfiler.PEAK_READ), metric(run, LimitProfiler.PEAK_UPDATE));
    }

    /** Of the fastest run. */
    private static double seconds(JsonNode run) {
        return run.path("primaryMetric").path("scorePercentiles").path("0.0").asDouble() * 1e-3;
    }

    private void add(JsonNode run) {
        String benchmark = run.path("benchmark").asText().replaceAll("^.*\\.(\\w+)\\.(\\w+)$", "$1.$2");
        String settings = settings(run);
        if (!run.path("secondaryMetrics").has(LimitProfiler.FLOP)) {
            JsonNode metric = run.path("primaryMetric");
            measurements.addObject().put("name", benchmark + precision(run) + settings).put("value", metric.path("score").asDouble())
                    .put("unit", metric.path("scoreUnit").asText().replace("/op", "")).put("error", metric.path("scoreError").asText());
            return;
        }
        String kernel = run.path("params").path("kernel").asText();
        String precision = precision(run);
        double flop = metric(run, LimitProfiler.FLOP);
        double ownFlop = metric(run, LimitProfiler.OWN_FLOP);
        double bytes = metric(run, LimitProfiler.BYTES);
        double seconds = seconds(run);
        double gflops = metric(run, LimitProfiler.LIMIT_GFLOPS);
        double gigabytes = beside(run).memoryGigabytes();
        boolean computes = flop >= COMPUTES * bytes;
        measurements.addObject().put("name", kernel + precision + settings)
                .put("value", (computes ? flop : bytes) / seconds * 1e-9).put("unit", computes ? "GFLOP/s" : "GB/s")
                .put("kernel", kernel + precision).put("flop", flop).put("ownFlop", ownFlop).put("bytes", bytes).put("seconds", seconds)
                .put("share", LimitProfiler.share(flop, bytes, seconds, gflops, gigabytes))
                .put("ownShare", LimitProfiler.share(ownFlop, bytes, seconds, gflops, gigabytes))
                .put("ofStep", seconds / allSeconds.get(precision + settings));
    }

    /** Such as {@code , bf16}; fp32 is not told. */
    private static String precision(JsonNode run) {
        String precision = run.path("params").path("precision").asText(Precision.FP32.toString());
        return precision.equals(Precision.FP32.toString()) ? "" : ", " + precision;
    }

    /** Such as {@code , batch 128, threads 2}: what else a name tells beside the kernel. */
    private static String settings(JsonNode run) {
        StringBuilder settings = new StringBuilder();
        run.path("params").fields().forEachRemaining(entry -> {
            if (!entry.getKey().equals("kernel") && !entry.getKey().equals("precision")) {
                settings.append(", ").append(entry.getKey()).append(' ').append(entry.getValue().asText());
            }
        });
        return settings.toString();
    }

    private static double metric(JsonNode run, String name) {
        return run.path("secondaryMetrics").path(name).path("score").asDouble();
    }

    /** In Markdown. */
    static String table(JsonNode result) {
        StringBuilder text = new StringBuilder("| kernel | ms | of all kernels | | share of the limit | by its own operations |\n"
                + "| --- | ---: | ---: | ---: | ---: | ---: |\n");
        for (JsonNode measurement : result.path("measurements")) {
            if (measurement.has("share")) {
                boolean fewer = measurement.path("ownFlop").asDouble() < measurement.path("flop").asDouble();
                text.append(String.format(Locale.ROOT, "| %s | %.2f | %.1f %% | %.1f %s | %.0f %% | %s |%n",
                        measurement.path("kernel").asText(),
                        1e3 * measurement.path("seconds").asDouble(), 100 * measurement.path("ofStep").asDouble(),
                        measurement.path("value").asDouble(),
                        measurement.path("unit").asText(), 100 * measurement.path("share").asDouble(),
                        fewer ? String.format(Locale.ROOT, "%.0f %%", 100 * measurement.path("ownShare").asDouble()) : ""));
            } else {
                text.append(String.format(Locale.ROOT, "| %s | | | %.3g %s | | |%n", measurement.path("name").asText(),
                        measurement.path("value").asDouble(), measurement.path("unit").asText()));
            }
        }
        return text.toString();
    }
}
