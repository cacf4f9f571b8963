package duet.net;

import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

import duet.text.Suggestion;

/** Who takes what from whom: the part of {@link Shapes} about a network's connections. */
final class Connections {
    private final List<Node> nodes;
    private final Map<String, Integer> places = new HashMap<>();

    /** @param nodes with names that differ */
    Connections(List<Node> nodes) {
        this.nodes = nodes;
        for (int i = 0; i < nodes.size(); i++) {
            places.put(nodes.get(i).name(), i);
        }
    }

    /** Every input is made before, by something that makes one; and there are as many as the layer takes. */
    void check(Node node) {
        String name = node.name();
        for (String input : node.inputs()) {
            Integer place = places.get(input);
            if (input.equals(Network.IMAGE)) {
                continue;
            }
            if (place == null) {
                throw new NetworkException(name + ": takes the output of " + input + ", but there is no such layer; "
                        + Suggestion.of(input, nodes.subList(0, places.get(name)).stream().map(Node::name).toList()));
            }
            if (place >= places.get(name)) {
                throw new NetworkException(name + ": takes the output of " + input
                        + (place.equals(places.get(name)) ? ", which is itself" : ", which comes later; a layer stands behind its inputs"));
            }
        }
        boolean several = node.layer() instanceof Layer.Concatenation || node.layer() instanceof Layer.Addition;
        if (several ? node.inputs().size() < 2 : node.inputs().size() != 1) {
            throw new NetworkException(
                    name + ": takes " + (several ? "two inputs or more" : "one input") + ", not " + node.inputs().size());
        }
    }

    /** @param in shape of the input */
    void checkLoss(Layer.SoftmaxCrossEntropy loss, String input, Shape in) {
        for (Node user : nodes) {
            if (user.inputs().contains(loss.name())) {
                throw new NetworkException(loss.name() + ": a softmax-cross-entropy ends the network, but " + user.name() + " follows it");
            }
        }
        if (input.equals(Network.IMAGE) || !(nodes.get(places.get(input)).layer() instanceof Layer.FullyConnected)) {
            throw new NetworkException(loss.name() + ": takes the scores of a fully-connected layer right before it, not "
                    + (input.equals(Network.IMAGE) ? "the image" : input + "'s " + in));
        }
        if (in.channels() < 2) {
            throw new NetworkException(loss.name() + ": needs at least 2 classes, but " + input + " has 1 output");
        }
        if (loss.name().equals(nodes.getLast().name()) && loss.weight() != 1) {
            throw new NetworkException(loss.name() + ": the loss of the last layer has the weight 1, not " + loss.weight()
                    + "; scale the learning rates instead");
        }
    }

    /** What nobody uses is most likely a name that was forgotten. */
    void checkUsed() {
        Set<String> used = new HashSet<>();
        nodes.forEach(node -> used.addAll(node.inputs()));
        for (Node node : nodes) {
            if (!(node.layer() instanceof Layer.SoftmaxCrossEntropy) && !used.contains(node.name())) {
                throw new NetworkException(
                        node.name() + ": no layer takes its output; name it among the \"inputs\" of one, or leave it out");
            }
        }
    }
}
