package duet.plan;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;

import duet.device.Operation;
import duet.device.Step;
import duet.device.StreamSteps;
import duet.device.Tensor;
import duet.plan.PlanSummary.Phase;

/** Plans for people: as text, as JSON, and as a drawing. */
public final class PlanReport {
    private PlanReport() {}

    /** Layers, exchanges, memory and the steps of every stream, as lines of text. */
    public static String toText(Plan plan) {
        return String.join("\n", overview(plan)) + "\n" + steps(plan);
    }

    /**
     * One JSON object: {@code network, placement, mode, batch, layers, devices, tensors, streams}. Bytes and FLOP are those of one run;
     * steps name tensors by their ids.
     */
    public static String toJson(Plan plan) {
        return PlanJson.write(plan);
    }

    /**
     * A drawing for Graphviz's {@code dot}: for each device a row for the way forward and one for the way back, a node for each
     * layer with weights and what follows it, and the copies between the devices.
     */
    public static String toDot(Plan plan) {
        return PlanDrawing.draw(plan);
    }

    private static List<String> overview(Plan plan) {
        PlanSummary summary = PlanSummary.of(plan);
        List<String> lines = new ArrayList<>();
        int devices = plan.placement().devices();
        lines.add(plan.network().name() + ", " + plan.mode() + ", batch " + plan.batch() + ", "
                + (devices == 1 ? "one device" : "two towers"));
        lines.add("");
        lines.addAll(layers(plan, summary));
        lines.add("");
        lines.addAll(totals(plan, summary));
        for (int device = 0; device < devices; device++) {
            lines.add("");
            lines.addAll(memory(device, summary.devices().get(device)));
        }
        return lines;
    }

    private static List<String> layers(Plan plan, PlanSummary summary) {
        boolean exchanges = plan.placement().devices() > 1;
        List<List<String>> cells = new ArrayList<>();
        cells.add(new ArrayList<>(List.of("layer", "output", "parameters", "MFLOP forward", "MFLOP backward", "")));
        cells.getFirst().addAll(exchanges ? List.of("kB in forward", "kB in backward", "where") : List.of());
        for (PlanSummary.Row row : summary.layers()) {
            List<String> line = new ArrayList<>(
                    List.of(row.name(), row.output().toString(), row.parameters() == 0 ? "" : number(row.parameters()),
                            mega(row, Phase.FORWARD, plan), mega(row, Phase.BACKWARD, plan), ""));
            if (exchanges) {
                line.add(row.forwardBytes() == 0 ? "" : number(row.forwardBytes() / 1e3 / plan.batch()));
                line.add(row.backwardBytes() == 0 ? "" : number(row.backwardBytes() / 1e3 / plan.batch()));
                line.add(row.where());
            }
            cells.add(line);
        }
        List<String> lines = new ArrayList<>(table(cells));
        lines.add("FLOP and bytes are those of one image" + (exchanges ? "; \"kB in\" is what each device receives from the other." : "."));
        return lines;
    }

    private static String mega(PlanSummary.Row row, Phase phase, Plan plan) {
        long flop = row.flop().getOrDefault(phase, 0L);
        return flop == 0 ? "" : number(flop / 1e6 / plan.batch());
    }

    private static List<String> totals(Plan plan, PlanSummary summary) {
        long parameters = summary.layers().stream().mapToLong(PlanSummary.Row::parameters).sum();
        double forward = weighted(summary, Phase.FORWARD) / (double) plan.batch();
        double backward = weighted(summary, Phase.BACKWARD) / (double) plan.batch();
        List<String> lines = new ArrayList<>();
        lines.add(String.format(Locale.ROOT, "parameters   %,d", parameters));
        lines.add(plan.mode() == Mode.TRAINING
                ? String.format(Locale.ROOT, "an image     %.3f GFLOP forward, %.3f backward, %.3f in all (layers with parameters)",
                        forward / 1e9, backward / 1e9, (forward + backward) / 1e9)
                : String.format(Locale.ROOT, "an image     %.3f GFLOP forward (layers with parameters)", forward / 1e9));
        long in = summary.layers().stream().mapToLong(PlanSummary.Row::forwardBytes).sum();
        long back = summary.layers().stream().mapToLong(PlanSummary.Row::backwardBytes).sum();
        if (in + back > 0) {
            lines.add(String.format(Locale.ROOT, "a step       %s each way forward", bytes(in))
                    + (back == 0 ? "" : ", " + bytes(back) + " each way backward"));
        }
        return lines;
    }

    /** FLOP of the layers that have parameters, over all devices. */
    static long weighted(PlanSummary summary, Phase phase) {
        return summary.layers().stream().filter(row -> row.parameters() > 0).mapToLong(row -> row.flop().getOrDefault(phase, 0L)).sum();
    }

