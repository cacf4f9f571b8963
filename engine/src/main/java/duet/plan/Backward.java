package duet.plan;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import java.util.stream.IntStream;

import duet.device.Axis;
import duet.device.Operation;
import duet.device.Tensor;
import duet.net.Layer;
import duet.plan.Placement.Work;

/**
 * The way back from the losses to the first layers with parameters, which are updated on the way ({@link Updates}). What several layers
 * have taken gets the sum of their gradients, from the last one to the first.
 *
 * <p>Layers in rounds go first, a round at a time, each right after its way forward; what a round gives to the layers below is on its way
 * while the next one computes.
 */
final class Backward {
    private final PlanBuilder builder;
    private final Returns returns;
    private final GroupParameters parameters;
    private final Forward forward;
    private final Losses losses;
    private final List<Division> divisions;
    /** By layer: the gradient of what it made, of the layers above that are through. */
    private final Map<Integer, Value> gradients = new HashMap<>();
    private final Updates updates;
    private final Rounds rounds;
    /** By layer and input: what the rounds give to a layer that is computed at once. */
    private final Map<List<Integer>, List<Value>> given = new HashMap<>();
    /** What a round has sent there. */
    private final List<Runnable> sent = new ArrayList<>();

    Backward(PlanBuilder builder, GroupParameters parameters, List<Division> divisions, Forward forward, Losses losses, Updates updates) {
        this.builder = builder;
        this.parameters = parameters;
        this.divisions = divisions;
        this.forward = forward;
        this.losses = losses;
        returns = new Returns(builder);
        this.updates = updates;
        rounds = new Rounds(builder, divisions);
    }

    /**
     * The round whose way forward is the latest. What the one before has sent is received behind it: it has had all this time.
     *
     * @param runs one for each run of the batch: layer by layer, so that a layer's gradients of all runs are there at the same time
     */
    static void round(List<Backward> runs) {
        List<Runnable> before = runs.stream().flatMap(run -> run.sent.stream()).toList();
        runs.forEach(run -> run.sent.clear());
        runs.getFirst().divisions.reversed().stream().filter(Division::inRounds)
                .forEach(division -> runs.forEach(run -> run.layer(division)));
        before.forEach(Runnable::run);
    }

    /**
     * What is computed at once.
     *
     * @param runs one for each run of the batch, likewise
     */
    static void run(List<Backward> runs) {
        runs.forEach(run -> run.sent.forEach(Runnable::run));
        for (Division division : runs.getFirst().divisions.reversed()) {
            for (Backward run : runs) {
                if (division.inRounds()) {
                    run.received(division);
                } else {
                    run.layer(division);
                }
            }
        }
    }

    private void layer(Division division) {
        Forward.Trace trace = forward.trace(division.index());
        if (division.layer() instanceof Layer.SoftmaxCrossEntropy) {
            give(division, 0, losses.gradient(division.index()), false);
            return;
        }
        Value gradient = gradients.remove(division.index());
        if (gradient == null) {
            return;
        }
        if (trace == null) { // it did nothing
            give(division, 0, gradient, false);
        } else if (division.weighted()) {
            weighted(trace, gradient);
        } else if (division.inputGradient()) {
            local(trace, gradient);
        }
    }

    /** What a layer's rounds have given goes to the layers below in the layer's turn, so that sums have the order of the layers. */
    private void received(Division division) {
        for (int i = 0; i < division.from().size(); i++) {
            List<Value> all = given.get(List.of(division.index(), i));
            if (all != null) {
                add(division, i, rounds.joined(division.name(), all, builder.image()));
            }
        }
    }

    /** Hands a gradient of what a layer saw to the layer that made it. */
    private void give(Division division, int input, Value gradient, boolean partial) {
        if (needed(division, input)) {
            receive(division, input, returns.back(division.name(), gradient, division.given().get(input), partial));
        }
    }

    private static boolean needed(Division division, int input) {
        return division.gradients().get(input);
    }

    private void receive(Division division, int input, Supplier<Value> gradient) {
        if (rounds.begin(division, input)) {
            List<Value> all = given.computeIfAbsent(List.of(division.index(), input), _ -> new ArrayList<>());
            sent.add(() -> all.add(gradient.get()));
        } else {
            add(division, input, gradient.get());
        }
    }

    private void add(Division division, int input, Value gradient) {
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
            updates.add(builder, trace, gradient);
            return;
        }
        boolean partial = division.work() == Work.OUTPUTS && builder.lanes() > 1;
        String name = division.name() + (partial ? ".partial.gradient" : ".input.gradient");
        Value input = partial ? builder.partial(name, gradient.images(), division.input(), division.seen())
                : builder.value(name, gradient.images(), division.input(), division.seen());
        for (int lane = 0; lane < builder.lanes(); lane++) {
            if (partial || builder.holders(division.seen()).contains(lane)) {
                backwardData(division, lane, gradient.on(lane), input.on(lane));
            }
        }
        Supplier<Value> back = returns.back(division.name(), input, division.given().getFirst(), partial);
        updates.add(builder, trace, gradient);
        receive(division, 0, back);
    }

    private void backwardData(Division division, int lane, Tensor gradient, Tensor input) {
        Tensor weight = parameters.weight(division.name(), lane).tensor();
        builder.launch(lane, division.layer() instanceof Layer.Convolution l
                ? new Operation.ConvolutionBackwardData(l.name(), DeviceGeometry.convolution(division, l, lane), gradient, weight, input)
                : new Operation.FullyConnectedBackwardData(division.name(), gradient, weight, input));
    }

    private void local(Forward.Trace trace, Value gradient) {
        Division division = trace.division();
        switch (division.layer()) {
            case Layer.Nonlinearity _ -> give(division, 0, below(trace, gradient, gradient), false);
            case Layer.Dropout l -> {
                Dropouts.launch(builder, division, l, gradient, gradient);
                give(division, 0, gradient, false);
            }
            case Layer.LocalResponseNorm _,Layer.SpatialResponseNorm _,Layer.Pooling _ -> give(division, 0, below(trace, gradient,
                    builder.value(division.name() + ".input.gradient", gradient.images(), division.input(), division.seen())), false);
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
            Value part = !needed ? null
                    : builder.value(division.name() + ".input.gradient", gradient.images(), division.inputs().get(i), seen);
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
        Value copy = builder.value(division.name() + ".input.gradient", gradient.images(), gradient.shape(), gradient.distribution());
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
            case Layer.Dropout _,Layer.Concatenation _,Layer.Addition _,Layer.Weighted _,Layer.SoftmaxCrossEntropy _ ->
                throw notLocal(division);
        };
    }
}
