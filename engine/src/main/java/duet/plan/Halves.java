package duet.plan;

import java.util.List;

import duet.device.Axis;
import duet.net.Layer;
import duet.net.NetworkException;
import duet.net.Window;

/**
 * The upper half of the image and of every map on the first device, the lower half on the second. A window at the border between them sees
 * rows of both, so that the devices exchange a few rows before a layer, and gradients of these rows on the way back. Each device has all
 * weights of the convolutions, whose gradients are added. Fully connected layers are cut as in the {@link Towers}.
 */
record Halves() implements Group {
    private static final int LANES = 2;

    @Override
    public String label() {
        return "halves";
    }

    @Override
    public String words() {
        return "two halves of the image";
    }

    @Override
    public int devices() {
        return LANES;
    }

    @Override
    public int lanes() {
        return LANES;
    }

    @Override
    public Distribution image(int batch) {
        return Distribution.WHOLE;
    }

    @Override
    public Cut cut(Place place) {
        Distribution given = place.given().getFirst();
        return switch (place.layer()) {
            case Layer.Convolution l -> border(place) > 0 ? windows(place, Work.REPLICATED) : outputs(place, l);
            case Layer.Pooling _ -> border(place) > 0 ? windows(place, Work.LOCAL) : given.along(Axis.ROWS) ? Cuts.same(Distribution.WHOLE)
                    : Cuts.local(place, LANES);
            case Layer.SpatialResponseNorm l -> {
                if (given.along(Axis.ROWS)) {
                    throw new NetworkException(l.name() + ": normalises within maps, whose halves lie on two devices; use towers or one "
                            + "device");
                }
                yield Cuts.local(place, LANES);
            }
            case Layer.LocalResponseNorm l -> Cuts.local(place, LANES).made().along(Axis.CHANNELS) && l.groups() % LANES != 0
                    ? Cuts.same(Distribution.WHOLE) : Cuts.local(place, LANES);
            case Layer.FullyConnected _ -> Cuts.fullyConnected(place, LANES);
            case Layer.Nonlinearity _,Layer.Dropout _,Layer.Concatenation _,Layer.Addition _,Layer.SoftmaxCrossEntropy _ ->
                Cuts.local(place, LANES);
        };
    }

    /**
     * The first row of the output that the lower half makes; 0 if the rows cannot be cut: there is but one, or the input is not cut by rows
     * itself. Each lane makes about half of them, but the lower half begins where it sees what it has: then the rows that it has are among
     * those that it sees, and their gradients among those that it computes.
     */
    private static int border(Place place) {
        Distribution given = place.given().getFirst();
        Window window = place.layer().receptiveWindow();
        int half = Math.ceilDiv(place.output().height(), LANES);
        if (given.along(Axis.ROWS)) {
            half = Math.min(half, (given.range(1).first() + window.padding()) / window.stride());
        }
        boolean image = given.whole() && !place.gradient();
        return place.output().height() >= LANES && (given.along(Axis.ROWS) || image) ? half : 0;
    }

    /** Behind maps that are too small to be cut by rows. */
    private static Cut outputs(Place place, Layer.Convolution l) {
        return l.groups() == 1 && l.filters() >= LANES ? Cuts.outputs(place, LANES)
                : new Cut(Distribution.WHOLE, Distribution.WHOLE, Work.REPLICATED);
    }

    private static Cut windows(Place place, Work work) {
        int border = border(place);
        Distribution made = Distribution.of(Axis.ROWS,
                List.of(new Range(0, border), new Range(border, place.output().height() - border)));
        return new Cut(Cuts.windows(place.layer().receptiveWindow(), made, place.given().getFirst(),
                place.inputs().getFirst().height(), LANES), made, work);
    }

    @Override
    public String toString() {
        return "HALVES";
    }
}
