package duet.plan;

import java.util.Collections;

import duet.device.Axis;
import duet.net.Layer;

/**
 * Convolutions by images, as {@link DataParallel}; fully connected layers, which have most of the weights, by outputs: before the first one
 * every device gathers what was made of all images (Krizhevsky 2014, "One weird trick for parallelizing convolutional neural networks").
 *
 * @param devices how many
 * @param parts   of the batch, and of the outputs
 */
record Hybrid(int devices, int parts) implements Placement {
    Hybrid {
        Cuts.requireParts("hybrid", devices, parts);
    }

    @Override
    public String label() {
        return "hybrid";
    }

    @Override
    public String words() {
        return "hybrid of images and outputs: " + parts + " parts on " + devices + (devices == 1 ? " device" : " devices");
    }

    @Override
    public int lanes() {
        return parts;
    }

    @Override
    public Distribution image(int batch) {
        return Cuts.images(batch, parts);
    }

    @Override
    public Cut cut(Place place) {
        boolean images = place.given().stream().allMatch(given -> given.along(Axis.BATCH));
        return switch (place.layer()) {
            case Layer.FullyConnected _ -> Cuts.fullyConnected(place, parts);
            case Layer.Convolution l when images -> new Cut(image(place.batch()), image(place.batch()), Work.REPLICATED);
            case Layer.Convolution l -> l.groups() == 1 && l.filters() >= parts ? Cuts.outputs(place, parts)
                    : new Cut(Distribution.WHOLE, Distribution.WHOLE, Work.REPLICATED);
            case Layer.LocalResponseNorm l -> Cuts.local(place, parts).made().along(Axis.CHANNELS) && l.groups() % parts != 0
                    ? Cuts.same(Distribution.WHOLE) : Cuts.local(place, parts);
            case Layer.SoftmaxCrossEntropy _ -> new Cut(Collections.nCopies(1, Distribution.WHOLE), Distribution.WHOLE, Work.LOCAL);
            case Layer.Nonlinearity _,Layer.SpatialResponseNorm _,Layer.Pooling _,Layer.Dropout _,Layer.Concatenation _,Layer.Addition _ ->
                Cuts.local(place, parts);
        };
    }
}
