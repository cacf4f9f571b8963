package duet.data;

import java.util.Locale;

import duet.data.pixels.Window;
import duet.device.Philox;
import duet.net.Shape;

/**
 * Which window of a stored image the network sees. In a direction where the stored image is larger than the input, the window lies
 * inside it: drawn, or in the middle. Where both are equal, a drawn window is shifted by -shift .. shift and hangs over the edge. With
 * patches it is always the middle, where the patch is put.
 *
 * @param stored       size of the stored images
 * @param input        size that the network sees; not larger
 * @param augmentation how windows are drawn
 * @param seed         of the draws
 */
public record Cropping(Shape stored, Shape input, Augmentation augmentation, long seed) {
    /** Throws a {@link DataException} if the sizes do not fit each other or the shift is negative. */
    public Cropping {
        check(stored, input);
        if (augmentation.shift() < 0) {
            throw new DataException("a shift of " + augmentation.shift() + " pixels is negative: give 0 or more");
        }
    }

    /**
     * Checks that a network's input can be cut out of stored images.
     *
     * @param stored size of the stored images
     * @param input  size that the network sees
     * @throws DataException if the channels differ or the input is larger
     */
    public static void check(Shape stored, Shape input) {
        if (stored.channels() != input.channels()) {
            throw new DataException(String.format(Locale.ROOT,
                    "the images are %s (channels x height x width) but the network's input is %s: use a network with %d %s",
                    stored, input, stored.channels(), stored.channels() == 1 ? "input channel" : "input channels"));
        }
        if (stored.height() < input.height() || stored.width() < input.width()) {
            throw new DataException(("the images are %s (channels x height x width), smaller than the network's input %s: "
                    + "use a network with a smaller input or larger images").formatted(stored, input));
        }
    }

    /** Steps of Philox below this are epochs. */
    private static final long FIRST_BATCH_STEP = 1L << 40;

    /**
     * Writes top, left, mirror.
     *
     * @param batch number of the batch
     * @param place of the image in the batch
     */
    void draw(long epoch, int index, long batch, int place, int[] crops) {
        draw(step(epoch, batch), element(index, place), crops, 3 * place);
    }

    /** {@return what is scaled to the centre window, or null where there are no patches; arguments as for {@link #draw}} */
    Window patch(long epoch, int index, long batch, int place) {
        return augmentation.patches().any()
                ? augmentation.patches().draw(seed, step(epoch, batch), element(index, place), stored.height(), stored.width())
                : null;
    }

    private long step(long epoch, long batch) {
        return augmentation.cropChunk() > 1 ? FIRST_BATCH_STEP + batch : epoch;
    }

    private int element(int index, int place) {
        return augmentation.cropChunk() > 1 ? place / augmentation.cropChunk() : index;
    }

    void draw(long step, int index, int[] crops, int offset) {
        crops[offset] = start(step, 4L * index, stored.height() - input.height());
        crops[offset + 1] = start(step, 4L * index + 1, stored.width() - input.width());
        crops[offset + 2] = augmentation.mirror() ? Philox.below(seed, Philox.CROP, step, 4L * index + 2, 2) : 0;
    }

    private int start(long step, long element, int room) {
        if (!augmentation.randomCrop() || augmentation.patches().any()) {
            return room / 2;
        }
        return room > 0
                ? Philox.below(seed, Philox.CROP, step, element, room + 1)
                : Philox.below(seed, Philox.CROP, step, element, 2 * augmentation.shift() + 1) - augmentation.shift();
    }
}
