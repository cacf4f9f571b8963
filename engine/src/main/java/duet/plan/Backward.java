package duet.plan;

import java.util.List;

import duet.device.Axis;
import duet.device.ConvolutionGeometry;
import duet.device.Operation;
import duet.device.Tensor;
import duet.device.Tensor.Role;
import duet.net.Layer;
import duet.net.Shape;
import duet.plan.ParameterTensors.Held;

/**
 * The way back from the scores' gradient to the first layer with parameters. Each layer's parameters are updated as soon as
 * its gradients are there and nothing reads the old weights any more, so that gradients live for one layer only.
 */
final class Backward {
    private final PlanBuilder builder;
    private final ParameterTensors parameters;

    Backward(PlanBuilder builder, ParameterTensors parameters) {
        this.builder = builder;
        this.parameters = parameters;
    }

    /** @param gradient of the scores */
    void run(List<Forward.Trace> traces, Value gradient) {
        Value value = gradient;
        for (Forward.Trace trace : traces.reversed()) {
            Division division = trace.division();
            if (division.work() != Division.Work.LOCAL) {
                value = weighted(trace, value);
            } else if (division.inputGradient()) {
                value = local(trace, value);
            }
        }
    }

    /** A layer with parameters: its input's gradient first, because the update overwrites the weights. */
    private Value weighted(Forward.Trace trace, Value gradient) {
        Division division = trace.division();
        if (!division.inputGradient()) {
            update(trace, gradient);
            return null;
        }
        Shape shape = division.input();
        boolean whole = division.gathers();
        Value input = builder.value(division.name() + (whole ? ".partial.gradient" : ".input.gradient"), shape,
                division.inputSplit() && !whole);
        for (int device = 0; device < builder.devices(); device++) {
            backwardData(division, device, gradient.on(device), input.on(device));
        }
        return whole ? exchangeHalves(trace, gradient, input) : updated(trace, gradient, input);
    }

    private Value updated(Forward.Trace trace, Value gradient, Value result) {
        update(trace, gradient);
        return result;
    }

    /**
     * Each device has a partial gradient of all input channels: it keeps its own half and gets the other half's share from its
     * peer, while it computes the gradients of its weights and updates them.
     */
    private Value exchangeHalves(Forward.Trace trace, Value gradient, Value partial) {
        Division division = trace.division();
        Value own = builder.value(division.name() + ".input.gradient", division.input(), true);
        Value sent = builder.value(division.name() + ".sent.gradient", division.input(), true);
        for (int device = 0; device < builder.devices(); device++) {
            slice(division, device, partial, device, own);
            slice(division, device, partial, 1 - device, sent);
        }
        PlanBuilder.Exchange exchange = builder.exchange(division.name(), division.name() + ".received.gradient", sent.parts());
        update(trace, gradient);
        builder.await(exchange);
        builder.addArrived(division.name(), own, exchange);
        return own;
    }

    private void slice(Division division, int device, Value whole, int half, Value parts) {
        Tensor part = parts.on(device);
        builder.launch(device, new Operation.Slice(division.name(), Axis.CHANNELS, whole.on(device), half * part.channels(), part));
    }

    private void backwardData(Division division, int device, Tensor gradient, Tensor input) {
        Tensor weight = parameters.weight(division.name(), device).tensor();
        builder.launch(device, division.layer() instanceof Layer.Convolution l
                ? new Operation.ConvolutionBackwardData(l.name(), geometry(division, l), gradient, weight, input)
                : new Operation.FullyConnectedBackwardData(division.name(), gradient, weight, input));
    }

    private ConvolutionGeometry geometry(Division division, Layer.Convolution l) {
        return DeviceGeometry.convolution(division, l, builder.devices());
    }

