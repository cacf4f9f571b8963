package duet.bench;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.databind.node.ObjectNode;

/** Puts what bench/gpu/run.sh has left in a folder into one file, result.json, and tells it in short in summary.txt. */
public final class Report {
    private static final ObjectMapper JSON = new ObjectMapper().enable(SerializationFeature.INDENT_OUTPUT);
    private static final Pattern SUITE = Pattern
            .compile("<testsuite [^>]*tests=\"(\\d+)\" skipped=\"(\\d+)\" failures=\"(\\d+)\" errors=\"(\\d+)\"");
    private static final Pattern SKIPPED = Pattern.compile("<skipped>(?:<!\\[CDATA\\[)?(.*?)(?:\\]\\]>)?</skipped>", Pattern.DOTALL);

    /** What timeout answers: its signal, and the one that cannot be refused. */
    private static final int TIMED_OUT = 124;
    private static final int KILLED = 137;
    private static final int NOTHING_TO_DO = 3;
    /** Percent of a second in which a kernel ran. */
    private static final int BUSY = 50;
    private static final int CHARACTERS = 60;

    private final Path folder;
    private final ObjectNode result = JSON.createObjectNode();
    private final List<String> summary = new ArrayList<>();

    private Report(Path folder) {
        this.folder = folder;
    }

    public static void main(String[] arguments) throws IOException {
        Report report = new Report(Path.of(arguments[0]));
        report.machine();
        report.clocks();
        report.stages();
        report.tests();
        report.conformance();
        report.probes();
        report.profile();
        report.times();
        JSON.writeValue(report.folder.resolve("result.json").toFile(), report.result);
        Files.write(report.folder.resolve("summary.txt"), report.summary);
        report.summary.forEach(System.out::println);
    }

    private List<String> lines(String file) throws IOException {
        Path path = folder.resolve(file);
        return Files.exists(path) ? Files.readAllLines(path) : List.of();
    }

    private void machine() throws IOException {
        ObjectNode machine = result.putObject("machine");
        for (String line : lines("machine.txt")) {
            int colon = line.indexOf(": ");
            String key = line.substring(0, colon);
            machine.withArrayProperty(key).add(line.substring(colon + 2));
            summary.add(line);
        }
    }

    private void tests() throws IOException {
        Path reports = folder.resolve("tests");
        if (!Files.isDirectory(reports)) {
            return;
        }
        int[] sums = new int[4];
        Map<String, Integer> reasons = new LinkedHashMap<>();
        List<Path> files;
        try (Stream<Path> walk = Files.walk(reports)) {
            files = walk.filter(file -> file.toString().endsWith(".xml")).sorted().toList();
        }
        for (Path file : files) {
            String text = Files.readString(file);
            Matcher suite = SUITE.matcher(text);
            if (suite.find()) {
                for (int i = 0; i < sums.length; i++) {
                    sums[i] += Integer.parseInt(suite.group(i + 1));
                }
            }
            for (Matcher skipped = SKIPPED.matcher(text); skipped.find();) {
                reasons.merge(reason(skipped.group(1)), 1, Integer::sum);
            }
        }
        int ran = sums[0] - sums[1];
        int failed = sums[2] + sums[3];
        ObjectNode tests = result.putObject("tests").put("ran", ran).put("skipped", sums[1]).put("failed", failed);
        reasons.forEach(tests.putObject("reasons")::put);
        summary.add(String.format(Locale.ROOT,
                "tests: %d ran, %d failed, %d skipped%s", ran, failed, sums[1], ran == 0 ? ": NOTHING WAS TESTED" : ""));
        reasons.forEach((reason, count) -> summary.add("  skipped " + count + ": " + reason));
    }

    /** Without the stack trace that stands below the reason. */
    private static String reason(String skipped) {
        return skipped.strip().lines().findFirst().orElse("").replace("org.opentest4j.TestAbortedException: ", "");
    }

