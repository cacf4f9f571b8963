package duet.data.image;

import duet.data.pixels.Pixels;
import duet.data.pixels.Resampling;
import duet.data.pixels.Window;

/**
 * A decoded image, or the part of it that is needed.
 *
 * @param levels   [height][width][channels]
 * @param channels 1 (luma) or 3 (red, green, blue)
 * @param window   what is to be kept, in pixels of {@code levels}
 */
record Decoded(byte[] levels, int height, int width, int channels, Window window) {
    /** {@return the window, scaled: [height][width][channels]} */
    byte[] scaled(int targetHeight, int targetWidth) {
        if (height == targetHeight && width == targetWidth && window.height() == height && window.width() == width) {
            return levels;
        }
        byte[] result = new byte[targetHeight * targetWidth * channels];
        new Resampling().resample(Pixels.of(levels, 0, height, width, channels), window,
                Pixels.of(result, 0, targetHeight, targetWidth, channels));
        return result;
    }
}