    private void update(Forward.Trace trace, Value gradient) {
        Division division = trace.division();
        for (int device = 0; device < builder.devices(); device++) {
            Held weight = parameters.weight(division.name(), device);
            Held bias = parameters.bias(division.name(), device);
            if (weight == null) {
                continue;
            }
            Tensor weightGradient = gradientOf(weight.tensor());
            Tensor biasGradient = bias == null ? null : gradientOf(bias.tensor());
            Tensor input = trace.input().on(device);
            Tensor outputGradient = gradient.on(device);
            builder.launch(device, division.layer() instanceof Layer.Convolution l
                    ? new Operation.ConvolutionBackwardWeights(l.name(), geometry(division, l), input, outputGradient, weightGradient,
                            biasGradient)
                    : new Operation.FullyConnectedBackwardWeights(division.name(), input, outputGradient, weightGradient, biasGradient));
            sgd(division, device, weightGradient, weight);
            if (division.layer() instanceof Layer.Convolution l && l.maximumRms() > 0) {
                builder.launch(device, new Operation.FilterRenormalise(l.name(), weight.tensor(), (float) l.maximumRms()));
            }
            if (bias != null) {
                sgd(division, device, biasGradient, bias);
            }
        }
    }

    private void sgd(Division division, int device, Tensor gradient, Held held) {
        builder.launch(device, new Operation.SgdUpdate(division.name(), gradient, held.tensor(), held.momentum(), held.rateIndex()));
    }

    private Tensor gradientOf(Tensor parameter) {
        return builder.tensor(parameter.name() + ".gradient", parameter.device(), parameter.format(), Role.TRANSIENT, parameter.batch(),
                parameter.channels(), parameter.height(), parameter.width(), parameter.groups());
    }

    private Value local(Forward.Trace trace, Value gradient) {
        Division division = trace.division();
        return switch (division.layer()) {
            case Layer.Nonlinearity _,Layer.Dropout _ -> inPlace(trace, gradient);
            case Layer.LocalResponseNorm _,Layer.SpatialResponseNorm _,Layer.Pooling _ -> {
                Value input = builder.value(division.name() + ".input.gradient", division.input(), division.inputSplit());
                for (int device = 0; device < builder.devices(); device++) {
                    builder.launch(device, operation(trace, device, gradient.on(device), input.on(device)));
                }
                yield input;
            }
            case Layer.Weighted _,Layer.SoftmaxCrossEntropy _ -> throw notLocal(division);
        };
    }

    private static IllegalStateException notLocal(Division division) {
        return new IllegalStateException(division.name() + " is no layer without parameters");
    }

    private Value inPlace(Forward.Trace trace, Value gradient) {
        for (int device = 0; device < builder.devices(); device++) {
            builder.launch(device, operation(trace, device, gradient.on(device), gradient.on(device)));
        }
        return gradient;
    }

    private Operation operation(Forward.Trace trace, int device, Tensor outputGradient, Tensor inputGradient) {
        Division division = trace.division();
        return switch (division.layer()) {
            case Layer.Nonlinearity l ->
                new Operation.ActivationBackward(l.name(), l.function(), trace.output().on(device), outputGradient, inputGradient);
            case Layer.Dropout l -> Dropouts.operation(division, l, device, outputGradient, inputGradient);
            case Layer.LocalResponseNorm l ->
                new Operation.ResponseNormBackward(l.name(), DeviceGeometry.norm(division, l, builder.devices()),
                        trace.input().on(device), outputGradient, inputGradient);
            case Layer.SpatialResponseNorm l ->
                new Operation.SpatialNormBackward(l.name(), DeviceGeometry.norm(l), trace.input().on(device), outputGradient,
                        inputGradient);
            case Layer.Pooling l -> switch (l.kind()) {
                case MAX -> new Operation.MaxPoolBackward(l.name(), DeviceGeometry.pooling(division, l, builder.devices()),
                        trace.winners().get(device), outputGradient, inputGradient);
                case AVERAGE -> new Operation.AveragePoolBackward(l.name(), DeviceGeometry.pooling(division, l, builder.devices()),
                        outputGradient, inputGradient);
            };
            case Layer.Weighted _,Layer.SoftmaxCrossEntropy _ -> throw notLocal(division);
        };
    }
}
