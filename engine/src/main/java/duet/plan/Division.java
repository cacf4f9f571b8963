package duet.plan;

import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;

import duet.net.Layer;
import duet.net.Network;
import duet.net.NetworkException;
import duet.net.Node;
import duet.net.Shape;
import duet.plan.Placement.Cut;
import duet.plan.Placement.Work;

/**
 * One layer as it is shared out among the lanes.
 *
 * @param index     position in the network
 * @param from      positions of the layers that make its inputs, -1 for the image
 * @param inputs    whole shapes of its inputs
 * @param output    whole shape of its output
 * @param given     how its inputs lie when they are made; for a layer in rounds, of one round
 * @param cut       how it sees them, what each lane does and how its output lies
 * @param gradients for each input whether a layer with parameters comes before, so that a gradient must go there
 * @param main      whether the network's own loss depends on it: else it is there in training only
 */
record Division(int index, Layer layer, List<Integer> from, List<Shape> inputs, Shape output, List<Distribution> given, Cut cut,
        List<Boolean> gradients, boolean main) {

    String name() {
        return layer.name();
    }

    Work work() {
        return cut.work();
    }

    boolean weighted() {
        return layer instanceof Layer.Weighted;
    }

    boolean inRounds() {
        return cut.inRounds();
    }

    /** Of a layer with one input. */
    Shape input() {
        return inputs.getFirst();
    }

    /** How a layer with one input sees it. */
    Distribution seen() {
        return cut.seen().getFirst();
    }

    Distribution made() {
        return cut.made();
    }

    /** Whether a gradient must go to a layer's one input, or any of its inputs. */
    boolean inputGradient() {
        return gradients.contains(true);
    }

    /** Whether lanes send each other what the layer sees. */
    boolean exchanges() {
        for (int i = 0; i < given.size(); i++) {
            if (!given.get(i).whole() && !given.get(i).equals(cut.seen().get(i))) {
                return true;
            }
        }
        return false;
    }

    /**
     * Shares out every layer of a network among the lanes of one group of devices, for one run of the batch; throws
     * {@link NetworkException} if a layer cannot be cut.
     */
    static List<Division> divide(Network network, Placement placement, int batch) {
        return ofGroup(network, placement.group(), Replicas.imagesOfRun(placement, batch));
    }

    private static List<Division> ofGroup(Network network, Placement placement, int batch) {
        List<Division> divisions = new ArrayList<>();
        List<Shape> shapes = network.shapes();
        List<Boolean> main = network.main();
        List<String> scores = network.allScores();
        Distribution image = placement.image(batch);
        for (int i = 0; i < shapes.size(); i++) {
            Node node = network.nodes().get(i);
            List<Integer> from = network.inputs(i);
            List<Shape> inputs = from.stream().map(input -> input < 0 ? network.input() : shapes.get(input)).toList();
            boolean rounds = from.stream().anyMatch(input -> inRounds(divisions, input));
            List<Distribution> given = from.stream().map(input -> input < 0 ? image : divisions.get(input).made()).toList();
            List<Boolean> gradients = from.stream()
                    .map(input -> input >= 0 && (divisions.get(input).weighted() || divisions.get(input).inputGradient())).toList();
            int images = rounds ? batch / placement.rounds() : batch;
            Cut cut = placement.cut(new Placement.Place(node.layer(), inputs, shapes.get(i), of(given, from, divisions, rounds),
                    scores.contains(node.name()), gradients.contains(true), images, rounds));
            divisions.add(new Division(i, node.layer(), from, inputs, shapes.get(i), of(given, from, divisions, cut.inRounds()), cut,
                    gradients, main.get(i)));
        }
        return List.copyOf(divisions);
    }

    private static boolean inRounds(List<Division> divisions, int index) {
        return index >= 0 && divisions.get(index).inRounds();
    }

    /** How inputs lie for a layer in rounds: what is made at once is seen round by round. */
    private static List<Distribution> of(List<Distribution> given, List<Integer> from, List<Division> divisions, boolean rounds) {
        return IntStream.range(0, from.size())
                .mapToObj(i -> rounds && !inRounds(divisions, from.get(i)) ? given.get(i).ofRound() : given.get(i)).toList();
    }

    /** Shares out for the smallest batch that can be cut. */
    static List<Division> divide(Network network, Placement placement) {
        return divide(network, placement, Replicas.smallestBatch(placement));
    }
}
