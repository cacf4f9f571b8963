package duet.data;

import duet.device.Philox;
import duet.net.Shape;

/**
 * Which window of a stored image the network sees. In a direction where the stored image is larger than the input, the window lies
 * inside it: drawn, or in the middle. Where both are equal, a drawn window is shifted by -shift .. shift and hangs over the edge.
 */
record Cropping(Shape stored, Shape input, Augmentation augmentation, long seed) {
    Cropping {
        check(stored, input);
        if (augmentation.shift() < 0) {
            throw new DataException("a shift of " + augmentation.shift() + " pixels is negative: give 0 or more");
        }
    }

    static void check(Shape stored, Shape input) {
        if (stored.channels() != input.channels()) {
            throw new DataException("the images are %s (channels x height x width) but the network's input is %s: use a network with %d %s"
                    .formatted(stored, input, stored.channels(), stored.channels() == 1 ? "input channel" : "input channels"));
        }
        if (stored.height() < input.height() || stored.width() < input.width()) {
            throw new DataException(("the images are %s (channels x height x width), smaller than the network's input %s: "
                    + "use a network with a smaller input or larger images").formatted(stored, input));
        }
    }

    /** Writes top, left, mirror. */
    void draw(long epoch, int index, int[] crops, int offset) {
        crops[offset] = start(epoch, 4L * index, stored.height() - input.height());
        crops[offset + 1] = start(epoch, 4L * index + 1, stored.width() - input.width());
        crops[offset + 2] = augmentation.mirror() ? Philox.below(seed, Philox.CROP, epoch, 4L * index + 2, 2) : 0;
    }

    private int start(long epoch, long element, int room) {
        if (!augmentation.randomCrop()) {
            return room / 2;
        }
        return room > 0
                ? Philox.below(seed, Philox.CROP, epoch, element, room + 1)
                : Philox.below(seed, Philox.CROP, epoch, element, 2 * augmentation.shift() + 1) - augmentation.shift();
    }
}
