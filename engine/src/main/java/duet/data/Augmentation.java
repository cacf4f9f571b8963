package duet.data;

/**
 * What is done to a training image. Everything drawn is a function of (seed, epoch, index of the image).
 *
 * @param randomCrop a random window; else the centre. If the stored image is larger than the network's input, windows inside it
 *                   are drawn; if it has the same size, windows shifted by up to {@code shift} pixels, zeros (the mean) outside
 * @param mirror     mirrored with probability 1/2
 * @param shift      see randomCrop
 */
public record Augmentation(boolean randomCrop, boolean mirror, int shift) {
    public static final Augmentation NONE = new Augmentation(false, false, 0);
    /** The paper's, section 4.1 (without the colour noise). */
    public static final Augmentation STANDARD = new Augmentation(true, true, 2);
}
