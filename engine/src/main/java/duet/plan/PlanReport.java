package duet.plan;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;

import duet.device.Operation;
import duet.device.Step;
import duet.device.StreamSteps;
import duet.device.Tensor;
import duet.plan.PlanSummary.Phase;
import duet.text.Table;
import duet.text.Text;

/** Plans for people: as text, as JSON, and as a drawing. */
public final class PlanReport {
    /** Up to so many devices each has its memory and steps listed. */
    private static final int MANY_DEVICES = 8;
    /** Steps alike in a row, less one, up to which each has a line. */
    private static final int LONG_ROW = 4;

    private PlanReport() {}

    /**
     * {@return layers, exchanges, memory and the steps of every stream, as lines of text} Of more than eight devices the one that needs
     * most memory is shown, of many steps alike in a row the first and the last.
     *
     * @param plan any
     */
    public static String toText(Plan plan) {
        PlanSummary summary = PlanSummary.of(plan);
        List<Integer> shown = shown(summary);
        return String.join("\n", overview(plan, summary, shown)) + "\n" + steps(plan, shown);
    }

    private static List<Integer> shown(PlanSummary summary) {
        Stream<Integer> all = IntStream.range(0, summary.devices().size()).boxed();
        return summary.devices().size() <= MANY_DEVICES ? all.toList()
                : all.max(Comparator.comparingLong(device -> summary.devices().get(device).bytes())).stream().toList();
    }

    /**
     * {@return one JSON object, on one line: {@code network, placement, mode, batch, layers, devices, tensors, streams}} Bytes and FLOP are
     * those of one run; steps name tensors by their ids.
     *
     * @param plan any
     */
    public static String toJson(Plan plan) {
        return PlanJson.write(plan);
    }

    /**
     * {@return the part of {@link #toJson} that is short: {@code network, placement, mode, batch, layers, devices}}
     *
     * @param plan any
     */
    public static String toSummaryJson(Plan plan) {
        return PlanJson.writeSummary(plan);
    }

    /**
     * {@return a drawing for Graphviz's {@code dot}} For each device there is a row for the way forward and one for the way back, a node
     * for each layer with weights and what follows it, and the copies between the devices.
     *
     * @param plan any
     */
    public static String toDot(Plan plan) {
        return PlanDrawing.draw(plan);
    }

    private static List<String> overview(Plan plan, PlanSummary summary, List<Integer> shown) {
        List<String> lines = new ArrayList<>();
        lines.add(plan.network().name() + ", " + plan.mode() + ", batch " + plan.batch() + ", "
                + plan.placement().words());
        lines.add("");
        lines.addAll(layers(plan, summary));
        lines.add("");
        lines.addAll(totals(plan, summary));
        for (int device : shown) {
            lines.add("");
            lines.addAll(memory(device, summary));
        }
        return lines;
    }

    private static List<String> layers(Plan plan, PlanSummary summary) {
        boolean exchanges = plan.placement().devices() > 1;
        Table table = new Table(exchanges ? "llrrrrrl" : "llrrr");
        List<String> heading = new ArrayList<>(List.of("layer", "output", "parameters", "MFLOP forward", "MFLOP backward"));
        heading.addAll(exchanges ? List.of("in forward", "in backward", "where") : List.of());
        table.row(heading.toArray(String[]::new));
        for (PlanSummary.Row row : summary.layers()) {
            List<String> line = new ArrayList<>(List.of(row.name(), row.output().toString(),
                    row.parameters() == 0 ? "" : Text.count(row.parameters()), mega(row, Phase.FORWARD, plan),
                    mega(row, Phase.BACKWARD, plan)));
            if (exchanges) {
                line.add(row.forwardBytes() == 0 ? "" : Text.bytes(row.forwardBytes() / plan.batch()));
                line.add(row.backwardBytes() == 0 ? "" : Text.bytes(row.backwardBytes() / plan.batch()));
                line.add(row.where());
            }
            table.row(line.toArray(String[]::new));
        }
        List<String> lines = new ArrayList<>(table.lines());
        lines.add("FLOP and bytes are those of one image" + (exchanges ? "; \"in\" is what each device receives from others." : "."));
        return lines;
    }

    private static String mega(PlanSummary.Row row, Phase phase, Plan plan) {
        long flop = row.flop().getOrDefault(phase, 0L);
        return flop == 0 ? "" : Text.rate(flop / (double) plan.batch() / 1e6);
    }

    private static List<String> totals(Plan plan, PlanSummary summary) {
        long parameters = summary.layers().stream().mapToLong(PlanSummary.Row::parameters).sum();
        long forward = weighted(summary, Phase.FORWARD) / plan.batch();
        long backward = weighted(summary, Phase.BACKWARD) / plan.batch();
        List<String> lines = new ArrayList<>();
        lines.add("parameters   " + Text.count(parameters));
        lines.add("an image     " + Text.flop(forward) + " forward"
                + (plan.mode() == Mode.TRAINING ? ", " + Text.flop(backward) + " backward, " + Text.flop(forward + backward) + " in all"
                        : "")
                + " (layers with parameters)");
        long in = summary.received(Phase.FORWARD);
        long back = summary.received(Phase.BACKWARD);
        if (in + back > 0) {
            lines.add("a step       each device receives " + (alike(summary) ? "" : "up to ")
                    + (in == 0 ? "" : Text.bytes(in) + " forward") + (in == 0 || back == 0 ? "" : ", ")
                    + (back == 0 ? "" : Text.bytes(back) + " backward"));
        }
        return lines;
    }

