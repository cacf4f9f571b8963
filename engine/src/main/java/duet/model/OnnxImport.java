package duet.model;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

import com.google.protobuf.InvalidProtocolBufferException;
import duet.json.StrictJson;
import duet.model.proto.Onnx;
import duet.model.proto.Onnx.NodeProto;
import duet.net.Network;
import duet.net.NetworkJson;
import duet.net.Shape;

/**
 * Reads ONNX files of AlexNet, GoogLeNet and their relatives: convolutions, ReLU or tanh, response normalisation, pooling, dropout, fully
 * connected layers, concatenations, sums and softmax. Files that {@link OnnxExport} wrote give the same network again, to the bit.
 */
public final class OnnxImport {

    private OnnxImport() {}

    /**
     * Reads a network with its weights.
     *
     * @param file an ONNX file
     * @return network and weights, in the order of channels that the file has
     * @throws ModelFileException naming the file, the node and what Duet has no layer for
     * @throws IOException if the file cannot be read
     */
    public static ImportedModel read(Path file) throws IOException {
        Onnx.ModelProto model = parse(file);
        if (!model.hasGraph() || model.getGraph().getNodeCount() == 0) {
            throw new ModelFileException(file + ": is no ONNX model, or one without nodes");
        }
        Map<String, String> metadata = new HashMap<>();
        model.getMetadataPropsList().forEach(entry -> metadata.put(entry.getKey(), entry.getValue()));
        Map<String, OnnxTensor> constants = constants(file, model.getGraph());
        return metadata.containsKey(OnnxExport.NETWORK) ? own(file, metadata, constants) : foreign(file, model.getGraph(), constants);
    }

    private static Onnx.ModelProto parse(Path file) throws IOException {
        try (InputStream stream = Files.newInputStream(file)) {
            return Onnx.ModelProto.parseFrom(stream);
        } catch (InvalidProtocolBufferException e) {
            throw new ModelFileException(file + ": is no ONNX model, or it is damaged: " + e.getMessage(), e);
        }
    }

    private static Map<String, OnnxTensor> constants(Path file, Onnx.GraphProto graph) {
        Map<String, OnnxTensor> constants = new HashMap<>();
        graph.getInitializerList().forEach(tensor -> constants.put(tensor.getName(), new OnnxTensor(file, tensor)));
        for (NodeProto node : graph.getNodeList()) {
            if (node.getOpType().equals("Constant")) {
                node.getAttributeList().stream().filter(attribute -> attribute.getName().equals("value"))
                        .forEach(attribute -> constants.put(node.getOutput(0), new OnnxTensor(file, attribute.getT())));
            } else if (node.getOpType().equals("Identity") && constants.containsKey(node.getInput(0))) {
                constants.put(node.getOutput(0), constants.get(node.getInput(0))); // one of PyTorch's that several nodes have
            }
        }
        return constants;
    }

    private static ImportedModel own(Path file, Map<String, String> metadata, Map<String, OnnxTensor> constants) {
        Network network = NetworkJson.parse(metadata.get(OnnxExport.NETWORK), file.toString());
        Map<String, float[]> parameters = new LinkedHashMap<>();
        network.parameters().forEach(p -> parameters.put(p.name(), constant(file, constants, p.name()).floats(p.sizes())));
        OnnxTensor mean = constant(file, constants, OnnxExport.MEAN);
        List<Integer> sizes = mean.sizes();
        if (sizes.size() != 4) {
            throw new ModelFileException(file + ": " + OnnxExport.MEAN + " must have 4 sizes, not " + sizes);
        }
        return new ImportedModel(network, classes(file, metadata.get(OnnxExport.CLASSES)), parameters,
                new MeanLevels(new Shape(sizes.get(1), sizes.get(2), sizes.get(3)), mean.floats(sizes)), null,
                stored(file, network, metadata.get(OnnxExport.STORED)), List.of());
    }

    private static Shape stored(Path file, Network network, String sizes) {
        if (sizes == null) {
            return null;
        }
        if (!sizes.matches("[1-9]\\d{0,4} [1-9]\\d{0,4}")) {
            throw new ModelFileException(file + ": the stored size is damaged: " + sizes);
        }
        String[] both = sizes.split(" ");
        return new Shape(network.input().channels(), Integer.parseInt(both[0]), Integer.parseInt(both[1]));
    }

    private static List<String> classes(Path file, String json) {
        StrictJson reader = new StrictJson(file + ": the names of the classes are damaged", ModelFileException::new);
        return json == null ? null : List.of(reader.read(json, String[].class));
    }

    private static OnnxTensor constant(Path file, Map<String, OnnxTensor> constants, String name) {
        OnnxTensor tensor = constants.get(name);
        if (tensor == null) {
            throw new ModelFileException(file + ": lacks the tensor " + name + " of its network");
        }
        return tensor;
    }

    private static ImportedModel foreign(Path file, Onnx.GraphProto graph, Map<String, OnnxTensor> constants) {
        Onnx.ValueInfoProto input = graph.getInputList().stream().filter(info -> !constants.containsKey(info.getName())).findFirst()
                .orElseThrow(() -> new ModelFileException(file + ": the graph has no input"));
        List<Onnx.TensorShapeProto.Dimension> sizes = input.getType().getTensorType().getShape().getDimList();
        if (sizes.size() != 4 || sizes.stream().skip(1).anyMatch(size -> size.getDimValue() < 1 || size.getDimValue() > 1 << 16)) {
            throw new ModelFileException(
                    file + ": the input " + input.getName() + " must be images [N][channels][height][width] of a known size");
        }
        boolean channelsLast = sizes.get(3).getDimValue() <= 3 && sizes.get(1).getDimValue() > 3
                && graph.getNodeList().stream().anyMatch(node -> node.getOpType().equals("Transpose"));
        int first = channelsLast ? 3 : 1;
        Shape shape = new Shape((int) sizes.get(first).getDimValue(), (int) sizes.get(channelsLast ? 1 : 2).getDimValue(),
                (int) sizes.get(channelsLast ? 2 : 3).getDimValue());
        return new OnnxReader(file, graph, constants).read(input.getName(), shape, channelsLast);
    }
}