    private static List<String> memory(int device, PlanSummary.Memory memory) {
        List<String> lines = new ArrayList<>();
        lines.add("device " + device + "     " + bytes(memory.persistentBytes() + memory.transientBytes() + memory.preparedBytes()));
        lines.add("  persistent " + bytes(memory.persistentBytes()) + ": " + memory.persistent().entrySet().stream()
                .map(entry -> plural(entry.getKey()) + " " + bytes(entry.getValue())).collect(Collectors.joining(", ")));
        long apart = memory.uses().values().stream().mapToLong(Long::longValue).sum();
        lines.add("  transient  " + bytes(memory.transientBytes()) + " (lower bound " + bytes(memory.peak()) + "), shared by "
                + bytes(apart) + ": " + memory.uses().entrySet().stream()
                        .map(entry -> lower(entry.getKey()) + " " + bytes(entry.getValue())).collect(Collectors.joining(", ")));
        if (memory.preparedBytes() > 0) {
            lines.add("  prepared   " + bytes(memory.preparedBytes()) + ": filters in the form that is fastest to use");
        }
        return lines;
    }

    private static String plural(Tensor.Role role) {
        return role == Tensor.Role.MOMENTUM ? "momentum" : lower(role) + "s";
    }

    private static String steps(Plan plan) {
        Map<Integer, String> recorders = new HashMap<>();
        for (StreamSteps stream : plan.streams()) {
            for (Step step : stream.steps()) {
                if (step instanceof Step.Record record) {
                    recorders.put(record.event(), stream.label());
                }
            }
        }
        StringBuilder text = new StringBuilder();
        for (StreamSteps stream : plan.streams()) {
            text.append('\n').append(stream.label()).append('\n');
            for (int i = 0; i < stream.steps().size(); i++) {
                text.append(String.format(Locale.ROOT, "%4d  %s%n", i, step(stream.steps().get(i), recorders)));
            }
        }
        return text.toString();
    }

    private static String step(Step step, Map<Integer, String> recorders) {
        return switch (step) {
            case Step.Launch(Operation operation, var workspace, var method) ->
                String.format(Locale.ROOT, "%-29s %-10s %s -> %s%s%s", operation.kind(),
                        operation.layer(), names(operation.reads()), names(operation.writes()), method.isEmpty() ? "" : " by " + method,
                        workspace == null ? "" : " (workspace " + bytes(workspace.bytes()) + ")");
            case Step.Copy copy -> String.format(Locale.ROOT, "%-29s %-10s %s@%d -> %s (%s)", "copy", copy.layer(), copy.from().name(),
                    copy.from().device(), copy.to().name(), bytes(copy.to().dataBytes()));
            case Step.Record record -> "record event " + record.event();
            case Step.Wait wait -> "wait for event " + wait.event() + " of " + recorders.get(wait.event());
        };
    }

    private static String names(List<Tensor> tensors) {
        return tensors.stream().map(Tensor::name).collect(Collectors.joining(", "));
    }

    /** Columns as wide as they need to be; numbers to the right. */
    private static List<String> table(List<List<String>> cells) {
        int columns = cells.getFirst().size();
        List<String> lines = new ArrayList<>();
        for (List<String> row : cells) {
            StringBuilder line = new StringBuilder();
            for (int column = 0; column < columns; column++) {
                int index = column;
                int width = cells.stream().mapToInt(other -> other.get(index).length()).max().orElse(0);
                boolean left = column < 2 || column == 8;
                String cell = row.get(column);
                String space = " ".repeat(width - cell.length());
                line.append(left ? cell + space : space + cell).append(width == 0 ? "" : "  ");
            }
            lines.add(line.toString().stripTrailing());
        }
        return lines;
    }

    private static String lower(Enum<?> constant) {
        return constant.name().toLowerCase(Locale.ROOT).replace('_', ' ');
    }

    private static String number(long value) {
        return String.format(Locale.ROOT, "%,d", value);
    }

    private static String number(double value) {
        return String.format(Locale.ROOT, value < 0.01 ? "%.5f" : value < 10 ? "%.3f" : "%,.1f", value);
    }

    /** In decimal units. */
    static String bytes(long bytes) {
        return bytes < 1000 ? bytes + " B"
                : bytes < 1_000_000 ? String.format(Locale.ROOT, "%.1f kB", bytes / 1e3)
                : bytes < 1_000_000_000 ? String.format(Locale.ROOT, "%.1f MB", bytes / 1e6)
                : String.format(Locale.ROOT, "%.2f GB", bytes / 1e9);
    }
}
