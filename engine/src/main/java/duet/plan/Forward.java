package duet.plan;

import java.util.ArrayList;
import java.util.List;

import duet.device.Axis;
import duet.device.Operation;
import duet.device.Operation.Activation;
import duet.device.Tensor;
import duet.device.Tensor.Format;
import duet.device.Tensor.Role;
import duet.net.Layer;
import duet.net.Shape;
import duet.plan.InPlace.Change;

/** The way from the image to the scores: for each layer its launches on each device, and the exchanges before or after them. */
final class Forward {
    /**
     * What the backward pass needs of a layer.
     *
     * @param input   what the layer's own work saw: after gathering, if it gathers
     * @param output  shared with the layers that work in place on it
     * @param winners of max-pooling, else null
     */
    record Trace(Division division, Value input, Value output, List<Tensor> winners) {}

    private final PlanBuilder builder;
    private final ParameterTensors parameters;
    private final boolean training;
    private final boolean dropout;
    private final boolean winners;
    private final GivenOut givenOut;
    private final List<Trace> traces = new ArrayList<>();
    private final List<String> checkedLayers;
    private final List<Tensor> status;

    Forward(PlanBuilder builder, ParameterTensors parameters, List<Division> divisions, boolean training, boolean dropout,
            Requests requests) {
        this.builder = builder;
        this.parameters = parameters;
        this.training = training;
        this.dropout = dropout;
        winners = training || requests.projected() != null;
        givenOut = new GivenOut(builder, requests.layers());
        checkedLayers = training
                ? divisions.stream().filter(d -> d.work() != Division.Work.LOCAL).map(Division::name).toList()
                : List.of();
        status = training
                ? builder.each(device -> builder.tensor("status", device, Format.INTEGERS, Role.OUTPUT, 1, checkedLayers.size(), 1, 1))
                : List.of();
    }

    List<String> checkedLayers() {
        return checkedLayers;
    }

    /** One for each device; empty in evaluation. */
    List<Tensor> status() {
        return status;
    }

    GivenOut givenOut() {
        return givenOut;
    }

    List<Trace> traces() {
        return List.copyOf(traces);
    }

    /** Every layer but the loss. Returns the scores. */
    Value run(List<Division> divisions, Value image) {
        Value value = image;
        String unchecked = null;
        for (Division division : divisions.subList(0, divisions.size() - 1)) {
            if (unchecked != null && !(division.layer() instanceof Layer.Nonlinearity)) {
                check(unchecked, value);
                unchecked = null;
            }
            value = layer(division, value);
            givenOut.made(division, value);
            if (division.work() != Division.Work.LOCAL) {
                unchecked = division.name();
            } else if (unchecked != null) {
                check(unchecked, value);
                unchecked = null;
            }
        }
        if (unchecked != null) {
            check(unchecked, value);
        }
        return value;
    }

    private void check(String layer, Value value) {
        if (training) {
            for (int device = 0; device < builder.devices(); device++) {
                builder.launch(device,
                        new Operation.FiniteCheck(layer, value.on(device), status.get(device), checkedLayers.indexOf(layer)));
            }
        }
    }

    private Value layer(Division division, Value input) {
        return switch (division.layer()) {
            case Layer.Convolution l -> convolution(division, l, input);
            case Layer.FullyConnected l -> fullyConnected(division, l, input);
            case Layer.Nonlinearity l -> nonlinearity(division, l, input);
            case Layer.LocalResponseNorm _,Layer.SpatialResponseNorm _ -> norm(division, input);
            case Layer.Pooling l -> pooling(division, l, input);
            case Layer.Dropout l -> dropout(division, l, input);
            case Layer.SoftmaxCrossEntropy _ -> throw new IllegalStateException("the loss is not a layer of the forward pass");
        };
    }

    private Value trace(Division division, Value input, Value output, List<Tensor> winners) {
        traces.add(new Trace(division, input, output, winners));
        return output;
    }

    private Value output(Division division) {
        return builder.value(division.name() + ".output", division.output(), division.outputSplit());
    }

    private Value convolution(Division division, Layer.Convolution l, Value input) {
        Value seen = division.gathers() ? gather(division, input)
                : division.work() == Division.Work.GROUPS && !division.inputSplit() && builder.devices() > 1 ? share(division, input)
                : input;
        Value output = output(division);
        for (int device = 0; device < builder.devices(); device++) {
            builder.launch(device, new Operation.ConvolutionForward(l.name(), DeviceGeometry.convolution(division, l, builder.devices()),
                    seen.on(device), weight(l, device), bias(l, device), output.on(device)));
        }
        return trace(division, seen, output, null);
    }

    private Value fullyConnected(Division division, Layer.FullyConnected l, Value input) {
        Value seen = division.gathers() ? gather(division, input) : input;
        Value output = switch (division.work()) {
            case INPUTS -> partialSums(division, seen);
            case FIRST_DEVICE -> handedOut(division, seen);
            case LOCAL, GROUPS -> throw new IllegalStateException(l.name() + " is fully connected, not " + division.work());
            case OUTPUTS -> {
                Value value = output(division);
                for (int device = 0; device < builder.devices(); device++) {
                    multiply(l, device, seen, value.on(device));
                }
                yield value;
            }
        };
        return trace(division, seen, output, null);
    }

    private void multiply(Layer.FullyConnected l, int device, Value input, Tensor output) {
        builder.launch(device, new Operation.FullyConnectedForward(l.name(), input.on(device), weight(l, device), bias(l, device), output));
    }

