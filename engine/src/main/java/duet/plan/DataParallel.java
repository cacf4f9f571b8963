package duet.plan;

import java.util.Collections;

import duet.net.Layer;

/**
 * Each device has the whole network and computes its share of the images; the gradients of all weights are added up, in the order of
 * {@link Sums}, and of large weights each device updates a share ({@link Shares}).
 *
 * @param devices how many
 * @param parts   of the batch
 */
record DataParallel(int devices, int parts) implements Placement {
    DataParallel {
        Cuts.requireParts("data parallel", devices, parts);
    }

    @Override
    public String label() {
        return "data";
    }

    @Override
    public String words() {
        return "data parallel: " + parts + " parts on " + devices + (devices == 1 ? " device" : " devices");
    }

    @Override
    public int lanes() {
        return parts;
    }

    @Override
    public int rounds() {
        return 1;
    }

    @Override
    public Distribution image(int batch) {
        return Cuts.images(batch, parts);
    }

    @Override
    public Cut cut(Place place) {
        Distribution images = image(place.batch());
        return new Cut(Collections.nCopies(place.given().size(), images), images,
                place.layer() instanceof Layer.Weighted ? Work.REPLICATED : Work.LOCAL);
    }
}
