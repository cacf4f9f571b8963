package duet.plan;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.function.Function;
import java.util.function.Supplier;

import duet.device.Operation;
import duet.device.Tensor;
import duet.device.Tensor.Role;
import duet.net.Layer;
import duet.plan.GroupParameters.Held;
import duet.plan.Placement.Work;

/**
 * The gradients of parameters, and what they change. Each layer's parameters are updated as soon as its gradients are there and nothing
 * reads the old weights any more, so that gradients live for one layer only. Where devices have the same weights, the sum of their
 * gradients is under way while the next layer computes; of large weights each device updates a share ({@link Shares}), and these are under
 * way while the layer after that computes. Gradients of a layer in rounds are added up, from the first round to the last, and the last
 * one updates.
 */
final class Updates {
    private final ParameterTensors parameters;
    private final PlanSteps steps;
    private final Shares shares;
    /** Updates that wait for sums. */
    private final Queue<Runnable> waiting = new ArrayDeque<>();
    /** Of a layer, of the runs of the batch that have come to it. */
    private final List<Gradients> collected = new ArrayList<>();
    /** By layer in rounds: the sums so far. */
    private final Map<Integer, List<Gradients>> sums = new HashMap<>();

    Updates(PlanSteps steps, ParameterTensors parameters) {
        this.steps = steps;
        this.parameters = parameters;
        shares = new Shares(steps);
    }

    /**
     * The gradients of a layer's parameters from one run of the batch; when all runs have come to the layer, their update, unless rounds
     * are still to come. Updates of layers above that waited for sums come before this layer's own sums are sent.
     */
    void add(PlanBuilder builder, Forward.Trace trace, Value gradient) {
        Division division = trace.division();
        for (int lane = 0; lane < builder.lanes(); lane++) {
            boolean again = division.work() == Work.REPLICATED && !builder.holders(division.made()).contains(lane);
            if (parameters.of(builder).weight(division.name(), lane) != null && !again) {
                collected.add(gradients(builder, trace, gradient, lane));
            }
        }
        if (builder.all().end() < builder.batch()) {
            return;
        }
        List<Gradients> made = List.copyOf(collected);
        collected.clear();
        proceed();
        if (division.inRounds()) {
            made = added(division, made);
            if (gradient.images().end() < builder.batch()) {
                return;
            }
        }
        for (WeightTeam team : parameters.teams(division.name())) {
            List<Gradients> own = made.stream().filter(gradients -> team.lanes().contains(gradients.lane())).toList();
            if (own.size() > 1) {
                addUp(division, team, own);
            } else {
                update(division, team.lanes().getFirst(), own.getFirst().builder(), own.getFirst().weight(), own.getFirst().bias());
            }
        }
    }

    /** What waits for sums. */
    void finish() {
        while (!waiting.isEmpty()) {
            proceed();
        }
    }

    /** Each update that waits goes one step further: what it waits for was sent a layer ago. */
    private void proceed() {
        for (int left = waiting.size(); left > 0; left--) {
            waiting.remove().run();
        }
    }

    /** @param bias null for none */
    private record Gradients(PlanBuilder builder, int lane, Tensor weight, Tensor bias) {}

    private Gradients gradients(PlanBuilder builder, Forward.Trace trace, Value gradient, int lane) {
        Division division = trace.division();
        Held bias = parameters.of(builder).bias(division.name(), lane);
        Tensor weightGradient = gradientOf(parameters.of(builder).weight(division.name(), lane).tensor());
        Tensor biasGradient = bias == null ? null : gradientOf(bias.tensor());
        Tensor input = trace.input().on(lane);
        Tensor outputGradient = gradient.on(lane);
        builder.launch(lane, division.layer() instanceof Layer.Convolution l
                ? new Operation.ConvolutionBackwardWeights(l.name(), DeviceGeometry.convolution(division, l, lane), input, outputGradient,
                        weightGradient, biasGradient)
                : new Operation.FullyConnectedBackwardWeights(division.name(), input, outputGradient, weightGradient, biasGradient));
        return new Gradients(builder, lane, weightGradient, biasGradient);
    }