    /** Each device multiplies its share of the inputs, and the sums are added up. */
    private Value partialSums(Division division, Value input) {
        Layer.FullyConnected l = (Layer.FullyConnected) division.layer();
        Value output = output(division);
        for (int device = 0; device < builder.devices(); device++) {
            multiply(l, device, input, output.on(device));
        }
        PlanBuilder.Exchange exchange = builder.exchange(l.name(), l.name() + ".received", output.parts());
        builder.await(exchange);
        builder.addArrived(l.name(), output, exchange);
        return output;
    }

    private Value handedOut(Division division, Value input) {
        Layer.FullyConnected l = (Layer.FullyConnected) division.layer();
        Shape shape = division.output();
        Tensor made = builder.activation(l.name() + ".output", 0, shape.channels(), 1, 1);
        multiply(l, 0, input, made);
        List<Tensor> sent = new ArrayList<>();
        sent.add(made);
        sent.add(null);
        PlanBuilder.Exchange exchange = builder.exchange(l.name(), l.name() + ".output", sent);
        builder.await(exchange);
        return new Value(List.of(made, exchange.arrived().get(1)), false);
    }

    /** Each device fetches its peer's share and puts all channels together in the order of the devices. */
    private Value gather(Division division, Value input) {
        PlanBuilder.Exchange exchange = builder.exchange(division.name(), division.name() + ".received", input.parts());
        builder.await(exchange);
        Value whole = builder.value(division.name() + ".input", division.input(), false);
        for (int device = 0; device < builder.devices(); device++) {
            builder.launch(device, new Operation.Gather(division.name(), Axis.CHANNELS,
                    PlanBuilder.inOrder(device, input.on(device), exchange.arrived().get(device)), whole.on(device)));
        }
        return whole;
    }

    /** A grouped layer on what every device has whole, such as the image: each takes the channels of its groups. */
    private Value share(Division division, Value input) {
        Value share = builder.value(division.name() + ".input", division.input(), true);
        for (int device = 0; device < builder.devices(); device++) {
            Tensor part = share.on(device);
            builder.launch(device, new Operation.Slice(division.name(), Axis.CHANNELS, input.on(device), device * part.channels(), part));
        }
        return share;
    }

    private Value nonlinearity(Division division, Layer.Nonlinearity l, Value input) {
        boolean inPlace = !training || !InPlace.spoils(l.function() == Activation.RELU ? Change.RELU : Change.OTHER, traces);
        Value output = inPlace ? input : output(division);
        for (int device = 0; device < builder.devices(); device++) {
            builder.launch(device, new Operation.ActivationForward(l.name(), l.function(), input.on(device), output.on(device)));
        }
        return trace(division, input, output, null);
    }

    private Value norm(Division division, Value input) {
        Value output = output(division);
        for (int device = 0; device < builder.devices(); device++) {
            Tensor in = input.on(device);
            Tensor out = output.on(device);
            builder.launch(device, division.layer() instanceof Layer.LocalResponseNorm l
                    ? new Operation.ResponseNormForward(l.name(), DeviceGeometry.norm(division, l, builder.devices()), in, out)
                    : new Operation.SpatialNormForward(division.name(), DeviceGeometry.norm((Layer.SpatialResponseNorm) division.layer()),
                            in, out));
        }
        return trace(division, input, output, null);
    }

    private Value pooling(Division division, Layer.Pooling l, Value input) {
        var geometry = DeviceGeometry.pooling(division, l, builder.devices());
        Value output = output(division);
        boolean back = winners && l.kind() == Layer.Pooling.Kind.MAX && (division.inputGradient() || !training);
        List<Tensor> recorded = !back ? null : builder.each(device -> {
            Tensor pooled = output.on(device);
            return builder.tensor(l.name() + ".winners", device, Format.WINNERS, Role.TRANSIENT, pooled.batch(), pooled.channels(),
                    pooled.height(), pooled.width());
        });
        for (int device = 0; device < builder.devices(); device++) {
            builder.launch(device, switch (l.kind()) {
                case MAX -> new Operation.MaxPoolForward(l.name(), geometry, input.on(device), output.on(device),
                        back ? recorded.get(device) : null);
                case AVERAGE -> new Operation.AveragePoolForward(l.name(), geometry, input.on(device), output.on(device));
            });
        }
        return trace(division, input, output, recorded);
    }

    /** Without dropout there is nothing to do, in training and so in evaluation. */
    private Value dropout(Division division, Layer.Dropout l, Value input) {
        if (!dropout || l.rate() == 0) {
            return input;
        }
        return training ? mask(division, l, input) : scaled(l, input);
    }

    private Value mask(Division division, Layer.Dropout l, Value input) {
        float scale = Dropouts.scale(l);
        Value output = InPlace.spoils(scale == 1 ? Change.MASK : Change.SCALED_MASK, traces) ? output(division) : input;
        for (int device = 0; device < builder.devices(); device++) {
            builder.launch(device, Dropouts.operation(division, l, device, input.on(device), output.on(device)));
        }
        return trace(division, input, output, null);
    }

    private Value scaled(Layer.Dropout l, Value input) {
        if (!l.inverted()) {
            for (int device = 0; device < builder.devices(); device++) {
                Tensor tensor = input.on(device);
                builder.launch(device, new Operation.Scale(l.name(), tensor, tensor, (float) (1 - l.rate())));
            }
        }
        return input;
    }

    private Tensor weight(Layer l, int device) {
        return parameters.weight(l.name(), device).tensor();
    }

    private Tensor bias(Layer l, int device) {
        ParameterTensors.Held bias = parameters.bias(l.name(), device);
        return bias == null ? null : bias.tensor();
    }
}
