package duet.device;

/**
 * Philox 4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011): random numbers as a function, not a
 * state. Key = seed (low word, high word). Counter words = (element / 4, purpose ^ high word of element / 4 shifted left by 16,
 * step low, step high); the number of an element is output word element % 4. Every backend computes the same function.
 */
public final class Philox {
    private Philox() {}

    /** Purposes below this one belong to the layers of a network (dropout): the layer's index. */
    public static final int FIRST_FIXED_PURPOSE = 0xF000;
    /** Initial weights; step = index of the parameter. */
    public static final int INITIAL_WEIGHTS = 0xF000;
    /** Order of images; step = epoch. */
    public static final int SHUFFLE = 0xF001;
    /** Crop and mirror; step = epoch, element = 4 * index of the image + 0 (top), 1 (left), 2 (mirror). */
    public static final int CROP = 0xF002;
    /** Colour noise; step = epoch. */
    public static final int COLOUR = 0xF003;
    /** Synthetic images. */
    public static final int SYNTHETIC = 0xF004;
    /** Which images are held out for validation. */
    public static final int HOLD_OUT = 0xF005;
    /** Patch; step as of {@link #CROP}, element = 64 * index of the image + 4 * try + 0 (area), 1 (aspect), 2 (top), 3 (left). */
    public static final int PATCH = 0xF006;
    /** Photometric distortion; step = epoch, element = 4 * index of the image + 0 to 2 (factors), 3 (order). */
    public static final int PHOTOMETRIC = 0xF007;

    private static final int M0 = 0xD2511F53;
    private static final int M1 = 0xCD9E8D57;
    private static final int W0 = 0x9E3779B9;
    private static final int W1 = 0xBB67AE85;

    /**
     * {@return 32 random bits}
     *
     * @param seed    of the training
     * @param purpose what the bits are for, so that draws for different ends differ
     * @param step    such as the training step or the epoch
     * @param element not negative and below 2^50
     */
    public static int bits(long seed, int purpose, long step, long element) {
        return words(seed, purpose, step, element)[(int) (element & 3)];
    }

    private static int[] words(long seed, int purpose, long step, long element) {
        long block = element >>> 2;
        return block((int) block, purpose ^ ((int) (block >>> 32) << 16), (int) step, (int) (step >>> 32),
                (int) seed, (int) (seed >>> 32));
    }

    /**
     * {@return the four output words of a counter c and a key k}
     *
     * @param c0 lowest word of the counter
     * @param c1 second word
     * @param c2 third word
     * @param c3 highest word
     * @param k0 low word of the key
     * @param k1 high word of the key
     */
    public static int[] block(int c0, int c1, int c2, int c3, int k0, int k1) {
        for (int round = 0; round < 10; round++) {
            long p0 = (M0 & 0xFFFFFFFFL) * (c0 & 0xFFFFFFFFL);
            long p1 = (M1 & 0xFFFFFFFFL) * (c2 & 0xFFFFFFFFL);
            c0 = (int) (p1 >>> 32) ^ c1 ^ k0;
            c1 = (int) p1;
            c2 = (int) (p0 >>> 32) ^ c3 ^ k1;
            c3 = (int) p0;
            k0 += W0;
            k1 += W1;
        }
        return new int[] {c0, c1, c2, c3};
    }

    /**
     * {@return a uniform number in [0, 1), a multiple of 2^-32}
     *
     * @param seed    of the training
     * @param purpose see {@link #bits}
     * @param step    see {@link #bits}
     * @param element see {@link #bits}
     */
    public static double uniform(long seed, int purpose, long step, long element) {
        return uniform(bits(seed, purpose, step, element));
    }

    private static double uniform(int bits) {
        return (bits & 0xFFFFFFFFL) * 0x1p-32;
    }

    /**
     * {@return a uniform whole number in 0 .. bound - 1}
     *
     * @param seed    of the training
     * @param purpose see {@link #bits}
     * @param step    see {@link #bits}
     * @param element see {@link #bits}
     * @param bound   above 0
     */
    public static int below(long seed, int purpose, long step, long element, int bound) {
        return (int) (((bits(seed, purpose, step, element) & 0xFFFFFFFFL) * bound) >>> 32);
    }

    /**
     * {@return a standard normal number (Box and Muller) from the two uniforms of elements 2 * element and 2 * element + 1}
     *
     * @param seed    of the training
     * @param purpose see {@link #bits}
     * @param step    see {@link #bits}
     * @param element see {@link #bits}
     */
    public static double normal(long seed, int purpose, long step, long element) {
        int[] words = words(seed, purpose, step, 2 * element); // both are in it
        int first = (int) (2 * element & 3);
        double radius = Math.sqrt(-2 * Math.log(1 - uniform(words[first])));
        return radius * Math.cos(2 * Math.PI * uniform(words[first + 1]));
    }

    /**
     * {@return the threshold of dropout: an element is kept whose bits are, unsigned, not below it}
     *
     * @param rate the share that is dropped
     */
    public static int threshold(float rate) {
        return (int) Math.min(0xFFFFFFFFL, (long) Math.rint(rate * 0x1p32));
    }
}
