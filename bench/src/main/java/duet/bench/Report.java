package duet.bench;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

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

    private final Path folder;
    private final ObjectNode result = JSON.createObjectNode();
    private final List<String> summary = new ArrayList<>();

    private Report(Path folder) {
        this.folder = folder;
    }

    public static void main(String[] arguments) throws IOException {
        Report report = new Report(Path.of(arguments[0]));
        report.machine();
        report.tests();
        report.conformance();
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
        summary.add("tests: %d ran, %d failed, %d skipped%s".formatted(ran, failed, sums[1], ran == 0 ? ": NOTHING WAS TESTED" : ""));
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

    /** A line for each way to do the step; of several rounds the median of medians. */
    private void times() throws IOException {
        Map<String, List<JsonNode>> groups = new LinkedHashMap<>();
        for (String line : lines("times.jsonl")) {
            JsonNode time = JSON.readTree(line);
            result.withArrayProperty("times").add(time);
            String key = "%-5d %-12s %-8s %-36s %s".formatted(time.path("batch").asInt(), time.path("precision").asText(),
                    time.path("engine").asText(), time.path("variant").asText(), time.path("devices").asText());
            groups.computeIfAbsent(key, ignored -> new ArrayList<>()).add(time);
        }
        if (groups.isEmpty()) {
            summary.add("times: none");
            return;
        }
        summary.add("batch precision    engine   variant                              devices: median ms of a step, images/s");
        groups.entrySet().stream()
                .sorted(Comparator.comparing((Map.Entry<String, ?> entry) -> Integer.parseInt(entry.getKey().split(" ")[0]))
                        .thenComparingDouble(entry -> milliseconds(groups.get(entry.getKey()))))
                .forEach(entry -> {
                    double milliseconds = milliseconds(entry.getValue());
                    JsonNode one = entry.getValue().getFirst();
                    summary.add(entry.getKey() + (Double.isFinite(milliseconds)
                            ? ": %.3f, %,.0f".formatted(milliseconds, one.path("batch").asInt() / milliseconds * 1e3)
                            : ": " + one.path("error").asText()));
                });
    }

    private static double milliseconds(List<JsonNode> rounds) {
        double[] all = rounds.stream().filter(round -> round.has("milliseconds")).mapToDouble(round -> round.get("milliseconds").asDouble())
                .sorted().toArray();
        return all.length == 0 ? Double.POSITIVE_INFINITY : all[all.length / 2];
    }
}
