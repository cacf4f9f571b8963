package duet.plan;

import java.util.List;
import java.util.Set;

import duet.device.Axis;
import duet.device.Operation;
import duet.device.Operation.Activation;
import duet.device.Tensor;
import duet.device.Tensor.Format;
import duet.device.Tensor.Role;
import duet.net.Layer;
import duet.plan.Forward.Trace;
import duet.plan.InPlace.Change;
import duet.plan.PlanSteps.Exchange;
import duet.plan.PlanSteps.Parcel;

/** The launches of each layer on the way forward, on each lane, and the exchanges after them. */
final class ForwardLayers {
    private final PlanBuilder builder;
    private final GroupParameters parameters;
    private final List<Division> divisions;
    private final Losses losses;
    private final boolean training;
    private final boolean dropout;
    private final boolean winners;
    private final Set<Value> shared;
    private final Trace[] traces;

    /**
     * @param winners whether max-pooling notes who won
     * @param shared  what no layer may overwrite
     * @param traces  what each layer leaves for the way back
     */
    ForwardLayers(PlanBuilder builder, GroupParameters parameters, List<Division> divisions, Losses losses, boolean training,
            boolean dropout, boolean winners, Set<Value> shared, Trace[] traces) {
        this.builder = builder;
        this.parameters = parameters;
        this.divisions = divisions;
        this.losses = losses;
        this.training = training;
        this.dropout = dropout;
        this.winners = winners;
        this.shared = shared;
        this.traces = traces;
    }

    /** @param inputs as the layer's cut wants to see them */
    Value make(Division division, List<Value> inputs) {
        Value input = inputs.getFirst();
        return switch (division.layer()) {
            case Layer.Convolution l -> convolution(division, l, input);
            case Layer.FullyConnected l -> fullyConnected(division, l, input);
            case Layer.Nonlinearity l -> nonlinearity(division, l, input);
            case Layer.LocalResponseNorm _,Layer.SpatialResponseNorm _ -> norm(division, input);
            case Layer.Pooling l -> pooling(division, l, input);
            case Layer.Dropout l -> dropout(division, l, input);
            case Layer.Concatenation _ -> concatenation(division, inputs);
            case Layer.Addition _ -> addition(division, inputs);
            case Layer.SoftmaxCrossEntropy l -> {
                losses.add(division, l, input);
                yield trace(division, inputs, input, null);
            }
        };
    }

    private Value trace(Division division, List<Value> inputs, Value output, List<Tensor> winners) {
        traces[division.index()] = new Trace(division, inputs, output, winners);
        return output;
    }

    private Value trace(Division division, Value input, Value output) {
        return trace(division, List.of(input), output, null);
    }

    private Value output(Division division, Value input) {
        return builder.value(division.name() + ".output", input.images(), division.output(), division.made());
    }

    private Value convolution(Division division, Layer.Convolution l, Value input) {
        Value output = output(division, input);
        for (int lane : builder.holders(division.made())) {
            builder.launch(lane, new Operation.ConvolutionForward(l.name(), DeviceGeometry.convolution(division, l, lane), input.on(lane),
                    weight(l, lane), bias(l, lane), output.on(lane)));
        }
        return trace(division, input, output);
    }

    private Value fullyConnected(Division division, Layer.FullyConnected l, Value input) {
        Value output = switch (division.work()) {
            case INPUTS -> partialSums(division, l, input);
            case FIRST_DEVICE -> handedOut(division, l, input);
            case LOCAL, GROUPS -> throw new IllegalStateException(l.name() + " is fully connected, not " + division.work());
            case OUTPUTS, REPLICATED -> {
                Value value = output(division, input);
                for (int lane : builder.holders(division.made())) {
                    multiply(l, lane, input, value.on(lane));
                }
                yield value;
            }
        };
        return trace(division, input, output);
    }

    private void multiply(Layer.FullyConnected l, int lane, Value input, Tensor output) {
        builder.launch(lane, new Operation.FullyConnectedForward(l.name(), input.on(lane), weight(l, lane), bias(l, lane), output));
    }

    /** Each lane multiplies its share of the inputs, and the sums are added up. */
    private Value partialSums(Division division, Layer.FullyConnected l, Value input) {
        Value partial = builder.partial(l.name() + ".output", input.images(), division.output(), division.made());
        for (int lane = 0; lane < builder.lanes(); lane++) {
            multiply(l, lane, input, partial.on(lane));
        }
        List<Integer> devices = builder.devices();
        List<Tensor> added = Team.of(devices).sums(builder.steps(), l.name(), builder.byDevice(partial.parts()), ".received").get();
        return new Value(builder.each(division.made(), lane -> added.get(devices.indexOf(builder.device(lane)))), input.images(),
                division.output(), division.made());
    }

