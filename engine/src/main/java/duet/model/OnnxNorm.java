package duet.model;

import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

import duet.model.proto.Onnx.AttributeProto;
import duet.model.proto.Onnx.NodeProto;

/**
 * Response normalisation as PyTorch's exporters take it apart: {@code x / (k + alpha * averages of x * x over channels) ^ beta}, the
 * averages with padding, reshaping and computations of sizes around them that differ from one operator set to the next. Looked for from the
 * division back to the square.
 *
 * @param alpha not divided by the size
 */
record OnnxNorm(NodeProto division, int size, double alpha, double beta, double k) {
    private static final Set<String> AROUND = Set.of("Reshape", "Squeeze", "Unsqueeze", "Identity", "Cast", "Pad", "Transpose", "If");

    /** The nodes of a graph by their outputs, and its constants. */
    record Graph(Path file, Map<String, NodeProto> producers, Map<String, OnnxTensor> constants) {
        static Graph of(Path file, List<NodeProto> nodes, Map<String, OnnxTensor> constants) {
            Map<String, NodeProto> producers = new HashMap<>();
            nodes.forEach(node -> node.getOutputList().forEach(output -> producers.put(output, node)));
            return new Graph(file, producers, constants);
        }

        private NodeProto producer(String value, String type) {
            NodeProto node = producers.get(value);
            return node != null && node.getOpType().equals(type) ? node : null;
        }

        /** A constant of one number; NaN if it is none. */
        private double number(String value) {
            OnnxTensor tensor = constants.get(value);
            if (tensor == null || tensor.elements() != 1) {
                return Double.NaN;
            }
            return tensor.isWhole() ? tensor.integers()[0] : Double.parseDouble(Float.toString(tensor.floats()[0]));
        }

        /** Back over nodes that move numbers about. */
        private String before(String value) {
            Set<String> seen = new HashSet<>();
            String at = value;
            NodeProto node = producers.get(at);
            while (node != null && AROUND.contains(node.getOpType()) && seen.add(at)) {
                at = node.getOpType().equals("If") ? branch(node) : node.getInput(0);
                node = producers.get(at);
            }
            return at;
        }

        /** What the first node of the first branch reads: exporters choose between squeezing and leaving as it is. */
        private static String branch(NodeProto node) {
            return node.getAttributeList().stream().filter(AttributeProto::hasG).filter(attribute -> attribute.getG().getNodeCount() > 0)
                    .map(attribute -> attribute.getG().getNode(0)).filter(first -> first.getInputCount() > 0)
                    .map(first -> first.getInput(0)).findFirst().orElse("");
        }
    }

    /** What users of a value make of it together; null if it is not a normalisation. */
    static OnnxNorm of(String value, List<NodeProto> users, Graph graph) {
        return users.stream().filter(node -> node.getOpType().equals("Div") && node.getInput(0).equals(value))
                .map(node -> of(value, node, graph)).filter(norm -> norm != null).findFirst().orElse(null);
    }

    private static OnnxNorm of(String value, NodeProto division, Graph graph) {
        NodeProto power = graph.producer(division.getInput(1), "Pow");
        double beta = power == null ? 1 : graph.number(power.getInput(1));
        NodeProto sum = graph.producer(power == null ? division.getInput(1) : power.getInput(0), "Add");
        double k = sum == null ? Double.NaN : other(sum, graph);
        NodeProto product = Double.isNaN(k) ? null : graph.producer(variable(sum, graph), "Mul");
        double alpha = product == null ? Double.NaN : other(product, graph);
        NodeProto pool = Double.isNaN(alpha) ? null : graph.producer(graph.before(variable(product, graph)), "AveragePool");
        if (pool == null || Double.isNaN(beta) || !isSquare(graph.producers().get(graph.before(pool.getInput(0))), value, graph)) {
            return null;
        }
        long[] window = OnnxAttributes.integers(pool, "kernel_shape");
        long size = Arrays.stream(window).reduce(1, (a, b) -> a * b);
        if (Arrays.stream(window).filter(length -> length != 1).count() > 1 || size < 1 || size > Short.MAX_VALUE) {
            return null;
        }
        if (size % 2 == 0) {
            throw new ModelFileException(graph.file() + ": the normalisation of " + value + " goes over " + size
                    + " channels, which lie unevenly about each; Duet has odd numbers only");
        }
        return new OnnxNorm(division, (int) size, alpha / size, beta, k);
    }

    /** The constant of two operands. */
    private static double other(NodeProto node, Graph graph) {
        double first = graph.number(node.getInput(0));
        return Double.isNaN(first) ? graph.number(node.getInput(1)) : first;
    }

    /** The other of two operands. */
    private static String variable(NodeProto node, Graph graph) {
        return node.getInput(Double.isNaN(graph.number(node.getInput(0))) ? 0 : 1);
    }

    private static boolean isSquare(NodeProto node, String value, Graph graph) {
        if (node == null || node.getInputCount() != 2 || !node.getInput(0).equals(value)) {
            return false;
        }
        return node.getOpType().equals("Mul") && node.getInput(1).equals(value)
                || node.getOpType().equals("Pow") && graph.number(node.getInput(1)) == 2;
    }
}
