package duet.plan;

import java.util.Collections;

import duet.net.Layer;

/** Everything on one device. */
record OneDevice() implements Group {
    @Override
    public String label() {
        return "one";
    }

    @Override
    public String words() {
        return "one device";
    }

    @Override
    public int devices() {
        return 1;
    }

    @Override
    public int lanes() {
        return 1;
    }

    @Override
    public Distribution image(int batch) {
        return Distribution.WHOLE;
    }

    @Override
    public Cut cut(Place place) {
        return new Cut(Collections.nCopies(place.given().size(), Distribution.WHOLE), Distribution.WHOLE,
                place.layer() instanceof Layer.Weighted ? Work.OUTPUTS : Work.LOCAL);
    }

    @Override
    public String toString() {
        return "ONE_DEVICE";
    }
}
