package duet.plan;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

import duet.device.Axis;
import duet.device.Operation;
import duet.device.Tensor;
import duet.device.Tensor.Format;
import duet.device.Tensor.Role;
import duet.net.Layer;

/**
 * The losses of a network: its own, and in training those of auxiliary classifiers. Where every device has all scores, each computes the
 * whole loss. Probabilities are for evaluation only.
 */
final class Losses {
    private final PlanBuilder builder;
    private final List<Plan.Inputs> inputs;
    private final boolean training;
    private final List<Results> rounds = new ArrayList<>();
    private final Map<Integer, Value> gradients = new HashMap<>();

    /** Of a round, or of all images: the latest loss, which in the end is the network's own. */
    private static final class Results {
        private final List<List<Tensor>> auxiliary = new ArrayList<>();
        private List<Tensor> losses;
        private List<Tensor> ranks;
        private List<Tensor> probabilities;
    }

    /** @param inputs for each lane of each round */
    Losses(PlanBuilder builder, List<Plan.Inputs> inputs, boolean training) {
        this.builder = builder;
        this.inputs = inputs;
        this.training = training;
    }

    void add(Division division, Layer.SoftmaxCrossEntropy l, Value scores) {
        Distribution distribution = scores.distribution();
        Value gradient = training ? builder.value(l.name() + ".input.gradient", scores.images(), scores.shape(), distribution) : null;
        int round = builder.round(scores.images());
        if (rounds.size() == round) {
            rounds.add(new Results());
        }
        Results results = rounds.get(round);
        results.losses = builder.each(distribution, lane -> results(l.name() + ".losses", Format.ACTIVATION, scores.on(lane), 1));
        results.ranks = builder.each(distribution, lane -> results(l.name() + ".ranks", Format.INTEGERS, scores.on(lane), 1));
        if (!division.main()) {
            results.auxiliary.add(results.losses);
        }
        results.probabilities = training ? null : builder.each(distribution,
                lane -> results(l.name() + ".probabilities", Format.ACTIVATION, scores.on(lane), scores.shape().channels()));
        for (int lane : builder.holders(distribution)) {
            Tensor labels = inputs.get(round * builder.lanes() + lane).labels();
            builder.launch(lane, new Operation.SoftmaxCrossEntropy(l.name(), scores.on(lane), labels, results.losses.get(lane),
                    results.ranks.get(lane), training ? null : results.probabilities.get(lane), training ? gradient.on(lane) : null,
                    (float) (builder.batch() / l.weight())));
        }
        gradients.put(division.index(), gradient);
    }

    private Tensor results(String name, Format format, Tensor scores, int columns) {
        return builder.tensor(name, scores.device(), format, Role.OUTPUT, scores.batch(), columns, 1, 1);
    }

    /** Of what a loss sees, in the latest round; each lane that sees the same has the same. */
    Value gradient(int index) {
        return gradients.get(index);
    }

    /**
     * What the host reads, for each lane of each round.
     *
     * @param status null in evaluation
     */
    List<Plan.Outputs> outputs(Division last, List<Tensor> status, GivenOut givenOut) {
        List<Plan.Outputs> outputs = new ArrayList<>();
        for (int round = 0; round < rounds.size(); round++) {
            Results results = rounds.get(round);
            int first = builder.round(round).first();
            boolean begins = round == 0;
            outputs.addAll(builder.each(lane -> new Plan.Outputs(first + last.seen().first(Axis.BATCH, lane), results.losses.get(lane),
                    results.ranks.get(lane), training ? null : results.probabilities.get(lane),
                    results.auxiliary.stream().map(each -> each.get(lane)).toList(), training ? status.get(lane) : null,
                    begins ? givenOut.on(lane) : Map.of(), null)));
        }
        return outputs;
    }
}