    private Value handedOut(Division division, Layer.FullyConnected l, Value input) {
        Tensor made = builder.activation(l.name() + ".output", 0, input.images(), division.output(), division.made());
        multiply(l, 0, input, made);
        List<Integer> devices = builder.devices();
        Exchange exchange = builder.steps().exchange(l.name(),
                devices.stream().skip(1).map(device -> new Parcel(made, l.name() + ".output", device)).toList());
        builder.steps().await(exchange);
        return new Value(
                builder.each(division.made(),
                        lane -> lane == 0 ? made : exchange.arrived().get(devices.indexOf(builder.device(lane)) - 1)),
                input.images(), division.output(), division.made());
    }

    private Value nonlinearity(Division division, Layer.Nonlinearity l, Value input) {
        Change change = l.function() == Activation.RELU ? Change.RELU : Change.OTHER;
        Value output = overwrites(division, change, input) ? input : output(division, input);
        for (int lane : builder.holders(division.made())) {
            builder.launch(lane, new Operation.ActivationForward(l.name(), l.function(), input.on(lane), output.on(lane)));
        }
        return trace(division, input, output);
    }

    private boolean overwrites(Division division, Change change, Value input) {
        return !shared.contains(input) && !(training && InPlace.spoils(change, divisions, division.from().getFirst()));
    }

    private Value norm(Division division, Value input) {
        Value output = output(division, input);
        for (int lane : builder.holders(division.made())) {
            Tensor in = input.on(lane);
            Tensor out = output.on(lane);
            builder.launch(lane, division.layer() instanceof Layer.LocalResponseNorm l
                    ? new Operation.ResponseNormForward(l.name(), DeviceGeometry.norm(division, l, lane), in, out)
                    : new Operation.SpatialNormForward(division.name(), DeviceGeometry.norm((Layer.SpatialResponseNorm) division.layer()),
                            in, out));
        }
        return trace(division, input, output);
    }

    private Value pooling(Division division, Layer.Pooling l, Value input) {
        Value output = output(division, input);
        boolean back = winners && l.kind() == Layer.Pooling.Kind.MAX && (division.inputGradient() || !training);
        List<Tensor> recorded = !back ? null : builder.each(division.made(), lane -> {
            Tensor pooled = output.on(lane);
            return builder.tensor(l.name() + ".winners", pooled.device(), Format.WINNERS, Role.TRANSIENT, pooled.batch(),
                    pooled.channels(), pooled.height(), pooled.width());
        });
        for (int lane : builder.holders(division.made())) {
            var geometry = DeviceGeometry.pooling(division, l, lane);
            builder.launch(lane, switch (l.kind()) {
                case MAX -> new Operation.MaxPoolForward(l.name(), geometry, input.on(lane), output.on(lane),
                        back ? recorded.get(lane) : null);
                case AVERAGE -> new Operation.AveragePoolForward(l.name(), geometry, input.on(lane), output.on(lane));
            });
        }
        return trace(division, List.of(input), output, recorded);
    }

    /** Without dropout there is nothing to do, in training and so in evaluation. */
    private Value dropout(Division division, Layer.Dropout l, Value input) {
        if (!dropout || l.rate() == 0) {
            return input;
        }
        return training ? mask(division, l, input) : scaled(division, l, input);
    }

    private Value mask(Division division, Layer.Dropout l, Value input) {
        Change change = Dropouts.scale(l) == 1 ? Change.MASK : Change.SCALED_MASK;
        Value output = overwrites(division, change, input) ? input : output(division, input);
        Dropouts.launch(builder, division, l, input, output);
        return trace(division, input, output);
    }

    private Value scaled(Division division, Layer.Dropout l, Value input) {
        if (l.inverted()) {
            return input;
        }
        Value output = shared.contains(input) ? output(division, input) : input;
        for (int lane : builder.holders(division.made())) {
            builder.launch(lane, new Operation.Scale(l.name(), input.on(lane), output.on(lane), (float) (1 - l.rate())));
        }
        return output;
    }

    private Value concatenation(Division division, List<Value> inputs) {
        Value output = output(division, inputs.getFirst());
        for (int lane : builder.holders(division.made())) {
            builder.launch(lane, new Operation.Gather(division.name(), Axis.CHANNELS, inputs.stream().map(input -> input.on(lane)).toList(),
                    output.on(lane)));
        }
        return trace(division, inputs, output, null);
    }

    private Value addition(Division division, List<Value> inputs) {
        Value output = output(division, inputs.getFirst());
        for (int lane : builder.holders(division.made())) {
            Tensor sum = inputs.getFirst().on(lane);
            for (Value input : inputs.subList(1, inputs.size())) {
                builder.launch(lane, new Operation.Add(division.name(), sum, input.on(lane), output.on(lane)));
                sum = output.on(lane);
            }
        }
        return trace(division, inputs, output, null);
    }

    private Tensor weight(Layer l, int lane) {
        return parameters.weight(l.name(), lane).tensor();
    }

    private Tensor bias(Layer l, int lane) {
        GroupParameters.Held bias = parameters.bias(l.name(), lane);
        return bias == null ? null : bias.tensor();
    }
}
