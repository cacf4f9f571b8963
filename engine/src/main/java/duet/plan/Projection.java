package duet.plan;

import java.util.List;

import duet.device.Operation;
import duet.device.Operation.Activation;
import duet.device.Tensor;
import duet.device.Tensor.Format;
import duet.device.Tensor.Role;
import duet.net.Layer;

/**
 * The way back from a layer's features to the image that makes a picture of them (Zeiler and Fergus 2013, section 2.1): max-pooling is
 * undone by putting each value where its winner was, a ReLU is a ReLU again (not the mask of the forward pass: that is what sets it apart
 * from a gradient), a convolution is its transposed one without bias; normalisation, dropout and tanh are passed over. On one device.
 */
final class Projection {
    private final PlanBuilder builder;
    private final ParameterTensors parameters;

    Projection(PlanBuilder builder, ParameterTensors parameters) {
        this.builder = builder;
        this.parameters = parameters;
    }

    /**
     * @param traces   of the layers from the first one up to the one whose features they are
     * @param features written by the host, of the last layer's output
     * @return the image, for the host
     */
    Tensor run(List<Forward.Trace> traces, Tensor features) {
        Tensor value = builder.activation("projection.features", 0, features.channels(), features.height(), features.width());
        String top = traces.getLast().division().name();
        builder.launch(0, new Operation.Scale(top, features, value, 1));
        for (Forward.Trace trace : traces.reversed()) {
            value = below(trace, value);
        }
        Tensor image = builder.tensor("projection", 0, Format.ACTIVATION, Role.OUTPUT, value.batch(), value.channels(), value.height(),
                value.width());
        builder.launch(0, new Operation.Scale(top, value, image, 1));
        return image;
    }

    private Tensor below(Forward.Trace trace, Tensor value) {
        Division division = trace.division();
        return switch (division.layer()) {
            case Layer.Convolution l -> {
                Tensor input = input(division);
                launch(new Operation.ConvolutionBackwardData(l.name(), DeviceGeometry.convolution(division, l, 1), value, weight(l),
                        input));
                yield input;
            }
            case Layer.FullyConnected l -> {
                Tensor input = input(division);
                launch(new Operation.FullyConnectedBackwardData(l.name(), value, weight(l), input));
                yield input;
            }
            case Layer.Pooling l -> {
                Tensor input = input(division);
                launch(switch (l.kind()) {
                    case MAX -> new Operation.MaxPoolBackward(l.name(), DeviceGeometry.pooling(division, l, 1), trace.winners().getFirst(),
                            value, input);
                    case AVERAGE -> new Operation.AveragePoolBackward(l.name(), DeviceGeometry.pooling(division, l, 1), value, input);
                });
                yield input;
            }
            case Layer.Nonlinearity l -> {
                if (l.function() == Activation.RELU) {
                    launch(new Operation.ActivationForward(l.name(), l.function(), value, value));
                }
                yield value;
            }
            case Layer.LocalResponseNorm _,Layer.SpatialResponseNorm _,Layer.Dropout _ -> value;
            case Layer.SoftmaxCrossEntropy _ -> throw new IllegalStateException("the loss has no features");
        };
    }

    private Tensor input(Division division) {
        return builder.activation(division.name() + ".projection", 0, division.input().channels(), division.input().height(),
                division.input().width());
    }

    private Tensor weight(Layer layer) {
        return parameters.weight(layer.name(), 0).tensor();
    }

    private void launch(Operation operation) {
        builder.launch(0, operation);
    }
}
