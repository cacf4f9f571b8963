package duet.plan;

import duet.device.Axis;
import duet.net.Layer;
import duet.net.NetworkException;
import duet.net.Shape;

/**
 * The paper's two towers: each device has half of the channels of every layer. Grouped convolutions, normalisation, pooling and element by
 * element layers work on their own half. A convolution of one group and a fully connected layer see all channels, so that the devices
 * exchange halves before it, and halves of its input's gradient on the way back. The last fully connected layer is cut by its inputs
 * instead: each device multiplies its own half, and the two partial sums are added.
 */
record Towers() implements Group {
    private static final int TOWERS = 2;

    @Override
    public String label() {
        return "towers";
    }

    @Override
    public String words() {
        return "two towers";
    }

    @Override
    public int devices() {
        return TOWERS;
    }

    @Override
    public int lanes() {
        return TOWERS;
    }

    @Override
    public Distribution image(int batch) {
        return Distribution.WHOLE;
    }

    @Override
    public Cut cut(Place place) {
        Distribution given = place.given().getFirst();
        Shape input = place.inputs().getFirst();
        return switch (place.layer()) {
            case Layer.Convolution l -> convolution(l, place);
            case Layer.FullyConnected l -> {
                if (!place.scores()) {
                    Cuts.checkShares(l.name(), l.outputs(), "outputs", TOWERS);
                    yield Cuts.outputs(place, TOWERS);
                }
                yield given.whole() ? new Cut(Distribution.WHOLE, Distribution.WHOLE, Work.FIRST_DEVICE)
                        : new Cut(Distribution.even(Axis.CHANNELS, input.channels(), TOWERS), Distribution.WHOLE, Work.INPUTS);
            }
            case Layer.LocalResponseNorm l -> {
                if (!given.whole() && l.groups() % TOWERS != 0) {
                    throw new NetworkException(l.name() + ": " + TOWERS + " towers do not divide " + l.groups()
                            + (l.groups() == 1 ? " group" : " groups") + " of normalised channels; use groups " + TOWERS
                            + " or one device");
                }
                yield Cuts.local(place, TOWERS);
            }
            case Layer.Nonlinearity _,Layer.SpatialResponseNorm _,Layer.Pooling _,Layer.Dropout _ -> Cuts.local(place, TOWERS);
            case Layer.Concatenation _,Layer.Addition _,Layer.SoftmaxCrossEntropy _ -> Cuts.local(place, TOWERS);
        };
    }

    private static Cut convolution(Layer.Convolution l, Place place) {
        Cuts.checkShares(l.name(), l.filters(), "filters", TOWERS);
        if (l.groups() % TOWERS == 0) {
            return new Cut(Distribution.even(Axis.CHANNELS, place.inputs().getFirst().channels(), TOWERS),
                    Distribution.even(Axis.CHANNELS, l.filters(), TOWERS), Work.GROUPS);
        }
        if (l.groups() > 1) {
            throw new NetworkException(l.name() + ": " + TOWERS + " towers do not divide " + l.groups()
                    + " groups; use 1 group, an even number of groups, or one device");
        }
        return Cuts.outputs(place, TOWERS);
    }

    @Override
    public String toString() {
        return "TWO_TOWERS";
    }
}
