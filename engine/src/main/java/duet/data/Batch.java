package duet.data;

import java.util.BitSet;

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
}
