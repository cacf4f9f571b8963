package duet.data;

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
 * @param cropChunk    neighbouring images of a batch that share a crop and mirror: 32 in the original code, else 1
 */
public record Augmentation(
        boolean randomCrop, boolean mirror, int shift, double colourNoise, boolean noiseDivides, int cropChunk) {
    public static final Augmentation NONE = new Augmentation(false, false, 0, 0, false, 1);
    /** Crops and mirrors: the paper's, section 4.1, without the colour noise. */
    public static final Augmentation STANDARD = NONE.withRandomCrop(true, 2).withMirror(true);
    /** The paper's, section 4.1. */
    public static final Augmentation PAPER = STANDARD.withColourNoise(0.1);
    /** What the original code does (convdata.py); the noise went off late, which is in the schedule {@code original-2012}. */
    public static final Augmentation ORIGINAL = PAPER.withNoiseDivides(true).withCropChunk(32);

    public Augmentation {
        if (!(colourNoise >= 0) || Double.isInfinite(colourNoise)) {
            throw new IllegalArgumentException("colour noise must be 0 or more, not " + colourNoise);
        }
        if (cropChunk < 1) {
            throw new IllegalArgumentException("a crop is for at least 1 image, not " + cropChunk);
        }
    }

    public Augmentation withRandomCrop(boolean randomCrop, int shift) {
        return new Augmentation(randomCrop, mirror, shift, colourNoise, noiseDivides, cropChunk);
    }

    public Augmentation withMirror(boolean mirror) {
        return new Augmentation(randomCrop, mirror, shift, colourNoise, noiseDivides, cropChunk);
    }

    public Augmentation withColourNoise(double colourNoise) {
        return new Augmentation(randomCrop, mirror, shift, colourNoise, noiseDivides, cropChunk);
    }

    public Augmentation withNoiseDivides(boolean noiseDivides) {
        return new Augmentation(randomCrop, mirror, shift, colourNoise, noiseDivides, cropChunk);
    }

    public Augmentation withCropChunk(int cropChunk) {
        return new Augmentation(randomCrop, mirror, shift, colourNoise, noiseDivides, cropChunk);
    }

    /** What an image with noise is divided by. */
    public double divisor() {
        return colourNoise > 0 && noiseDivides ? 1 + colourNoise : 1;
    }
}
