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
    private final List<List<Tensor>> auxiliary = new ArrayList<>();
    private final Map<Integer, Value> gradients = new HashMap<>();
    private List<Tensor> losses;
    private List<Tensor> ranks;
    private List<Tensor> probabilities;

    Losses(PlanBuilder builder, List<Plan.Inputs> inputs, boolean training) {
        this.builder = builder;
        this.inputs = inputs;
        this.training = training;
    }

    void add(Division division, Layer.SoftmaxCrossEntropy l, Value scores) {
        Distribution distribution = scores.distribution();
        Value gradient = training ? builder.value(l.name() + ".input.gradient", scores.shape(), distribution) : null;
        losses = builder.each(distribution, lane -> results(l.name() + ".losses", Format.ACTIVATION, scores.on(lane), 1));
        ranks = builder.each(distribution, lane -> results(l.name() + ".ranks", Format.INTEGERS, scores.on(lane), 1));
        if (!division.main()) {
            auxiliary.add(losses);
        }
        probabilities = training ? null : builder.each(distribution,
                lane -> results(l.name() + ".probabilities", Format.ACTIVATION, scores.on(lane), scores.shape().channels()));
        for (int lane : builder.holders(distribution)) {
            builder.launch(lane, new Operation.SoftmaxCrossEntropy(l.name(), scores.on(lane), inputs.get(lane).labels(), losses.get(lane),
                    ranks.get(lane), training ? null : probabilities.get(lane), training ? gradient.on(lane) : null,
                    (float) (builder.batch() / l.weight())));
        }
        gradients.put(division.index(), gradient);
    }

    private Tensor results(String name, Format format, Tensor scores, int columns) {
        return builder.tensor(name, scores.device(), format, Role.OUTPUT, scores.batch(), columns, 1, 1);
    }

    /** Of what a loss sees; each lane that sees the same has the same. */
    Value gradient(int index) {
        return gradients.get(index);
    }

    /**
     * What the host reads, for each lane.
     *
     * @param status null in evaluation
     */
    List<Plan.Outputs> outputs(Division last, List<Tensor> status, GivenOut givenOut) {
        return builder.each(lane -> new Plan.Outputs(last.seen().first(Axis.BATCH, lane), losses.get(lane), ranks.get(lane),
                training ? null : probabilities.get(lane), auxiliary.stream().map(each -> each.get(lane)).toList(),
                training ? status.get(lane) : null, givenOut.on(lane), null));
    }
}
