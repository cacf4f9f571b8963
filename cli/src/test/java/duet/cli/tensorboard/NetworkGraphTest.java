package duet.cli.tensorboard;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;
import java.util.stream.Collectors;

import duet.cli.tensorboard.proto.TensorBoard.GraphDef;
import duet.cli.tensorboard.proto.TensorBoard.NodeDef;
import duet.cli.tensorboard.proto.TensorBoard.TensorShapeProto;
import duet.model.Networks;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class NetworkGraphTest {
    private static Map<String, NodeDef> nodes(String network) {
        return NetworkGraph.of(Networks.create(network)).getNodeList().stream()
                .collect(Collectors.toMap(NodeDef::getName, Function.identity()));
    }

    private static List<Long> shape(NodeDef node) {
        return node.getAttrOrThrow("_output_shapes").getList().getShape(0).getDimList().stream().map(TensorShapeProto.Dim::getSize)
                .toList();
    }

    @Test
    void layersAreNodes() {
        Map<String, NodeDef> nodes = nodes("alexnet");
        assertEquals("image", nodes.get("input").getOp());
        assertEquals(List.of(-1L, 3L, 227L, 227L), shape(nodes.get("input")));
        NodeDef conv1 = nodes.get("conv1");
        assertEquals("convolution", conv1.getOp());
        assertEquals(List.of("input"), conv1.getInputList());
        assertEquals(11, conv1.getAttrOrThrow("kernel").getI());
        assertTrue(conv1.getAttrOrThrow("bias").getB());
        assertTrue(conv1.getAttrOrThrow("weights").getS().toStringUtf8().startsWith("{\"distribution\":"));
        assertEquals(List.of(-1L, 96L, 55L, 55L), shape(conv1));
        assertEquals(0.75f, nodes.get("norm1").getAttrOrThrow("beta").getF());
        assertEquals(List.of("relu1"), nodes.get("norm1").getInputList());
    }

    @Test
    void modulesAreScopes() {
        Map<String, NodeDef> nodes = nodes("googlenet");
        assertEquals("convolution", nodes.get("inception-3a/3x3-reduce").getOp());
        assertEquals(List.of("inception-3a/1x1-relu", "inception-3a/3x3-relu", "inception-3a/5x5-relu", "inception-3a/pool-proj-relu"),
                nodes.get("inception-3a").getInputList());
        assertEquals(List.of("inception-3a"), nodes.get("inception-3b/1x1").getInputList());
        assertEquals("average-pool", nodes.get("aux1/pool").getOp());
        assertEquals("relu", nodes.get("conv1-relu").getOp(), "no scope: conv1 joins nothing");
        Set<String> scopes = nodes.keySet().stream().filter(name -> name.contains("/")).map(name -> name.substring(0, name.indexOf('/')))
                .collect(Collectors.toSet());
        assertEquals(11, scopes.size(), scopes.toString());
    }

    @ParameterizedTest
    @ValueSource(strings = {"alexnet-small", "alexnet-2012", "zfnet", "googlenet", "googlenet-small", "cifar-18pct", "figure-1"})
    void inputsComeBefore(String network) {
        GraphDef graph = NetworkGraph.of(Networks.create(network));
        Set<String> before = new HashSet<>();
        for (NodeDef node : graph.getNodeList()) {
            assertTrue(before.containsAll(node.getInputList()), node.getName());
            assertTrue(before.add(node.getName()), node.getName());
        }
    }
}
