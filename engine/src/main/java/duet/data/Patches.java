package duet.data;

import duet.data.pixels.Window;
import duet.device.Philox;

/**
 * Patches of various sizes and shapes, each scaled to the network's input, in place of windows of the input's size: "sampling of various
 * sized patches of the image whose size is distributed evenly between 8 % and 100 % of the image area and whose aspect ratio is chosen
 * randomly between 3/4 and 4/3" (Szegedy et al. 2014, section 6).
 *
 * @param leastShare of the stored image's area; the share is drawn evenly from this to 1; 0 for no patches
 * @param mostAspect of width to height and of height to width
 */
public record Patches(double leastShare, double mostAspect) {
    /** Windows of the input's size instead. */
    public static final Patches NONE = new Patches(0, 1);
    /** Those of GoogLeNet's paper. */
    public static final Patches GOOGLENET = new Patches(0.08, 4 / 3.0);

    private static final int TRIES = 10;
    /** Numbers of Philox for each image: four for each try, and some room. */
    private static final long ELEMENTS = 64;

    /** Throws an {@link IllegalArgumentException} for a share that is not from 0 to 1 and for an aspect below 1. */
    public Patches {
        if (!(leastShare >= 0 && leastShare <= 1)) {
            throw new IllegalArgumentException("the least share of a patch must be from 0 (no patches) to 1, not " + leastShare);
        }
        if (!(mostAspect >= 1) || Double.isInfinite(mostAspect)) {
            throw new IllegalArgumentException("the largest aspect of a patch must be a number of at least 1, not " + mostAspect);
        }
    }

    /** {@return whether there are patches} */
    public boolean any() {
        return leastShare > 0;
    }

    /**
     * A patch at an even place, its sides not rounded to pixels. The paper does not say how an aspect is drawn; as in torchvision's
     * RandomResizedCrop it is the logarithm that is even, so that wide and high patches are equally likely. That function also says what
     * happens to what does not fit, as large patches of some aspect do not: another try, ten in all. Then this takes the largest square
     * of the middle, whose aspect is always allowed. StrictMath, for the same bits on every machine.
     */
    Window draw(long seed, long step, long index, int height, int width) {
        for (int attempt = 0; attempt < TRIES; attempt++) {
            long element = ELEMENTS * index + 4L * attempt;
            double area = (leastShare + (1 - leastShare) * uniform(seed, step, element)) * height * width;
            double aspect = StrictMath.exp(StrictMath.log(mostAspect) * (2 * uniform(seed, step, element + 1) - 1));
            double patchWidth = Math.sqrt(area * aspect);
            double patchHeight = Math.sqrt(area / aspect);
            if (patchWidth <= width && patchHeight <= height) {
                return new Window(uniform(seed, step, element + 2) * (height - patchHeight),
                        uniform(seed, step, element + 3) * (width - patchWidth), patchHeight, patchWidth);
            }
        }
        return Window.covering(height, width, 1, 1);
    }

    private static double uniform(long seed, long step, long element) {
        return Philox.uniform(seed, Philox.PATCH, step, element);
    }
}
