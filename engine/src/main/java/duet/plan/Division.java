package duet.plan;

import java.util.ArrayList;
import java.util.List;

import duet.net.Layer;
import duet.net.Network;
import duet.net.NetworkException;
import duet.net.Shape;

/**
 * How one layer is shared out among the devices.
 *
 * @param index         position in the network
 * @param input         the whole layer's input
 * @param output        the whole layer's output
 * @param inputSplit    each device has its share of the input's channels; else each has all of them
 * @param outputSplit   likewise
 * @param work          which part of the work a device does
 * @param inputGradient whether a layer with parameters comes before, so that the gradient must go further down
 */
record Division(
        int index, Layer layer, Shape input, Shape output, boolean inputSplit, boolean outputSplit, Work work, boolean inputGradient) {

    /** The part of a layer's work that each device does. */
    enum Work {
        /** Computes what it holds; there is nothing to share out. */
        LOCAL,
        /** Owns its share of the outputs and sees all inputs: if these are split the devices exchange them first. */
        OUTPUTS,
        /** Owns its share of a convolution's groups and sees only their inputs. */
        GROUPS,
        /** Owns the weights of its share of the inputs; the partial sums are exchanged and added. */
        INPUTS,
        /** The first device owns all of it and hands out the result. */
        FIRST_DEVICE
    }

    String name() {
        return layer.name();
    }

    /** Whether the devices exchange their inputs. */
    boolean gathers() {
        return work == Work.OUTPUTS && inputSplit;
    }

    /** Groups of a layer with parameters that each device has. */
    int groups(int devices) {
        int groups = ((Layer.Weighted) layer).groups();
        return work == Work.GROUPS ? groups / devices : groups;
    }

    /** Shares out every layer of a network; throws {@link NetworkException} if a layer cannot be cut. */
    static List<Division> divide(Network network, Placement placement) {
        int devices = placement.devices();
        List<Division> divisions = new ArrayList<>();
        Shape shape = network.input();
        List<Shape> shapes = network.shapes();
        boolean split = false;
        boolean parameters = false;
        for (int i = 0; i < shapes.size(); i++) {
            Layer layer = network.layers().get(i);
            Work work = devices == 1 ? alone(layer) : work(layer, split, devices, i == shapes.size() - 2);
            boolean outputSplit = switch (work) {
                case LOCAL -> split;
                case OUTPUTS, GROUPS -> devices > 1;
                case INPUTS, FIRST_DEVICE -> false;
            };
            divisions.add(new Division(i, layer, shape, shapes.get(i), split, outputSplit, work, parameters));
            parameters |= work != Work.LOCAL;
            split = outputSplit;
            shape = shapes.get(i);
        }
        return List.copyOf(divisions);
    }

    private static Work alone(Layer layer) {
        return layer instanceof Layer.Weighted ? Work.OUTPUTS : Work.LOCAL;
    }

    private static Work work(Layer layer, boolean split, int devices, boolean scores) {
        return switch (layer) {
            case Layer.Convolution l -> {
                checkShares(l.name(), l.filters(), "filters", devices);
                if (l.groups() % devices == 0) {
                    yield Work.GROUPS;
                }
                if (l.groups() > 1) {
                    throw new NetworkException(l.name() + ": " + devices + " towers do not divide " + l.groups()
                            + " groups; use 1 group, an even number of groups, or one device");
                }
                yield Work.OUTPUTS;
            }
            case Layer.FullyConnected l -> {
                if (scores) {
                    yield split ? Work.INPUTS : Work.FIRST_DEVICE;
                }
                checkShares(l.name(), l.outputs(), "outputs", devices);
                yield Work.OUTPUTS;
            }
            case Layer.LocalResponseNorm l -> {
                if (split && l.groups() % devices != 0) {
                    throw new NetworkException(l.name() + ": " + devices + " towers do not divide " + l.groups()
                            + (l.groups() == 1 ? " group" : " groups") + " of normalised channels; use groups " + devices
                            + " or one device");
                }
                yield Work.LOCAL;
            }
            case Layer.Nonlinearity _,Layer.SpatialResponseNorm _,Layer.Pooling _,Layer.Dropout _,Layer.SoftmaxCrossEntropy _ ->
                Work.LOCAL;
        };
    }

    private static void checkShares(String layer, int outputs, String what, int devices) {
        if (outputs % devices != 0) {
            throw new NetworkException(layer + ": " + devices + " towers do not divide " + outputs + " " + what + "; use one device");
        }
    }
}
