package duet.data.pixels;

/** The part of an image that is kept, in its pixels; pixel i covers i .. i + 1. */
public record Window(double top, double left, double height, double width) {
    /**
     * The largest centred window with the target's ratio: what is left when the shorter side is scaled to the target's and the rest cut.
     */
    public static Window covering(int height, int width, int targetHeight, int targetWidth) {
        double scale = Math.min((double) height / targetHeight, (double) width / targetWidth);
        return new Window((height - targetHeight * scale) / 2, (width - targetWidth * scale) / 2, targetHeight * scale,
                targetWidth * scale);
    }
}
