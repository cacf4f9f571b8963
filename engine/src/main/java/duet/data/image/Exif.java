package duet.data.image;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;

/**
 * Which way up an image is, by its EXIF tags. A library for metadata would do it, but is as large as the engine; this is one tag in one
 * directory, which TIFF files are and which PNG, WebP and JPEG files have in a chunk.
 */
final class Exif {
    private static final int UPRIGHT = 1;
    private static final int ORIENTATION_TAG = 0x0112;
    private static final int BYTES_OF_TAG = 12;
    private static final String PREFIX = "Exif\0\0";

    private Exif() {}

    /** Of a file that is not a JPEG: 1 upright, 2 to 8 mirrored or turned; 1 if it does not say. */
    static int orientation(byte[] file) {
        try {
            if (startsWith(file, 0, "II*\0") || startsWith(file, 0, "MM\0*")) {
                return orientation(ByteBuffer.wrap(file));
            } else if (startsWith(file, 1, "PNG\r\n")) {
                return chunk(file, 8, ByteOrder.BIG_ENDIAN, 4, "eXIf", 4);
            } else if (startsWith(file, 0, "RIFF") && startsWith(file, 8, "WEBP")) {
                return chunk(file, 12, ByteOrder.LITTLE_ENDIAN, 0, "EXIF", 0);
            }
            return UPRIGHT;
        } catch (IndexOutOfBoundsException | IllegalArgumentException e) {
            return UPRIGHT; // cut off: the decoder says so
        }
    }

    /**
     * Looks through chunks of length and name, or of name and length.
     *
     * @param name of the chunk, {@code at} bytes after its beginning; the length has the other four
     * @param tail bytes after the contents, such as a checksum
     */
    private static int chunk(byte[] file, int first, ByteOrder order, int at, String name, int tail) {
        ByteBuffer in = ByteBuffer.wrap(file).order(order);
        for (int place = first; place + 8 <= in.limit();) {
            int length = in.getInt(place + 4 - at);
            if (length < 0 || length > in.limit() - place - 8) {
                return UPRIGHT;
            }
            if (startsWith(file, place + at, name)) {
                int prefix = startsWith(file, place + 8, PREFIX) ? PREFIX.length() : 0;
                return orientation(in.slice(place + 8 + prefix, length - prefix));
            }
            int padding = order == ByteOrder.LITTLE_ENDIAN ? length & 1 : 0;
            place += 8 + length + padding + tail;
        }
        return UPRIGHT;
    }

    private static boolean startsWith(byte[] file, int place, String text) {
        byte[] expected = text.getBytes(StandardCharsets.ISO_8859_1);
        return file.length >= place + expected.length
                && ByteBuffer.wrap(file, place, expected.length).slice().equals(ByteBuffer.wrap(expected));
    }

    /** Of the first directory of a TIFF structure; 1 if it is missing or makes no sense. */
    static int orientation(ByteBuffer tiff) {
        try {
            tiff.order(tiff.getShort(0) == 0x4949 ? ByteOrder.LITTLE_ENDIAN : ByteOrder.BIG_ENDIAN);
            int directory = tiff.getInt(4);
            int entries = tiff.getShort(directory) & 0xFFFF;
            for (int i = 0; i < entries; i++) {
                int entry = directory + 2 + BYTES_OF_TAG * i;
                int value = tiff.getShort(entry + 8) & 0xFFFF;
                if ((tiff.getShort(entry) & 0xFFFF) == ORIENTATION_TAG && value >= 1 && value <= 8) {
                    return value;
                }
            }
            return UPRIGHT;
        } catch (IndexOutOfBoundsException e) {
            return UPRIGHT;
        }
    }
}
