package duet.plan;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.function.Supplier;
import java.util.stream.IntStream;

import duet.device.Axis;
import duet.device.Operation;
import duet.device.Tensor;
import duet.device.Tensor.Role;
import duet.net.Layer;
import duet.plan.ParameterTensors.Held;
import duet.plan.Placement.Work;

/**
 * The way back from the losses to the first layers with parameters. Each layer's parameters are updated as soon as its gradients are there
 * and nothing reads the old weights any more, so that gradients live for one layer only; where lanes have the same weights, the sum of
 * their gradients is under way while the next layer computes. What several layers have taken gets the sum of their gradients, from the last
 * one to the first.
 */
final class Backward {
    private final PlanBuilder builder;
    private final Moves moves;
    private final Returns returns;
    private final ParameterTensors parameters;
    private final Forward forward;
    private final Losses losses;
    private final List<Division> divisions;
    /** By layer: the gradient of what it made, of the layers above that are through. */
    private final Map<Integer, Value> gradients = new HashMap<>();
    /** Updates that wait for sums. */
    private final Queue<Runnable> updates = new ArrayDeque<>();

    Backward(PlanBuilder builder, ParameterTensors parameters, List<Division> divisions, Forward forward, Losses losses) {
        this.builder = builder;
        this.parameters = parameters;
        this.divisions = divisions;
        this.forward = forward;
        this.losses = losses;
        moves = new Moves(builder);
        returns = new Returns(builder);
    }

    void run() {
        for (Division division : divisions.reversed()) {
            Forward.Trace trace = forward.trace(division.index());
            if (division.layer() instanceof Layer.SoftmaxCrossEntropy) {
                give(division, 0, losses.gradient(division.index()), false);
                continue;
            }
            Value gradient = gradients.remove(division.index());
            if (gradient == null) {
                continue;
            }
            if (trace == null) { // it did nothing
                give(division, 0, gradient, false);
            } else if (division.weighted()) {
                weighted(trace, gradient);
            } else if (division.inputGradient()) {
                local(trace, gradient);
            }
        }
        updates.forEach(Runnable::run);
    }

    /** Hands a gradient of what a layer saw to the layer that made it. */
    private void give(Division division, int input, Value gradient, boolean partial) {
        if (needed(division, input)) {
            receive(division, input, returns.back(division.name(), gradient, division.given().get(input), partial).get());
        }
    }

    private static boolean needed(Division division, int input) {
        return division.gradients().get(input);
    }

    private void receive(Division division, int input, Value gradient) {
        gradients.merge(division.from().get(input), gradient, (sum, own) -> {
            for (int lane : builder.holders(own.distribution())) {
                builder.launch(lane, new Operation.Add(division.name(), own.on(lane), sum.on(lane), own.on(lane)));
            }
            return own;
        });
    }

    /** A layer with parameters: its input's gradient first, because the update overwrites the weights. */
    private void weighted(Forward.Trace trace, Value gradient) {
        Division division = trace.division();
        if (!division.inputGradient()) {
            update(trace, gradient);
            return;
        }
        boolean partial = division.work() == Work.OUTPUTS && builder.lanes() > 1;
        String name = division.name() + (partial ? ".partial.gradient" : ".input.gradient");
        Value input = partial ? builder.partial(name, division.input(), division.seen())
                : builder.value(name, division.input(), division.seen());
        for (int lane = 0; lane < builder.lanes(); lane++) {
            if (partial || builder.holders(division.seen()).contains(lane)) {
                backwardData(division, lane, gradient.on(lane), input.on(lane));
            }
        }
        Supplier<Value> back = returns.back(division.name(), input, division.given().getFirst(), partial);
        update(trace, gradient);
        receive(division, 0, back.get());
    }

    private void backwardData(Division division, int lane, Tensor gradient, Tensor input) {
        Tensor weight = parameters.weight(division.name(), lane).tensor();
        builder.launch(lane, division.layer() instanceof Layer.Convolution l
                ? new Operation.ConvolutionBackwardData(l.name(), DeviceGeometry.convolution(division, l, lane), gradient, weight, input)
                : new Operation.FullyConnectedBackwardData(division.name(), gradient, weight, input));
    }