    private void conformance() throws IOException {
        List<String> answers = lines("conformance.txt");
        if (answers.isEmpty()) {
            return;
        }
        List<String> differences = lines("differences.txt");
        ObjectNode conformance = result.putObject("conformance").put("file", "conformance.txt")
                .put("forms", answers.stream().filter(line -> line.startsWith("form ")).count())
                .put("misuses", answers.stream().filter(line -> line.startsWith("misuse ")).count());
        differences.forEach(conformance.putArray("fromVirtual")::add);
        summary.add("conformance: %s forms, %s misuses; compared with the virtual GPU's answers: %s".formatted(conformance.get("forms"),
                conformance.get("misuses"), differences.isEmpty() ? "not done" : differences.getLast()));
    }

    private List<JsonNode> objects(String file) throws IOException {
        List<JsonNode> objects = new ArrayList<>();
        for (String line : lines(file)) {
            try {
                objects.add(JSON.readTree(line));
            } catch (JsonProcessingException e) { // a stage may have been stopped within a line
                summary.add(file + " has a line that is not whole: " + line.substring(0, Math.min(CHARACTERS, line.length())));
            }
        }
        objects.removeIf(JsonNode::isMissingNode);
        return objects;
    }

    private void stages() throws IOException {
        for (JsonNode stage : objects("stages.jsonl")) {
            result.withArrayProperty("stages").add(stage);
            String ending = stage.path("rc").isNull() ? "not run" : switch (stage.path("rc").asInt()) {
                case 0 -> "ok";
                case NOTHING_TO_DO -> "skipped";
                case TIMED_OUT, KILLED -> "STOPPED after " + stage.path("seconds").asInt() + " s";
                default -> "FAILED (" + stage.path("rc").asInt() + ")";
            };
            summary.add(String.format(Locale.ROOT, "stage %-14s %4d s  %s: %s", stage.path("stage").asText(), stage.path("seconds").asInt(),
                    ending,
                    stage.path("found").asText()));
        }
    }

    private void probes() throws IOException {
        for (JsonNode probe : objects("probes.jsonl")) {
            result.withArrayProperty("probes").add(probe);
            summary.add("probe " + probe.path("probe").asText() + ": " + (probe.path("correct").asBoolean() ? "" : "WRONG; ")
                    + (probe.has("error") ? probe.path("error").asText() : probe.path("found").asText("results right, no rates")));
        }
    }

    private void profile() throws IOException {
        for (JsonNode kernel : objects("profile.jsonl")) {
            result.withArrayProperty("profile").add(kernel);
            summary.add(String.format(Locale.ROOT, "kernel %-22s %-7s batch %-5d", kernel.path("kernel").asText(),
                    kernel.path("precision").asText(),
                    kernel.path("batch").asInt())
                    + (kernel.has("milliseconds")
                            ? String.format(Locale.ROOT, "%8.3f ms, %.1f TFLOP/s, %.2f TB/s; model %.3f ms, %s binds",
                                    kernel.path("milliseconds").asDouble(),
                                    kernel.path("teraflops").asDouble(), kernel.path("terabytesPerSecond").asDouble(),
                                    kernel.path("modelMilliseconds").asDouble(), kernel.path("binds").asText("nothing known"))
                            : " ran"));
        }
    }

    /** While something ran: a card that waits has another clock. */
    private void clocks() throws IOException {
        double[] clocks = lines("clocks.csv").stream().map(line -> line.split("\\s*,\\s*"))
                .filter(cells -> cells.length == 4 && cells[0].matches("\\d+") && cells[3].matches("\\d+")
                        && Integer.parseInt(cells[3]) >= BUSY)
                .mapToDouble(cells -> Double.parseDouble(cells[0])).sorted().toArray();
        if (clocks.length > 0) {
            String text = String.format(Locale.ROOT, "clocks: %.0f MHz while busy (median of %d; %.0f to %.0f)", clocks[clocks.length / 2],
                    clocks.length,
                    clocks[0], clocks[clocks.length - 1]);
            summary.add(text);
            result.withObjectProperty("machine").put("clocks", text);
        }
    }

    private void times() throws IOException {
        List<JsonNode> times = objects("times.jsonl");
        result.putArray("times").addAll(times);
        new Ratios(times).tell(summary, result.putArray("ratios"));
    }
}