    private static boolean alike(PlanSummary summary) {
        return summary.devices().stream().map(PlanSummary.Memory::received).distinct().count() == 1;
    }

    /** FLOP of the layers that have parameters, over all devices. */
    static long weighted(PlanSummary summary, Phase phase) {
        return summary.layers().stream().filter(row -> row.parameters() > 0).mapToLong(row -> row.flop().getOrDefault(phase, 0L)).sum();
    }

    private static List<String> memory(int device, PlanSummary summary) {
        PlanSummary.Memory memory = summary.devices().get(device);
        List<String> lines = new ArrayList<>();
        int others = summary.devices().size() - 1;
        lines.add("device " + device + "     " + Text.bytes(memory.bytes())
                + (others == 0 ? "" : ", " + Text.percent(summary.share(device)) + " of the work")
                + (others < MANY_DEVICES ? "" : "; none of the other " + others + " takes more"));
        lines.add("  persistent " + Text.bytes(memory.persistentBytes()) + ": " + memory.persistent().entrySet().stream()
                .map(entry -> plural(entry.getKey()) + " " + Text.bytes(entry.getValue())).collect(Collectors.joining(", ")));
        long apart = memory.uses().values().stream().mapToLong(Long::longValue).sum();
        lines.add("  transient  " + Text.bytes(memory.transientBytes()) + " (lower bound " + Text.bytes(memory.peak()) + "), shared by "
                + Text.bytes(apart) + ": " + memory.uses().entrySet().stream()
                        .map(entry -> lower(entry.getKey()) + " " + Text.bytes(entry.getValue())).collect(Collectors.joining(", ")));
        if (memory.preparedBytes() > 0) {
            lines.add("  prepared   " + Text.bytes(memory.preparedBytes()) + ": filters in the form that is fastest to use");
        }
        return lines;
    }

    private static String plural(Tensor.Role role) {
        return role == Tensor.Role.MOMENTUM ? "momentum" : lower(role) + "s";
    }

    private static String steps(Plan plan, List<Integer> shown) {
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
            if (shown.contains(stream.device())) {
                text.append('\n').append(stream.label()).append('\n');
                steps(stream.steps(), recorders).forEach(line -> text.append(line).append('\n'));
            }
        }
        int others = plan.placement().devices() - shown.size();
        if (others > 0) {
            text.append("\nThe other ").append(others)
                    .append(" devices do the same with what they hold; as JSON the plan has all their steps.\n");
        }
        return text.toString();
    }

    /** Of many steps in a row that differ in devices and events alone the first and the last. */
    private static List<String> steps(List<Step> steps, Map<Integer, String> recorders) {
        List<String> lines = new ArrayList<>();
        for (int i = 0; i < steps.size(); i++) {
            lines.add(line(i, steps.get(i), recorders));
            int last = i;
            while (last + 1 < steps.size() && kind(steps.get(last + 1)).equals(kind(steps.get(i)))) {
                last++;
            }
            if (last - i > LONG_ROW) {
                lines.add("      " + (last - i - 1) + " more like it");
                i = last - 1;
            }
        }
        return lines;
    }

    private static String line(int place, Step step, Map<Integer, String> recorders) {
        return String.format(Locale.ROOT, "%4d  %s", place, step(step, recorders));
    }

    /** What steps in a row that are alike have in common. */
    private static List<Object> kind(Step step) {
        return switch (step) {
            case Step.Launch(Operation operation, var workspace, var method) -> List.of(operation.kind(), operation.layer(),
                    names(operation.reads()), names(operation.writes()), method, workspace == null ? 0 : workspace.bytes());
            case Step.Copy copy -> List.of(copy.layer(), copy.from().name(), copy.to().name(), copy.to().dataBytes());
            case Step.Record _ -> List.of("record");
            case Step.Wait _ -> List.of("wait");
        };
    }

    private static String step(Step step, Map<Integer, String> recorders) {
        return switch (step) {
            case Step.Launch(Operation operation, var workspace, var method) ->
                String.format(Locale.ROOT, "%-29s %-10s %s -> %s%s%s", operation.kind(),
                        operation.layer(), names(operation.reads()), names(operation.writes()), method.isEmpty() ? "" : " by " + method,
                        workspace == null ? "" : " (workspace " + Text.bytes(workspace.bytes()) + ")");
            case Step.Copy copy -> String.format(Locale.ROOT, "%-29s %-10s %s@%d -> %s (%s)", "copy", copy.layer(), copy.from().name(),
                    copy.from().device(), copy.to().name(), Text.bytes(copy.to().dataBytes()));
            case Step.Record record -> "record event " + record.event();
            case Step.Wait wait -> "wait for event " + wait.event() + " of " + recorders.get(wait.event());
        };
    }

    private static String names(List<Tensor> tensors) {
        return tensors.stream().map(Tensor::name).collect(Collectors.joining(", "));
    }

    private static String lower(Enum<?> constant) {
        return constant.name().toLowerCase(Locale.ROOT).replace('_', ' ');
    }
}
