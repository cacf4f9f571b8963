package duet.data;

/**
 * Images for one run of a program.
 *
 * @param number       position in the loader's sequence: the step in training
 * @param images       stored images, [batch][height][width][channels]
 * @param crops        [batch][3]: top, left, mirror, see {@link duet.device.Operation.PrepareInput}
 * @param colourShifts [batch][channels], added to every pixel; null if the batch has no colour noise
 * @param labels       [batch]; -1 marks a place without an image
 * @param count        places with an image
 */
public record Batch(long number, byte[] images, int[] crops, float[] colourShifts, int[] labels, int count) {
    /**
     * A batch without colour noise.
     *
     * @param number position in the loader's sequence
     * @param images stored images, [batch][height][width][channels]
     * @param crops  [batch][3]: top, left, mirror
     * @param labels [batch]; -1 for an image that is absent
     * @param count  how many images are present
     */
    public Batch(long number, byte[] images, int[] crops, int[] labels, int count) {
        this(number, images, crops, null, labels, count);
    }
}
