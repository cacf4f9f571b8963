package duet.data;

import java.util.Objects;

/**
 * What is done to a training image. Everything drawn is a function of (seed, epoch, index of the image); with chunks, crop and
 * mirror are one of (seed, number of the batch, chunk).
 *
 * @param randomCrop   a random window; else the centre. If the stored image is larger than the network's input, windows inside it
 *                     are drawn; if it has the same size, windows shifted by up to {@code shift} pixels, zeros (the mean) outside
 * @param mirror       mirrored with probability 1/2
 * @param shift        see randomCrop
 * @param colourNoise  standard deviation of the paper's a, see {@link ColourNoise}; 0 for none
 * @param noiseDivides where there is noise, the image is also divided by 1 + colourNoise, so that it does not become larger
 *                     than in validation, as in the original code
 * @param cropChunk    neighbouring images of a batch that share a crop or patch, and mirror: 32 in the original code, else 1
 * @param patches      in place of windows; randomCrop and shift then play no part
 * @param photometric  brightness, contrast and saturation are each multiplied by 1 - photometric to 1 + photometric, in any order; 0 for
 *                     none
 */
public record Augmentation(
        boolean randomCrop, boolean mirror, int shift, double colourNoise, boolean noiseDivides, int cropChunk,
        Patches patches, double photometric) {
    public static final Augmentation NONE = new Augmentation(false, false, 0, 0, false, 1, Patches.NONE, 0);
    /** Crops and mirrors: the paper's, section 4.1, without the colour noise. */
    public static final Augmentation STANDARD = NONE.withRandomCrop(true, 2).withMirror(true);
    /** The paper's, section 4.1. */
    public static final Augmentation PAPER = STANDARD.withColourNoise(0.1);
    /** GoogLeNet's (Szegedy et al. 2014, section 6), with the distortions of Howard 2013. */
    public static final Augmentation GOOGLENET = STANDARD.withPatches(Patches.GOOGLENET).withPhotometric(0.5);
    /** What the original code does (convdata.py); the noise went off late, which is in the schedule {@code original-2012}. */
    public static final Augmentation ORIGINAL = PAPER.withNoiseDivides(true).withCropChunk(32);

    /**
     * Throws an {@link IllegalArgumentException} for colour noise that is negative or infinite, for chunks of no images, and for
     * photometric distortion that is not from 0 to below 1.
     */
    public Augmentation {
        if (!(colourNoise >= 0) || Double.isInfinite(colourNoise)) {
            throw new IllegalArgumentException("colour noise must be 0 or more, not " + colourNoise);
        }
        if (cropChunk < 1) {
            throw new IllegalArgumentException("a crop is for at least 1 image, not " + cropChunk);
        }
        if (!(photometric >= 0 && photometric < 1)) {
            throw new IllegalArgumentException("photometric distortion must be from 0 to below 1, not " + photometric);
        }
        Objects.requireNonNull(patches, "patches");
    }

    /**
     * {@return this augmentation with other crops}
     *
     * @param randomCrop a random window instead of the centre
     * @param shift      by how many pixels a window may hang over the edge of images that are as large as the input
     */
    public Augmentation withRandomCrop(boolean randomCrop, int shift) {
        return new Augmentation(randomCrop, mirror, shift, colourNoise, noiseDivides, cropChunk, patches, photometric);
    }

    /**
     * {@return this augmentation with or without mirrored images}
     *
     * @param mirror half of the images are mirrored
     */
    public Augmentation withMirror(boolean mirror) {
        return new Augmentation(randomCrop, mirror, shift, colourNoise, noiseDivides, cropChunk, patches, photometric);
    }

    /**
     * {@return this augmentation with other colour noise}
     *
     * @param colourNoise standard deviation of the noise as a multiple of the colours' own; 0: none
     */
    public Augmentation withColourNoise(double colourNoise) {
        return new Augmentation(randomCrop, mirror, shift, colourNoise, noiseDivides, cropChunk, patches, photometric);
    }

    /**
     * {@return this augmentation with or without a divisor for images with noise}
     *
     * @param noiseDivides images with colour noise are divided by 1 + colourNoise
     */
    public Augmentation withNoiseDivides(boolean noiseDivides) {
        return new Augmentation(randomCrop, mirror, shift, colourNoise, noiseDivides, cropChunk, patches, photometric);
    }

    /**
     * {@return this augmentation with crops that more or fewer images share}
     *
     * @param cropChunk how many neighbouring images share crop and mirror; 1: none do
     */
    public Augmentation withCropChunk(int cropChunk) {
        return new Augmentation(randomCrop, mirror, shift, colourNoise, noiseDivides, cropChunk, patches, photometric);
    }

    /**
     * {@return this augmentation with other patches}
     *
     * @param patches in place of windows, or {@link Patches#NONE}
     */
    public Augmentation withPatches(Patches patches) {
        return new Augmentation(randomCrop, mirror, shift, colourNoise, noiseDivides, cropChunk, patches, photometric);
    }

    /**
     * {@return this augmentation with other photometric distortion}
     *
     * @param photometric how far the factors of brightness, contrast and saturation may be from 1; 0: none
     */
    public Augmentation withPhotometric(double photometric) {
        return new Augmentation(randomCrop, mirror, shift, colourNoise, noiseDivides, cropChunk, patches, photometric);
    }

    /** {@return what an image with noise is divided by} */
    public double divisor() {
        return colourNoise > 0 && noiseDivides ? 1 + colourNoise : 1;
    }
}