    /** Updates of layers above that waited for sums come before this layer's own sums are sent. */
    private void update(Forward.Trace trace, Value gradient) {
        Division division = trace.division();
        List<Gradients> made = new ArrayList<>();
        for (int lane = 0; lane < builder.lanes(); lane++) {
            boolean again = division.work() == Work.REPLICATED && !builder.holders(division.made()).contains(lane);
            if (parameters.weight(division.name(), lane) != null && !again) {
                made.add(gradients(trace, gradient, lane));
            }
        }
        for (Runnable waiting = updates.poll(); waiting != null; waiting = updates.poll()) {
            waiting.run();
        }
        if (division.work() == Work.REPLICATED && !division.made().whole()) {
            addUp(division, made);
        } else {
            made.forEach(gradients -> update(division, gradients.lane(), gradients.weight(), gradients.bias()));
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

    /** All lanes have the same weights: each device adds what its own lanes made, and then what all devices have. */
    private void addUp(Division division, List<Gradients> made) {
        Supplier<List<Tensor>> weights = moves.addedUp(division.name(), made.stream().map(Gradients::weight).toList(),
                ".received.gradient");
        Supplier<List<Tensor>> biases = made.getFirst().bias() == null ? null
                : moves.addedUp(division.name(), made.stream().map(Gradients::bias).toList(), ".received.gradient");
        updates.add(() -> {
            List<Tensor> weight = weights.get();
            List<Tensor> bias = biases == null ? null : biases.get();
            for (int device = 0; device < builder.devices(); device++) {
                update(division, builder.lane(device), weight.get(device), bias == null ? null : bias.get(device));
            }
        });
    }

    private void update(Division division, int lane, Tensor weightGradient, Tensor biasGradient) {
        Held weight = parameters.weight(division.name(), lane);
        sgd(division, lane, weightGradient, weight);
        if (division.layer() instanceof Layer.Convolution l && l.maximumRms() > 0) {
            builder.launch(lane, new Operation.FilterRenormalise(l.name(), weight.tensor(), (float) l.maximumRms()));
        }
        if (biasGradient != null) {
            sgd(division, lane, biasGradient, parameters.bias(division.name(), lane));
        }
    }

    private void sgd(Division division, int lane, Tensor gradient, Held held) {
        builder.launch(lane, new Operation.SgdUpdate(division.name(), gradient, held.tensor(), held.momentum(), held.rateIndex()));
    }

    private Tensor gradientOf(Tensor parameter) {
        return builder.tensor(parameter.name() + ".gradient", parameter.device(), parameter.format(), Role.TRANSIENT, parameter.batch(),
                parameter.channels(), parameter.height(), parameter.width(), parameter.groups());
    }

    private void local(Forward.Trace trace, Value gradient) {
        Division division = trace.division();
        switch (division.layer()) {
            case Layer.Nonlinearity _,Layer.Dropout _ -> give(division, 0, below(trace, gradient, gradient), false);
            case Layer.LocalResponseNorm _,Layer.SpatialResponseNorm _,Layer.Pooling _ -> give(division, 0, below(trace, gradient,
                    builder.value(division.name() + ".input.gradient", division.input(), division.seen())), false);
            case Layer.Concatenation _ -> concatenation(division, gradient);
            case Layer.Addition _ -> addition(division, gradient);
            case Layer.Weighted _,Layer.SoftmaxCrossEntropy _ -> throw notLocal(division);
        }
    }

    private static IllegalStateException notLocal(Division division) {
        return new IllegalStateException(division.name() + " is no layer without parameters that has one input");
    }

    /** Each input gets its channels. */
    private void concatenation(Division division, Value gradient) {
        int[] first = new int[builder.lanes()];
        for (int i = 0; i < division.inputs().size(); i++) {
            Distribution seen = division.cut().seen().get(i);
            boolean needed = needed(division, i);
            Value part = !needed ? null : builder.value(division.name() + ".input.gradient", division.inputs().get(i), seen);
            for (int lane = 0; lane < builder.lanes(); lane++) {
                if (needed && builder.holders(seen).contains(lane)) {
                    builder.launch(lane,
                            new Operation.Slice(division.name(), Axis.CHANNELS, gradient.on(lane), first[lane], part.on(lane)));
                }
                first[lane] += seen.count(Axis.CHANNELS, lane, division.inputs().get(i).channels());
            }
            if (needed) {
                give(division, i, part, false);
            }
        }
    }

    /** Each input gets all of it: the last one the original, the others copies, since the layers below work in place. */
    private void addition(Division division, Value gradient) {
        List<Integer> needed = IntStream.range(0, division.inputs().size()).filter(i -> needed(division, i)).boxed().toList();
        for (int input : needed) {
            give(division, input, input == needed.getLast() ? gradient : copy(division, gradient), false);
        }
    }

    private Value copy(Division division, Value gradient) {
        Value copy = builder.value(division.name() + ".input.gradient", gradient.shape(), gradient.distribution());
        for (int lane : builder.holders(gradient.distribution())) {
            builder.launch(lane, new Operation.Scale(division.name(), gradient.on(lane), copy.on(lane), 1));
        }
        return copy;
    }

    private Value below(Forward.Trace trace, Value gradient, Value input) {
        for (int lane : builder.holders(trace.division().made())) {
            builder.launch(lane, operation(trace, lane, gradient.on(lane), input.on(lane)));
        }
        return input;
    }

    private static Operation operation(Forward.Trace trace, int lane, Tensor outputGradient, Tensor inputGradient) {
        Division division = trace.division();
        return switch (division.layer()) {
            case Layer.Nonlinearity l ->
                new Operation.ActivationBackward(l.name(), l.function(), trace.output().on(lane), outputGradient, inputGradient);
            case Layer.Dropout l -> Dropouts.operation(division, l, lane, outputGradient, inputGradient);
            case Layer.LocalResponseNorm l -> new Operation.ResponseNormBackward(l.name(), DeviceGeometry.norm(division, l, lane),
                    trace.input().on(lane), outputGradient, inputGradient);
            case Layer.SpatialResponseNorm l ->
                new Operation.SpatialNormBackward(l.name(), DeviceGeometry.norm(l), trace.input().on(lane), outputGradient, inputGradient);
            case Layer.Pooling l -> switch (l.kind()) {
                case MAX -> new Operation.MaxPoolBackward(l.name(), DeviceGeometry.pooling(division, l, lane), trace.winners().get(lane),
                        outputGradient, inputGradient);
                case AVERAGE -> new Operation.AveragePoolBackward(l.name(), DeviceGeometry.pooling(division, l, lane), outputGradient,
                        inputGradient);
            };
            case Layer.Concatenation _,Layer.Addition _,Layer.Weighted _,Layer.SoftmaxCrossEntropy _ -> throw notLocal(division);
        };
    }
}
