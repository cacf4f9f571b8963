package duet.bench;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.TreeSet;
import java.util.stream.Stream;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;

/**
 * The times of training steps, and PyTorch's over Duet's by class of precision. Only what is equally exact is compared: PyTorch's best
 * variant of a class with each of Duet's precisions that is at least as exact as the class says.
 */
final class Ratios {
    /** What belongs together, the most exact first. */
    enum Exactness {
        /** Products of floats. bf16x6 loses nothing of a factor, and its sums are as exact. */
        FP32("fp32 (PyTorch with TF32 off)", List.of("fp32", "bf16x6")),
        /** Factors of 11 bits; of 16 in bf16x3. PyTorch's default is TF32 in convolutions alone. */
        TF32("TF32 (bf16x3: factors of 16 bits instead of 11)", List.of("TF32", "TF32 convolutions", "bf16x3")),
        /** Factors and maps of 8 bits, parameters as exact as floats. */
        BF16("bf16 (PyTorch: autocast)", List.of("bf16", "bf16 autocast"));

        private final String title;
        private final List<String> precisions;

        Exactness(String title, List<String> precisions) {
            this.title = title;
            this.precisions = precisions;
        }

        static Optional<Exactness> of(String precision) {
            return Stream.of(values()).filter(one -> one.precisions.contains(precision)).findFirst();
        }
    }

    /** One way to do the step; of several rounds the median of medians. */
    private record Row(JsonNode first, OptionalDouble milliseconds) {
        String text(String key) {
            return first.path(key).asText();
        }

        int batch() {
            return first.path("batch").asInt();
        }

        boolean duet() {
            return text("engine").equals("duet");
        }

        String name() {
            return String.format(Locale.ROOT, "%-5d %-17s %-8s %-36s %s", batch(), text("precision"), text("engine"), text("variant"),
                    text("devices"));
        }
    }

    private final List<Row> rows;

    /** @param times a line each of Throughput and pytorch.py */
    Ratios(List<JsonNode> times) {
        Map<String, List<JsonNode>> groups = new LinkedHashMap<>();
        times.forEach(time -> groups.computeIfAbsent(new Row(time, OptionalDouble.empty()).name(), _ -> new ArrayList<>()).add(time));
        rows = groups.values().stream().map(Ratios::row).toList();
    }

    private static Row row(List<JsonNode> rounds) {
        double[] all = rounds.stream().filter(round -> round.has("milliseconds")).mapToDouble(round -> round.get("milliseconds").asDouble())
                .sorted().toArray();
        JsonNode first = rounds.stream().filter(round -> round.has("milliseconds")).findFirst().orElse(rounds.getFirst());
        return new Row(first, all.length == 0 ? OptionalDouble.empty() : OptionalDouble.of(all[all.length / 2]));
    }

    /** A line for each way, the fastest of a batch first; then the ratios. */
    void tell(List<String> summary, ArrayNode ratios) {
        if (rows.isEmpty()) {
            summary.add("times: none");
            return;
        }
        summary.add("batch precision         engine   variant                              devices: median ms of a step, images/s");
        rows.stream().sorted(Comparator.comparingInt(Row::batch).thenComparingDouble(row -> row.milliseconds.orElse(Double.MAX_VALUE)))
                .forEach(row -> summary.add(row.name() + ": " + (row.milliseconds.isEmpty() ? without(row)
                        : String.format(Locale.ROOT, "%.3f, %,.0f", row.milliseconds.getAsDouble(),
                                row.batch() / row.milliseconds.getAsDouble() * 1e3))));
        if (rows.stream().anyMatch(row -> row.milliseconds.isPresent())) {
            summary.add("ratios: PyTorch's best time of the same class over Duet's on one device; above 1 Duet is faster");
        }
        for (Exactness exactness : Exactness.values()) {
            new TreeSet<>(rows.stream().map(Row::batch).toList()).forEach(batch -> ratio(exactness, batch, summary, ratios));
        }
    }

    private static String without(Row row) {
        return row.first.has("error") ? row.text("error")
                : row.first.has("note") ? "loss " + row.text("lastLoss") + "; " + row.text("note") : "no time";
    }

    private void ratio(Exactness exactness, int batch, List<String> summary, ArrayNode ratios) {
        List<Row> equal = rows.stream().filter(row -> row.batch() == batch && row.milliseconds.isPresent()
                && Exactness.of(row.text("precision")).equals(Optional.of(exactness))).toList();
        Optional<Row> best = equal.stream().filter(row -> !row.duet())
                .min(Comparator.comparingDouble(row -> row.milliseconds.getAsDouble()));
        List<Row> ours = equal.stream().filter(row -> row.duet() && row.text("variant").equals("one device")).toList();
        if (best.isEmpty() || ours.isEmpty()) {
            if (!equal.isEmpty()) {
                summary.add("  " + exactness.title + ", batch " + batch + ": no ratio without " + (ours.isEmpty() ? "Duet" : "PyTorch"));
            }
            return;
        }
        double theirs = best.get().milliseconds.getAsDouble();
        summary.add(String.format(Locale.ROOT, "  %s, batch %d: PyTorch's best is '%s' in %s, %.3f ms", exactness.title, batch,
                best.get().text("variant"), best.get().text("precision"), theirs));
        for (Row row : ours) {
            double ratio = theirs / row.milliseconds.getAsDouble();
            summary.add(String.format(Locale.ROOT, "    Duet in %s %.3f ms: %.2f", row.text("precision"), row.milliseconds.getAsDouble(),
                    ratio));
            ObjectNode one = ratios.addObject().put("class", exactness.name()).put("batch", batch).put("precision", row.text("precision"));
            one.put("ours", row.milliseconds.getAsDouble()).put("theirs", theirs).put("variant", best.get().text("variant"))
                    .put("ratio", ratio);
        }
    }
}
