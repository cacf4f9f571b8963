package duet.plan;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;

import duet.device.Operation;
import duet.device.Step;
import duet.device.StreamSteps;
import duet.device.StreamSteps.Kind;
import duet.device.Tensor.Format;
import duet.net.Layer;
import duet.net.Node;
import duet.plan.HappensBefore.Point;
import duet.plan.PlanSummary.Phase;
import duet.text.Text;

/**
 * A plan as a Graphviz drawing. A node is a group of layers ({@link LayerGroups}) in one direction; a sum of what was exchanged belongs to
 * the node that uses it. The way forward goes from left to right, the way back from right to left below it. All rounds of a layer are in
 * one node. Waits that only guard memory are left out.
 */
final class PlanDrawing {
    private static final String FORWARD = "#cfe3f7";
    private static final String BACKWARD = "#fbdcc4";
    private static final String UPDATE = "#d5ecd0";
    private static final String COPY = "#f7eda8";
    /** Of a module with more layers than that there are the name and their number. */
    private static final int MOST_SHOWN = 8;

    /** A node: its layers in the order of their steps. */
    private static final class Block {
        final String id;
        final int device;
        final String group;
        final boolean forward;
        final Set<String> layers = new LinkedHashSet<>();
        boolean update;

        Block(int device, String group, boolean forward) {
            this.device = device;
            this.group = group;
            this.forward = forward;
            id = "\"" + device + (forward ? " forward " : " backward ") + group + "\"";
        }
    }

    private final Plan plan;
    private final PlanSummary.Phases phases;
    /** For each layer the group that it is drawn with. */
    private final Map<String, String> groups = new HashMap<>();
    /** For each group the one before. */
    private final Map<String, String> previous = new HashMap<>();
    /** For the layers that make scores the group of the loss. */
    private final Map<String, String> next = new HashMap<>();
    private final Set<String> inRounds;
    private final Map<String, Block> blocks = new LinkedHashMap<>();
    private final Map<Point, Block> blockOf = new HashMap<>();
    private final StringBuilder text = new StringBuilder();
    private int copies;

    private PlanDrawing(Plan plan) {
        this.plan = plan;
        phases = new PlanSummary.Phases(plan);
        inRounds = Division.divide(plan.network(), plan.placement(), plan.batch()).stream().filter(Division::inRounds).map(Division::name)
                .collect(Collectors.toSet());
        groups.putAll(LayerGroups.of(plan.network()));
        String before = null;
        for (Node node : plan.network().nodes()) {
            String group = groups.get(node.name());
            if (!group.equals(before)) {
                previous.putIfAbsent(group, groups.get(node.inputs().getFirst()));
            }
            before = group;
            if (node.layer() instanceof Layer.SoftmaxCrossEntropy) {
                next.put(node.inputs().getFirst(), group);
            }
        }
    }

    static String draw(Plan plan) {
        return new PlanDrawing(plan).draw();
    }

    private String draw() {
        line("digraph plan {");
        line("  rankdir=LR; nodesep=0.12; ranksep=0.3; newrank=true; splines=true;");
        line("  label=\"" + plan.network().name() + ", batch " + plan.batch()
                + ". Blue: forward, orange: backward, green: update, yellow: copies\"; "
                + "fontname=\"Helvetica\"; fontsize=10;");
        line("  node [shape=plain, fontname=\"Helvetica\", fontsize=10]; edge [arrowsize=0.6, color=\"#555555\"];");
        collect();
        for (int device = 0; device < plan.placement().devices(); device++) {
            device(device);
        }
        columns();
        for (int stream = 0; stream < plan.streams().size(); stream++) {
            if (plan.streams().get(stream).kind() == Kind.COPY) {
                copies(stream);
            }
        }
        line("}");
        return text.toString();
    }

    private void collect() {
        for (int stream = 0; stream < plan.streams().size(); stream++) {
            StreamSteps steps = plan.streams().get(stream);
            for (int i = 0; i < steps.steps().size(); i++) {
                if (steps.steps().get(i) instanceof Step.Launch(Operation operation, _, _)) {
                    Point point = new Point(stream, i);
                    Block block = block(steps.device(), operation, phases.of(point));
                    blockOf.put(point, block);
                }
            }
        }
    }

    private Block block(int device, Operation operation, Phase phase) {
        boolean forward = phase == Phase.FORWARD;
        boolean sum = operation instanceof Operation.Add add && add.output().format() == Format.ACTIVATION;
        String group = groups.get(operation.layer());
        if (sum) {
            group = forward ? next.getOrDefault(operation.layer(), group) : previous.get(group);
        }
        Block made = new Block(device, group, forward);
        Block block = blocks.computeIfAbsent(made.id, _ -> made);
        block.update |= phase == Phase.UPDATE;
        if (sum) {
            block.layers.add("add");
        } else if (!(operation instanceof Operation.FiniteCheck)) {
            block.layers.add(operation.layer());
        }
        return block;
    }

