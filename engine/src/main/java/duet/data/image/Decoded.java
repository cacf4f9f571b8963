package duet.data.image;

/**
 * A decoded image, or the part of it that is needed.
 *
 * @param levels   [height][width][channels]
 * @param channels 1 (luma) or 3 (red, green, blue)
 * @param window   what is to be kept, in pixels of {@code levels}
 */
record Decoded(byte[] levels, int height, int width, int channels, Window window) {
    /** Luma of ITU-R BT.601, as in JPEG. */
    static int luma(int red, int green, int blue) {
        return (19595 * red + 38470 * green + 7471 * blue + 32768) >> 16;
    }
}