    /** The gradients of this round and those before, from the first on. */
    private List<Gradients> added(Division division, List<Gradients> made) {
        List<Gradients> sum = sums.putIfAbsent(division.index(), made);
        if (sum == null) {
            return made;
        }
        for (int i = 0; i < made.size(); i++) {
            add(division, sum.get(i).weight(), made.get(i).weight());
            if (made.get(i).bias() != null) {
                add(division, sum.get(i).bias(), made.get(i).bias());
            }
        }
        return sum;
    }

    private void add(Division division, Tensor sum, Tensor own) {
        steps.launch(sum.device(), new Operation.Add(division.name(), sum, own, sum));
    }

    /** All of a team have the same weights: each adds what it has made itself, and then what all have. */
    private void addUp(Division division, WeightTeam team, List<Gradients> made) {
        String layer = division.name();
        List<List<Gradients>> terms = team.team().devices().stream()
                .map(device -> made.stream().filter(gradients -> gradients.weight().device() == device).toList()).toList();
        List<List<Tensor>> weightTerms = tensors(terms, Gradients::weight);
        Supplier<List<Tensor>> weights = team.shares().isEmpty()
                ? team.team().sums(steps, layer, weightTerms, ".received.gradient")
                : shares.sums(layer, weightTerms, team);
        Supplier<List<Tensor>> biases = made.getFirst().bias() == null ? null
                : team.team().sums(steps, layer, tensors(terms, Gradients::bias), ".received.gradient");
        waiting.add(() -> {
            List<Tensor> bias = biases == null ? null : biases.get();
            List<Tensor> weight = weights.get();
            if (!team.shares().isEmpty()) {
                waiting.add(updateShares(division, team, terms, weight));
            }
            for (int i = 0; i < terms.size(); i++) {
                Gradients first = terms.get(i).getFirst();
                update(division, first.lane(), first.builder(), team.shares().isEmpty() ? weight.get(i) : null,
                        bias == null ? null : bias.get(i));
            }
        });
    }

    private static List<List<Tensor>> tensors(List<List<Gradients>> terms, Function<Gradients, Tensor> which) {
        return terms.stream().map(own -> own.stream().map(which).toList()).toList();
    }

    /** Each device updates its share of the weights; they are on their way to all when this returns, and there when the result has run. */
    private Runnable updateShares(Division division, WeightTeam team, List<List<Gradients>> holders, List<Tensor> gradients) {
        List<Held> weights = holders.stream().map(List::getFirst)
                .map(first -> parameters.of(first.builder()).weight(division.name(), first.lane())).toList();
        List<Tensor> updated = new ArrayList<>();
        for (int i = 0; i < team.shares().size(); i++) {
            Held whole = weights.get(team.owner(i));
            Held share = new Held(shares.weights(division.name(), whole.tensor(), team.shares().get(i)), whole.momentum(),
                    whole.rateIndex());
            update(division, gradients.get(i), share);
            updated.add(share.tensor());
        }
        return shares.handRound(division.name(), updated, weights.stream().map(Held::tensor).toList());
    }

    /**
     * @param weight null if it is updated otherwise
     * @param bias   null if the lane holds none
     */
    private void update(Division division, int lane, PlanBuilder builder, Tensor weight, Tensor bias) {
        if (weight != null) {
            update(division, weight, parameters.of(builder).weight(division.name(), lane));
        }
        if (bias != null) {
            sgd(division, bias, parameters.of(builder).bias(division.name(), lane));
        }
    }

    private void update(Division division, Tensor gradient, Held weight) {
        sgd(division, gradient, weight);
        if (division.layer() instanceof Layer.Convolution l && l.maximumRms() > 0) {
            steps.launch(weight.tensor().device(),
                    new Operation.FilterRenormalise(l.name(), weight.tensor(), (float) l.maximumRms()));
        }
    }

    private void sgd(Division division, Tensor gradient, Held held) {
        steps.launch(held.tensor().device(),
                new Operation.SgdUpdate(division.name(), gradient, held.tensor(), held.momentum(), held.rateIndex()));
    }

    private Tensor gradientOf(Tensor parameter) {
        return steps.tensor(parameter.name() + ".gradient", parameter.device(), parameter.format(), Role.TRANSIENT, parameter.batch(),
                parameter.channels(), parameter.height(), parameter.width(), parameter.groups());
    }
}
