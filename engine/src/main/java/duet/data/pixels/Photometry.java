package duet.data.pixels;

/**
 * Changes the light and the colours of an image in place. Each change mixes a level l with what the image would be without the property:
 * without + factor * (l - without), rounded, from 0 to 255; below 1 there is less of the property, above 1 more of it (Haeberli and
 * Voorhies, "Image processing by interpolation and extrapolation", 1994). These are the changes of the Python Imaging Library that Howard
 * 2013 made, with rounding where it cuts off and without it for the mean. An instance is for one thread.
 */
public final class Photometry {
    /** What is changed. */
    public enum Change {
        /** Without it an image is black. */
        BRIGHTNESS,
        /** Without it an image is of one grey: its mean luma. */
        CONTRAST,
        /** Without it a pixel is as grey as its luma. Nothing happens to images of other than three channels. */
        SATURATION
    }

    private static final int LEVELS = 256;
    private static final int MOST = LEVELS - 1;

    /** What becomes of each level, where that is the same for all pixels. */
    private final byte[] table = new byte[LEVELS];

    /** @param factor not below 0; 1 leaves the image as it is */
    public void change(Change change, double factor, Pixels image) {
        switch (change) {
            case BRIGHTNESS -> mix(image, 0, factor);
            case CONTRAST -> mix(image, meanLuma(image), factor);
            case SATURATION -> {
                if (image.channels() == 3) {
                    saturate(image, (float) factor);
                }
            }
        }
    }

    /** Of images that have no three channels the mean of all levels. */
    static double meanLuma(Pixels image) {
        byte[] levels = image.levels();
        int row = image.width() * image.channels();
        long sum = 0;
        for (int y = 0; y < image.height(); y++) {
            int end = image.row(y) + row;
            if (image.channels() == 3) {
                for (int e = image.row(y); e < end; e += 3) {
                    sum += Luma.of(levels[e] & 0xFF, levels[e + 1] & 0xFF, levels[e + 2] & 0xFF);
                }
            } else {
                for (int e = image.row(y); e < end; e++) {
                    sum += levels[e] & 0xFF;
                }
            }
        }
        return (double) sum / ((long) image.height() * (image.channels() == 3 ? image.width() : row));
    }

    private void mix(Pixels image, double without, double factor) {
        for (int level = 0; level < LEVELS; level++) {
            table[level] = (byte) Math.clamp(Math.round(without + factor * (level - without)), 0, MOST);
        }
        byte[] levels = image.levels();
        int row = image.width() * image.channels();
        for (int y = 0; y < image.height(); y++) {
            int start = image.row(y);
            for (int e = start; e < start + row; e++) {
                levels[e] = table[levels[e] & 0xFF];
            }
        }
    }

    private static void saturate(Pixels image, float factor) {
        byte[] levels = image.levels();
        for (int y = 0; y < image.height(); y++) {
            int end = image.row(y) + image.width() * 3;
            for (int e = image.row(y); e < end; e += 3) {
                int red = levels[e] & 0xFF;
                int green = levels[e + 1] & 0xFF;
                int blue = levels[e + 2] & 0xFF;
                int grey = Luma.of(red, green, blue);
                levels[e] = mixed(grey, factor, red);
                levels[e + 1] = mixed(grey, factor, green);
                levels[e + 2] = mixed(grey, factor, blue);
            }
        }
    }

    private static byte mixed(int grey, float factor, int level) {
        return (byte) Math.min(MOST, (int) (Math.max(0, grey + factor * (level - grey)) + 0.5f));
    }
}
