package duet.model;

import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Deque;
import java.util.HashMap;
import java.util.HashSet;
import java.util.IdentityHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

import duet.model.proto.Onnx;
import duet.model.proto.Onnx.NodeProto;
import duet.net.Shape;

/**
 * The nodes of an ONNX graph of another program. Looked for from the first output back to the images, so that what sizes are computed
 * from, and what other outputs need, is not among them; then read in the order in which they can be computed.
 */
final class OnnxReader {
    /** Nodes that only say a value in another way. */
    private static final Set<String> PASSING = Set.of("Identity", "Cast", "Flatten", "Reshape", "Squeeze", "Unsqueeze", "Transpose");
    private static final Set<String> SEVERAL = Set.of("Concat", "Sum", "Add", "Sub", "Mul", "Div");

    private final Path file;
    private final Onnx.GraphProto graph;
    private final Map<String, OnnxTensor> constants;
    private final OnnxNorm.Graph patterns;
    /** By the value that each makes first. */
    private final Map<String, OnnxNorm> norms = new HashMap<>();
    private final Map<String, List<NodeProto>> users = new HashMap<>();

    OnnxReader(Path file, Onnx.GraphProto graph, Map<String, OnnxTensor> constants) {
        this.file = file;
        this.graph = graph;
        this.constants = constants;
        this.patterns = OnnxNorm.Graph.of(file, graph.getNodeList(), constants);
    }

    /**
     * @param images       the graph's input
     * @param input        its size
     * @param channelsLast whether images come as [N][height][width][channels]
     */
    ImportedModel read(String images, Shape input, boolean channelsLast) {
        List<String> outputs = graph.getOutputList().stream().map(Onnx.ValueInfoProto::getName).toList();
        if (outputs.isEmpty()) {
            throw new ModelFileException(file + ": the graph has no output");
        }
        Set<NodeProto> needed = needed(outputs.getFirst(), images);
        ImportedLayers layers = new ImportedLayers(file.toString(), graph.getName(), input);
        OnnxLayers translation = new OnnxLayers(layers, constants, patterns.producers(), this::hasOneUser);
        Map<String, OnnxFlow> values = new HashMap<>();
        values.put(images, new OnnxFlow(layers.image(), channelsLast, false, 1, false));
        List<NodeProto> waiting = new ArrayList<>(graph.getNodeList().stream().filter(needed::contains).toList());
        while (!waiting.isEmpty()) {
            List<NodeProto> later = new ArrayList<>();
            for (NodeProto node : waiting) {
                if (values.keySet().containsAll(operands(node))) {
                    values.put(node.getOutput(0), computed(node, translation, values));
                } else {
                    later.add(node);
                }
            }
            if (later.size() == waiting.size()) {
                throw refuse(later.getFirst(), "it waits for " + String.join(", ", operands(later.getFirst()).stream()
                        .filter(name -> !values.containsKey(name)).toList()) + ", which nothing makes of the images " + images);
            }
            waiting = later;
        }
        if (layers.weighted() == 0 || !values.containsKey(outputs.getFirst())) {
            throw new ModelFileException(file + ": no layer with weights lies between the input " + images + " and the output "
                    + outputs.getFirst());
        }
        layers.loss(values.get(outputs.getFirst()).value(), 0);
        OnnxPixels pixels = translation.pixels();
        return layers.end(pixels.scale(), pixels.mean(), null, notes(outputs));
    }

    private OnnxFlow computed(NodeProto node, OnnxLayers translation, Map<String, OnnxFlow> values) {
        List<OnnxFlow> inputs = operands(node).stream().map(values::get).toList();
        if (inputs.isEmpty()) {
            throw refuse(node, "nothing that is computed of the images goes into it");
        }
        try {
            OnnxNorm norm = norms.get(node.getOutput(0));
            return norm == null ? translation.layer(node, inputs) : translation.norm(norm, inputs.getFirst());
        } catch (OnnxRefusal e) {
            ModelFileException refused = refuse(node, e.getMessage());
            refused.addSuppressed(e);
            throw refused;
        }
    }

    private ModelFileException refuse(NodeProto node, String reason) {
        String name = node.getName().isEmpty() ? node.getOutput(0) : node.getName();
        return new ModelFileException("%s: the node %s (%s): %s".formatted(file, name, node.getOpType(), reason));
    }

    /** The nodes that an output is made by; also finds normalisations and who uses each value. */
    private Set<NodeProto> needed(String output, String images) {
        Set<NodeProto> needed = Collections.newSetFromMap(new IdentityHashMap<>());
        Set<String> seen = new HashSet<>(Set.of(images));
        Deque<String> open = new ArrayDeque<>(List.of(output));
        while (!open.isEmpty()) {
            String value = open.pop();
            NodeProto node = seen.add(value) ? patterns.producers().get(value) : null;
            if (node == null || constants.containsKey(value)) {
                continue;
            }
            if (!node.getOutput(0).equals(value)) {
                throw refuse(node, "its output " + value + " is none that Duet computes");
            }
            OnnxNorm norm = node.getOpType().equals("Div") ? OnnxNorm.of(node.getInput(0), List.of(node), patterns) : null;
            if (norm != null) {
                norms.put(value, norm);
            }
            needed.add(node);
            for (String operand : operands(node)) {
                users.computeIfAbsent(operand, any -> new ArrayList<>()).add(node);
                open.push(operand);
            }
        }
        return needed;
    }

    /** The computed values that a node takes. */
    private List<String> operands(NodeProto node) {
        if (!SEVERAL.contains(node.getOpType()) || norms.containsKey(node.getOutput(0))) {
            return node.getInputList().subList(0, Math.min(1, node.getInputCount()));
        }
        return node.getInputList().stream().filter(name -> !constants.containsKey(name)).toList();
    }

    /** Whether nobody else takes a value, by whichever name, back to the layer that makes it. */
    private boolean hasOneUser(String value) {
        String at = value;
        Set<String> seen = new HashSet<>();
        while (seen.add(at) && users.getOrDefault(at, List.of()).size() == 1) {
            NodeProto node = patterns.producers().get(at);
            if (node == null || !PASSING.contains(node.getOpType())) {
                return true;
            }
            at = node.getInput(0);
        }
        return false;
    }

    private List<String> notes(List<String> outputs) {
        Set<String> live = new HashSet<>();
        Deque<String> open = new ArrayDeque<>(List.of(outputs.getFirst()));
        while (!open.isEmpty()) {
            String value = open.pop();
            NodeProto node = live.add(value) ? patterns.producers().get(value) : null;
            if (node != null) {
                open.addAll(node.getInputList());
            }
        }
        Set<String> left = new LinkedHashSet<>();
        for (NodeProto node : graph.getNodeList()) {
            if (node.getOutputList().stream().noneMatch(live::contains) && OnnxLayers.WITH_WEIGHTS.contains(node.getOpType())) {
                left.add(node.getName().isEmpty() ? node.getOutput(0) : node.getName());
            }
        }
        List<String> notes = new ArrayList<>();
        if (outputs.size() > 1) {
            notes.add("taken is the output " + outputs.getFirst() + "; left out: "
                    + ImportedLayers.shortened(outputs.subList(1, outputs.size()), name -> name));
        }
        if (!left.isEmpty()) {
            notes.add("left out, since " + outputs.getFirst() + " does not depend on it: "
                    + ImportedLayers.shortened(List.copyOf(left), name -> name));
        }
        return notes;
    }
}
