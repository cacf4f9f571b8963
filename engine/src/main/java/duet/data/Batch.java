package duet.data;

import java.util.BitSet;
import java.util.Locale;

import duet.net.Shape;

/**
 * Images for one run of a program.
 *
 * @param number       position in the loader's sequence: the step in training
 * @param images       stored images, [places][height][width][channels]
 * @param places       of the batch whose images these are, in order; null for all of them
 * @param crops        [batch][3]: top, left, mirror, see {@link duet.device.Operation.PrepareInput}
 * @param colourShifts [batch][channels], added to every pixel; null if the batch has no colour noise
 * @param labels       [batch]; -1 marks a place without an image
 * @param count        places with an image
 */
public record Batch(long number, byte[] images, BitSet places, int[] crops, float[] colourShifts, int[] labels, int count) {
    /**
     * A batch with all its images.
     *
     * @param number       position in the loader's sequence
     * @param images       stored images, [batch][height][width][channels]
     * @param crops        [batch][3]: top, left, mirror
     * @param colourShifts [batch][channels], or null
     * @param labels       [batch]; -1 for an image that is absent
     * @param count        how many images are present
     */
    public Batch(long number, byte[] images, int[] crops, float[] colourShifts, int[] labels, int count) {
        this(number, images, null, crops, colourShifts, labels, count);
    }

    /**
     * A batch with all its images and without colour noise.
     *
     * @param number position in the loader's sequence
     * @param images stored images, [batch][height][width][channels]
     * @param crops  [batch][3]: top, left, mirror
     * @param labels [batch]; -1 for an image that is absent
     * @param count  how many images are present
     */
    public Batch(long number, byte[] images, int[] crops, int[] labels, int count) {
        this(number, images, null, crops, null, labels, count);
    }

    /**
     * {@return an array for stored images}
     *
     * @param images not negative
     * @param stored what one of them is
     * @throws DataException if there is no array so large
     */
    public static byte[] room(int images, Shape stored) {
        if (stored.elements() * images > Integer.MAX_VALUE - 8) {
            throw new DataException(String.format(Locale.ROOT,
                    "a batch of %d images of %s is more than the 2 GiB that a process can hold; use a smaller batch", images, stored));
        }
        return new byte[(int) stored.elements() * images];
    }
}