    private void device(int device) {
        line("  subgraph cluster_" + device + " {");
        line("    label=\"device " + device + "\"; labeljust=l; fontname=\"Helvetica\"; fontsize=12; style=rounded; color=\"#999999\";");
        List<Block> own = blocks.values().stream().filter(block -> block.device == device).toList();
        for (Block block : own) {
            line("    " + block.id + " [label=<" + label(block) + ">];");
        }
        for (int i = 0; i + 1 < own.size(); i++) {
            Block from = own.get(i);
            Block to = own.get(i + 1);
            line("    " + (to.forward ? from.id + " -> " + to.id + " [weight=20]" : to.id + " -> " + from.id + " [dir=back, weight=20]")
                    + ";");
        }
        line("  }");
    }

    private String label(Block block) {
        int most = block.layers.size() > MOST_SHOWN ? MOST_SHOWN - 2 : block.layers.size();
        List<String> shown = new ArrayList<>(block.layers.stream().limit(most).toList());
        if (block.layers.size() > most) {
            shown = new ArrayList<>(List.of("<b>" + block.group + "</b>", block.layers.size() + " layers"));
        }
        if (block.layers.stream().anyMatch(inRounds::contains)) {
            shown.add("<i>" + plan.placement().rounds() + " rounds</i>");
        }
        String rows = row(block.forward ? FORWARD : BACKWARD, String.join("<br/>", shown))
                + (block.update ? row(UPDATE, "update") : "");
        return "<table border=\"0\" cellborder=\"1\" cellspacing=\"0\" cellpadding=\"3\" color=\"#777777\">" + rows + "</table>";
    }

    private static String row(String colour, String content) {
        return "<tr><td bgcolor=\"" + colour + "\">" + content + "</td></tr>";
    }

    /** A group's node forward stands above its node backward, on both devices. */
    private void columns() {
        Map<String, List<String>> columns = new LinkedHashMap<>();
        for (Block block : blocks.values()) {
            columns.computeIfAbsent(block.group, _ -> new ArrayList<>()).add(block.id);
        }
        columns.values().forEach(ids -> line("  {rank=same; " + String.join("; ", ids) + ";}"));
    }

    /**
     * Edges from the step before the sender's event to the copy, and on to the step after the receiver's wait; what goes from one node to
     * another is one copy with all the bytes.
     */
    private void copies(int stream) {
        StreamSteps steps = plan.streams().get(stream);
        Map<List<Object>, Long> bytes = new LinkedHashMap<>();
        for (int i = 0; i < steps.steps().size(); i++) {
            if (steps.steps().get(i) instanceof Step.Copy copy) {
                boolean forward = phases.of(new Point(stream, i)) == Phase.FORWARD;
                bytes.merge(List.of(user(copy.from().device(), copy, true), user(steps.device(), copy, false), forward),
                        copy.to().dataBytes(), Long::sum);
            }
        }
        bytes.forEach((ends, size) -> {
            String id = "\"copy " + steps.device() + " " + copies++ + "\"";
            line("  subgraph cluster_" + steps.device() + " { " + id + " [label=<<table border=\"0\" cellborder=\"1\" cellspacing=\"0\" "
                    + "cellpadding=\"2\" color=\"#777777\">" + row(COPY, Text.bytes(size)) + "</table>>]; }");
            edge((String) ends.get(0), id, (Boolean) ends.get(2));
            edge(id, (String) ends.get(1), (Boolean) ends.get(2));
        });
    }

    private void edge(String from, String to, boolean forward) {
        String style = "color=\"#a08000\", weight=1";
        line(forward ? "  " + from + " -> " + to + " [" + style + "];" : "  " + to + " -> " + from + " [dir=back, " + style + "];");
    }

    /** The node that last wrote what is copied (before it is sent), or that first reads what has arrived. */
    private String user(int device, Step.Copy copy, boolean sender) {
        String found = null;
        for (int stream = 0; stream < plan.streams().size(); stream++) {
            StreamSteps steps = plan.streams().get(stream);
            for (int i = 0; steps.device() == device && steps.kind() == Kind.COMPUTE && i < steps.steps().size(); i++) {
                if (steps.steps().get(i) instanceof Step.Launch(Operation operation, _, _)) {
                    if (sender && operation.writes().contains(copy.from()) && !(operation instanceof Operation.Add)) {
                        found = blockOf.get(new Point(stream, i)).id;
                    } else if (!sender && found == null && operation.reads().contains(copy.to())) {
                        found = blockOf.get(new Point(stream, i)).id;
                    }
                }
            }
        }
        return found;
    }

    private void line(String line) {
        text.append(line).append('\n');
    }
}
