package duet.plan;

import java.util.HashMap;
import java.util.List;
import java.util.Map;

import duet.device.Axis;
import duet.device.Operation;
import duet.device.Operation.Activation;
import duet.device.Tensor;
import duet.device.Tensor.Format;
import duet.device.Tensor.Role;
import duet.net.Layer;
import duet.net.Shape;

/**
 * The way back from a layer's features to the image that makes a picture of them (Zeiler and Fergus 2013, section 2.1): max-pooling is
 * undone by putting each value where its winner was, a ReLU is a ReLU again (not the mask of the forward pass: that is what sets it apart
 * from a gradient), a convolution is its transposed one without bias; normalisation, dropout and tanh are passed over. Where channels were
 * joined each branch gets its own. Where branches meet again on the way down, each image follows the strongest of them, the one whose
 * projection has the largest sum of squares; of equal ones that of the layer that stands first in the network. A sum of all, as a gradient
 * is, would lay what several filters see over each other. Squares are the energy of a picture: in a sum of magnitudes a branch that spreads
 * a little over many pixels would outweigh one that draws an edge. On one device.
 */
final class Projection {
    private final PlanBuilder builder;
    private final GroupParameters parameters;
    private final List<Division> divisions;
    private final Forward forward;
    /** By layer: what has come down to it so far. */
    private final Map<Integer, Tensor> values = new HashMap<>();

    Projection(PlanBuilder builder, GroupParameters parameters, List<Division> divisions, Forward forward) {
        this.builder = builder;
        this.parameters = parameters;
        this.divisions = divisions;
        this.forward = forward;
    }

    /**
     * @param top      the layer whose features they are
     * @param features written by the host, of the layer's output
     * @return the image, for the host
     */
    Tensor run(int top, Tensor features) {
        String layer = divisions.get(top).name();
        values.put(top, copy(layer, features, "projection.features", Role.TRANSIENT));
        for (int i = top; i >= 0; i--) {
            Tensor value = values.remove(i);
            if (value != null) {
                below(divisions.get(i), value);
            }
        }
        return copy(layer, values.get(-1), "projection", Role.OUTPUT);
    }

    private Tensor copy(String layer, Tensor value, String name, Role role) {
        Tensor copy = builder.tensor(name, 0, Format.ACTIVATION, role, value.batch(), value.channels(), value.height(), value.width());
        launch(new Operation.Scale(layer, value, copy, 1));
        return copy;
    }

    /** Users come from the last to the first, so that the first of equally strong ones stays. */
    private void give(Division division, int input, Tensor value) {
        values.merge(division.from().get(input), value, (strongest, own) -> {
            launch(new Operation.Stronger(division.name(), own, strongest, own));
            return own;
        });
    }

    private void below(Division division, Tensor value) {
        switch (division.layer()) {
            case Layer.Convolution l -> {
                Tensor input = input(division, 0);
                launch(new Operation.ConvolutionBackwardData(l.name(), DeviceGeometry.convolution(division, l, 0), value, weight(l),
                        input));
                give(division, 0, input);
            }
            case Layer.FullyConnected l -> {
                Tensor input = input(division, 0);
                launch(new Operation.FullyConnectedBackwardData(l.name(), value, weight(l), input));
                give(division, 0, input);
            }
            case Layer.Pooling l -> {
                Tensor input = input(division, 0);
                launch(switch (l.kind()) {
                    case MAX -> new Operation.MaxPoolBackward(l.name(), DeviceGeometry.pooling(division, l, 0),
                            forward.trace(division.index()).winners().getFirst(), value, input);
                    case AVERAGE -> new Operation.AveragePoolBackward(l.name(), DeviceGeometry.pooling(division, l, 0), value, input);
                });
                give(division, 0, input);
            }
            case Layer.Nonlinearity l -> {
                if (l.function() == Activation.RELU) {
                    launch(new Operation.ActivationForward(l.name(), l.function(), value, value));
                }
                give(division, 0, value);
            }
            case Layer.LocalResponseNorm _,Layer.SpatialResponseNorm _,Layer.Dropout _ -> give(division, 0, value);
            case Layer.Concatenation l -> {
                int first = value.channels();
                for (int i = division.inputs().size() - 1; i >= 0; i--) {
                    Tensor input = input(division, i);
                    first -= input.channels();
                    launch(new Operation.Slice(l.name(), Axis.CHANNELS, value, first, input));
                    give(division, i, input);
                }
            }
            case Layer.Addition l -> {
                for (int i = 1; i < division.inputs().size(); i++) {
                    give(division, i, copy(l.name(), value, l.name() + ".projection", Role.TRANSIENT));
                }
                give(division, 0, value);
            }
            case Layer.SoftmaxCrossEntropy _ -> throw new IllegalStateException("the loss has no features");
        }
    }

    private Tensor input(Division division, int index) {
        Shape shape = division.inputs().get(index);
        return builder.activation(division.name() + ".projection", 0, builder.all(), shape, Distribution.WHOLE);
    }

    private Tensor weight(Layer layer) {
        return parameters.weight(layer.name(), 0).tensor();
    }

    private void launch(Operation operation) {
        builder.launch(0, operation);
    }
}
