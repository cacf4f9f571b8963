package duet.plan;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.function.Supplier;
import java.util.stream.IntStream;

import duet.device.Operation;
import duet.device.Tensor;
import duet.device.Tensor.Role;
import duet.net.Layer;
import duet.plan.ParameterTensors.Held;
import duet.plan.Placement.Work;

/**
 * The gradients of parameters, and what they change. Each layer's parameters are updated as soon as its gradients are there and nothing
 * reads the old weights any more, so that gradients live for one layer only. Where devices have the same weights, the sum of their
 * gradients is under way while the next layer computes; of large weights each device updates a share ({@link Shares}), and these are under
 * way while the layer after that computes. Gradients of a layer in rounds are added up, from the first round to the last, and the last
 * one updates.
 */
final class Updates {
    private final PlanBuilder builder;
    private final ParameterTensors parameters;
    private final Moves moves;
    private final Shares shares;
    /** Updates that wait for sums. */
    private final Queue<Runnable> waiting = new ArrayDeque<>();
    /** By layer in rounds: the sums so far. */
    private final Map<Integer, List<Gradients>> sums = new HashMap<>();

    Updates(PlanBuilder builder, ParameterTensors parameters) {
        this.builder = builder;
        this.parameters = parameters;
        moves = new Moves(builder);
        shares = new Shares(builder);
    }

    /**
     * The gradients of a layer's parameters, and their update unless rounds are still to come. Updates of layers above that waited for sums
     * come before this layer's own sums are sent.
     */
    void add(Forward.Trace trace, Value gradient) {
        Division division = trace.division();
        List<Gradients> made = new ArrayList<>();
        for (int lane = 0; lane < builder.lanes(); lane++) {
            boolean again = division.work() == Work.REPLICATED && !builder.holders(division.made()).contains(lane);
            if (parameters.weight(division.name(), lane) != null && !again) {
                made.add(gradients(trace, gradient, lane));
            }
        }
        proceed();
        if (division.inRounds()) {
            made = added(division, made);
            if (gradient.images().end() < builder.batch()) {
                return;
            }
        }
        if (division.work() == Work.REPLICATED && !division.made().whole()) {
            addUp(division, made);
        } else {
            made.forEach(gradients -> {
                update(division, gradients.lane(), gradients.weight(), parameters.weight(division.name(), gradients.lane()));
                updateBias(division, gradients.lane(), gradients.bias());
            });
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
    private record Gradients(int lane, Tensor weight, Tensor bias) {}

    private Gradients gradients(Forward.Trace trace, Value gradient, int lane) {
        Division division = trace.division();
        Held bias = parameters.bias(division.name(), lane);
        Tensor weightGradient = gradientOf(parameters.weight(division.name(), lane).tensor());
        Tensor biasGradient = bias == null ? null : gradientOf(bias.tensor());
        Tensor input = trace.input().on(lane);
        Tensor outputGradient = gradient.on(lane);
        builder.launch(lane, division.layer() instanceof Layer.Convolution l
                ? new Operation.ConvolutionBackwardWeights(l.name(), DeviceGeometry.convolution(division, l, lane), input, outputGradient,
                        weightGradient, biasGradient)
                : new Operation.FullyConnectedBackwardWeights(division.name(), input, outputGradient, weightGradient, biasGradient));
        return new Gradients(lane, weightGradient, biasGradient);
    }

    /** The gradients of this round and those before, from the first on. */
    private List<Gradients> added(Division division, List<Gradients> made) {
        List<Gradients> sum = sums.putIfAbsent(division.index(), made);
        if (sum == null) {
            return made;
        }
        for (int i = 0; i < made.size(); i++) {
            add(division, made.get(i).lane(), sum.get(i).weight(), made.get(i).weight());
            if (made.get(i).bias() != null) {
                add(division, made.get(i).lane(), sum.get(i).bias(), made.get(i).bias());
            }
        }
        return sum;
    }

    private void add(Division division, int lane, Tensor sum, Tensor own) {
        builder.launch(lane, new Operation.Add(division.name(), sum, own, sum));
    }

    /** All lanes have the same weights: each device adds what its own lanes made, and then what all devices have. */
    private void addUp(Division division, List<Gradients> made) {
        List<Tensor> terms = made.stream().map(Gradients::weight).toList();
        List<Range> ranges = parameters.shares(division.name());
        Supplier<List<Tensor>> weights = ranges.isEmpty() ? moves.addedUp(division.name(), terms, ".received.gradient")
                : shares.sums(division.name(), terms, ranges);
        Supplier<List<Tensor>> biases = made.getFirst().bias() == null ? null
                : moves.addedUp(division.name(), made.stream().map(Gradients::bias).toList(), ".received.gradient");
        waiting.add(() -> {
            List<Tensor> bias = biases == null ? null : biases.get();
            List<Tensor> weight = weights.get();
            if (!ranges.isEmpty()) {
                waiting.add(updateShares(division, ranges, weight));
            }
            for (int device = 0; device < builder.devices(); device++) {
                int lane = builder.lane(device);
                if (ranges.isEmpty()) {
                    update(division, lane, weight.get(device), parameters.weight(division.name(), lane));
                }
                updateBias(division, lane, bias == null ? null : bias.get(device));
            }
        });
    }

    /** Each device updates its share of the weights; they are on their way to all when this returns, and there when the result has run. */
    private Runnable updateShares(Division division, List<Range> ranges, List<Tensor> gradients) {
        List<Tensor> updated = new ArrayList<>();
        for (int device = 0; device < ranges.size(); device++) {
            int lane = builder.lane(device);
            Held whole = parameters.weight(division.name(), lane);
            Held share = new Held(shares.weights(division.name(), whole.tensor(), ranges.get(device)), whole.momentum(), whole.rateIndex());
            update(division, lane, gradients.get(device), share);
            updated.add(share.tensor());
        }
        return shares.handRound(division.name(), updated, IntStream.range(0, builder.devices())
                .mapToObj(device -> parameters.weight(division.name(), builder.lane(device)).tensor()).toList());
    }

    private void update(Division division, int lane, Tensor gradient, Held weight) {
        sgd(division, lane, gradient, weight);
        if (division.layer() instanceof Layer.Convolution l && l.maximumRms() > 0) {
            builder.launch(lane, new Operation.FilterRenormalise(l.name(), weight.tensor(), (float) l.maximumRms()));
        }
    }

    /** @param gradient null if the lane holds no bias */
    private void updateBias(Division division, int lane, Tensor gradient) {
        if (gradient != null) {
            sgd(division, lane, gradient, parameters.bias(division.name(), lane));
        }
    }

    private void sgd(Division division, int lane, Tensor gradient, Held held) {
        builder.launch(lane, new Operation.SgdUpdate(division.name(), gradient, held.tensor(), held.momentum(), held.rateIndex()));
    }

    private Tensor gradientOf(Tensor parameter) {
        return builder.tensor(parameter.name() + ".gradient", parameter.device(), parameter.format(), Role.TRANSIENT, parameter.batch(),
                parameter.channels(), parameter.height(), parameter.width(), parameter.groups());
    }
}
