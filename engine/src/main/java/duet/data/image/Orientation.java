package duet.data.image;

/** Turns an image upright by its EXIF orientation (tag 0x0112, values 1 to 8). */
final class Orientation {
    private Orientation() {}

    /** Whether height and width change places. */
    static boolean swapsSides(int orientation) {
        return orientation >= 5;
    }

    /**
     * @param levels [height][width][channels] as stored in the file
     * @return upright; [width][height][channels] if the sides change places
     */
    static byte[] upright(byte[] levels, int height, int width, int channels, int orientation) {
        if (orientation <= 1) {
            return levels;
        }
        byte[] result = new byte[levels.length];
        int resultWidth = swapsSides(orientation) ? height : width;
        int resultHeight = swapsSides(orientation) ? width : height;
        for (int y = 0; y < resultHeight; y++) {
            for (int x = 0; x < resultWidth; x++) {
                int fromLeft = swapsSides(orientation) ? y : x;
                int fromTop = swapsSides(orientation) ? x : y;
                int column = orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8 ? width - 1 - fromLeft : fromLeft;
                int row = orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7 ? height - 1 - fromTop : fromTop;
                System.arraycopy(levels, (row * width + column) * channels, result, (y * resultWidth + x) * channels, channels);
            }
        }
        return result;
    }
}
