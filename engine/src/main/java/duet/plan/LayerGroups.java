package duet.plan;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

import duet.net.Layer;
import duet.net.Network;
import duet.net.Node;

/**
 * Layers that a drawing shows as one: a layer with parameters together with what follows it up to the next one; where branches part and
 * meet again, all of them with the layer in which they meet; and an auxiliary classifier.
 */
final class LayerGroups {
    private LayerGroups() {}

    /** For each layer, and for the image, the name of its group. */
    static Map<String, String> of(Network network) {
        List<Node> nodes = network.nodes();
        String[] groups = new String[nodes.size()];
        modules(network, groups);
        auxiliary(network, groups);
        for (int i = 0; i < nodes.size(); i++) {
            if (groups[i] == null) {
                int from = network.inputs(i).getFirst();
                boolean begins = nodes.get(i).layer() instanceof Layer.Weighted || i == nodes.size() - 1;
                groups[i] = begins ? nodes.get(i).name() : from < 0 ? Network.IMAGE : groups[from];
            }
        }
        Map<String, String> result = new HashMap<>(Map.of(Network.IMAGE, Network.IMAGE));
        for (int i = 0; i < nodes.size(); i++) {
            result.put(nodes.get(i).name(), groups[i]);
        }
        return result;
    }

    /** What lies between a layer in which branches meet and the last layer that all of them come from. */
    private static void modules(Network network, String[] groups) {
        for (int i = groups.length - 1; i >= 0; i--) {
            List<Integer> inputs = network.inputs(i);
            if (groups[i] != null || inputs.size() < 2) {
                continue;
            }
            Set<Integer> above = new HashSet<>(inputs);
            List<Integer> inside = new ArrayList<>(List.of(i));
            while (above.size() > 1) {
                int last = above.stream().max(Integer::compare).orElseThrow();
                above.remove(last);
                above.addAll(network.inputs(last));
                inside.add(last);
            }
            for (int node : inside) {
                groups[node] = network.nodes().get(i).name();
            }
        }
    }

    private static void auxiliary(Network network, String[] groups) {
        List<Boolean> main = network.main();
        for (int i = groups.length - 1; i >= 0; i--) {
            if (network.nodes().get(i).layer() instanceof Layer.SoftmaxCrossEntropy) {
                for (int node = i; node >= 0 && !main.get(node); node = network.inputs(node).getFirst()) {
                    groups[node] = network.nodes().get(i).name();
                }
            }
        }
    }
}
