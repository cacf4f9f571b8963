package duet.data.image;

import java.io.IOException;
import java.nio.channels.ClosedChannelException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;

import duet.data.DataException;
import duet.files.Reasons;
import duet.net.Shape;
import duet.text.Text;

/**
 * An image file of any size as a stored image: turned upright by its EXIF orientation, the shorter side scaled to the stored size,
 * the centre kept. Transparent pixels show white, grey images have three equal channels, colours become luma for a network with
 * one input channel, CMYK is converted without a profile. What a file is, its first bytes say, not its name.
 */
public final class ImageFile {
    /** A hundred million: more than any camera's ordinary picture, and little enough to decode. */
    public static final long MOST_PIXELS = 100_000_000;
    private static final long MOST_BYTES = 256L << 20;
    /** What PNG packs most densely: 8 pixels of one bit in a byte, 1032 of which deflate to one. */
    private static final long MOST_PIXELS_A_BYTE = 8 * 1032;
    private static final long UNDOUBTED_PIXELS = 4 << 20;

    private ImageFile() {}

    /** Which decoder takes ordinary JPEGs; tests compare them. */
    public enum Jpegs { FASTEST, TURBO, IMAGE_IO }

    /**
     * @param stored 1 or 3 channels
     * @return [height][width][channels]
     */
    public static byte[] read(Path file, Shape stored) throws DamagedImage {
        return decode(bytes(file), stored, Jpegs.FASTEST);
    }

    public static byte[] bytes(Path file) throws DamagedImage {
        try {
            checkSize(Files.size(file));
            return Files.readAllBytes(file);
        } catch (ClosedChannelException e) {
            throw new DataException("interrupted while " + file + " was read", e);
        } catch (IOException e) {
            throw new DamagedImage("cannot be read: " + Reasons.of(e), e);
        }
    }

    /** What a file must have to be an image. */
    public static void checkSize(long bytes) throws DamagedImage {
        if (bytes == 0) {
            throw new DamagedImage("an empty file");
        }
        if (bytes > MOST_BYTES) {
            throw new DamagedImage("a file of " + Text.bytes(bytes) + "; images of up to " + Text.bytes(MOST_BYTES) + " are read");
        }
    }

    /** Images have 1 channel (grey) or 3 (red, green, blue). */
    public static void checkChannels(String what, Shape stored) {
        if (stored.channels() != 1 && stored.channels() != 3) {
            throw new DataException(String.format(Locale.ROOT,
                    "%s: images have 1 channel (grey) or 3 (colour), but the network's input has %d",
                    what, stored.channels()));
        }
    }

    public static byte[] decode(byte[] file, Shape stored, Jpegs jpegs) throws DamagedImage {
        return decode(file, stored, jpegs, MOST_PIXELS);
    }

    /** @param mostPixels that an image may have, at most {@link #MOST_PIXELS} */
    public static byte[] decode(byte[] file, Shape stored, Jpegs jpegs, long mostPixels) throws DamagedImage {
        JpegHeader header = JpegHeader.startsLikeOne(file) ? JpegHeader.parse(file) : null;
        int orientation = header != null ? header.orientation() : Exif.orientation(file);
        boolean turned = Orientation.swapsSides(orientation);
        int height = turned ? stored.width() : stored.height();
        int width = turned ? stored.height() : stored.width();
        Decoded decoded;
        if (header != null) {
            checkSize(header.height(), header.width(), mostPixels, file.length);
            decoded = decodeJpeg(file, header, stored.channels(), height, width, jpegs);
        } else {
            decoded = ImageIoDecoder.decodeOther(file, mostPixels, stored.channels(), height, width);
        }
        byte[] lying = decoded.scaled(height, width);
        byte[] upright = Orientation.upright(lying, height, width, decoded.channels(), orientation);
        return spread(upright, decoded.channels(), stored.channels());
    }

    /** Decoding alone, for a target of this size that is not turned upright yet. */
    public static Decoded decodeJpeg(byte[] file, JpegHeader header, int channels, int height, int width, Jpegs jpegs) throws DamagedImage {
        boolean turbo = jpegs != Jpegs.IMAGE_IO && header.colours().components != 4 && TurboJpegDecoder.available();
        return turbo
                ? TurboJpegDecoder.decode(file, header, channels, height, width)
                : ImageIoDecoder.decodeJpeg(file, header, channels, height, width);
    }

    /** @param bytes of the file: a few of them cannot be the reason to make room for millions of pixels */
    static void checkSize(int height, int width, long mostPixels, long bytes) throws DamagedImage {
        long pixels = (long) height * width;
        if (height < 1 || width < 1 || pixels > mostPixels) {
            throw new DamagedImage(String.format(Locale.ROOT, "an image of %dx%d pixels; from 1 to %d million are read",
                    width, height, mostPixels / 1_000_000));
        }
        if (pixels > UNDOUBTED_PIXELS && pixels > bytes * MOST_PIXELS_A_BYTE) {
            throw new DamagedImage(String.format(Locale.ROOT, "an image that claims %dx%d pixels in %d bytes", width, height, bytes));
        }
    }

    private static byte[] spread(byte[] levels, int from, int to) {
        if (from == to) {
            return levels;
        }
        byte[] result = new byte[levels.length * to];
        for (int i = 0; i < result.length; i++) {
            result[i] = levels[i / to];
        }
        return result;
    }
}
