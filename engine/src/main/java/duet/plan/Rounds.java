package duet.plan;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import java.util.stream.IntStream;

import duet.device.Axis;
import duet.device.Operation;
import duet.device.Tensor;
import duet.net.Network;

/**
 * The border between the layers that are computed at once and those that are computed in rounds: what a round takes, on its way there while
 * another round computes, and the rounds' gradients on their way back.
 */
final class Rounds {
    private final PlanBuilder builder;
    private final List<Division> divisions;
    private final Moves moves;

    Rounds(PlanBuilder builder, List<Division> divisions) {
        this.builder = builder;
        this.divisions = divisions;
        moves = new Moves(builder);
    }

    /** Whether a layer in rounds takes one of its inputs from what is computed at once. */
    boolean begin(Division division, int input) {
        int from = division.from().get(input);
        return division.inRounds() && (from < 0 || !divisions.get(from).inRounds());
    }

    /**
     * Starts to bring to a round all that its layers take, each in the distribution in which they want it.
     *
     * @param layers all that are made
     * @param values what is computed at once, by layer; -1 is the image
     * @return by layer and distribution
     */
    Map<List<Object>, Supplier<Value>> send(int round, List<Division> layers, Map<Integer, Value> values) {
        Map<Integer, Value> cut = new HashMap<>();
        Map<List<Object>, Supplier<Value>> underway = new HashMap<>();
        for (Division division : layers) {
            for (int i = 0; i < division.from().size(); i++) {
                if (begin(division, i)) {
                    int from = division.from().get(i);
                    Value own = cut.computeIfAbsent(from, _ -> cut(from, values.get(from), builder.round(round)));
                    Distribution wanted = division.cut().seen().get(i);
                    underway.computeIfAbsent(List.of(from, wanted), _ -> moves.begin(division.name(), ".input", own, wanted));
                }
            }
        }
        return underway;
    }

    /** Of each lane's images those of a round, cut out by the layer that has made them. */
    private Value cut(int from, Value value, Range images) {
        String layer = from < 0 ? Network.IMAGE : divisions.get(from).name();
        Distribution to = value.distribution().ofRound();
        List<Tensor> parts = builder.each(lane -> {
            int count = to.range(lane).count();
            Tensor part = moves.part(layer + ".round", value, Axis.BATCH, lane, count);
            builder.launch(lane, new Operation.Slice(layer, Axis.BATCH, value.on(lane), builder.round(images) * count, part));
            return part;
        });
        return new Value(parts, images, value.shape(), to);
    }

    /** Each lane's images of all rounds, from the first to the last. */
    Value joined(String layer, List<Value> rounds, Distribution to) {
        Value first = rounds.getFirst();
        List<Tensor> parts = IntStream.range(0, builder.lanes()).mapToObj(lane -> {
            Tensor whole = builder.activation(layer + ".input.gradient", lane, builder.all(), first.shape(), to);
            builder.launch(lane, new Operation.Gather(layer, Axis.BATCH, rounds.stream().map(value -> value.on(lane)).toList(), whole));
            return whole;
        }).toList();
        return new Value(parts, builder.all(), first.shape(), to);
    }
}
