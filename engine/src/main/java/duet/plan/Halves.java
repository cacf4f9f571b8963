package duet.plan;

import java.util.List;

import duet.device.Axis;
import duet.net.Layer;
import duet.net.NetworkException;
import duet.net.Shape;
import duet.net.Window;

/**
 * The upper half of the image and of every map on the first device, the lower half on the second. A window at the border between them sees
 * rows of both, so that the devices exchange a few rows before a layer, and gradients of these rows on the way back. Each device has all
 * weights of the convolutions, whose gradients are added. Fully connected layers are cut as in the {@link Towers}.
 */
record Halves() implements Placement {
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
            case Layer.Convolution l -> rows(place) ? windows(place, l.receptiveWindow(), Work.REPLICATED) : outputs(place, l);
            case Layer.Pooling l -> rows(place) ? windows(place, l.receptiveWindow(), Work.LOCAL)
                    : given.along(Axis.ROWS) ? Cuts.same(Distribution.WHOLE) : Cuts.local(place, LANES);
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

    /** Whether the output has rows for both, and the input is not cut by channels already. */
    private static boolean rows(Place place) {
        Distribution given = place.given().getFirst();
        boolean image = given.whole() && !place.gradient();
        return place.output().height() >= LANES && (given.along(Axis.ROWS) || image);
    }

    /** Behind maps that are too small to be cut by rows. */
    private static Cut outputs(Place place, Layer.Convolution l) {
        return l.groups() == 1 && l.filters() >= LANES ? Cuts.outputs(place, LANES)
                : new Cut(Distribution.WHOLE, Distribution.WHOLE, Work.REPLICATED);
    }

    /**
     * Each lane makes about half of the rows. The border is where the lower half begins to see what it has itself: then the rows that it
     * has are among those that it sees, and their gradients among those that it computes.
     */
    private static Cut windows(Place place, Window window, Work work) {
        Distribution given = place.given().getFirst();
        Shape output = place.output();
        int border = Distribution.even(Axis.ROWS, output.height(), LANES).range(1).first();
        if (given.along(Axis.ROWS)) {
            border = Math.max(1, Math.min(border, (given.range(1).first() + window.padding()) / window.stride()));
        }
        Distribution made = Distribution.of(Axis.ROWS, List.of(new Range(0, border), new Range(border, output.height() - border)));
        return new Cut(Cuts.windows(window, made, given, place.inputs().getFirst().height(), LANES), made, work);
    }

    @Override
    public String toString() {
        return "HALVES";
    }
}
