package duet.data.image;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;

/**
 * Which way up an image is, by its EXIF tags. A library for metadata would do it, but is as large as the engine; this is one tag in one
 * directory, which PNG and JPEG files have in a chunk.
 */
final class Exif {
    private static final int UPRIGHT = 1;
    private static final int ORIENTATION_TAG = 0x0112;
    private static final int BYTES_OF_TAG = 12;
    private static final int PNG_SIGNATURE = 8;

    private Exif() {}

    /** Of a file that is not a JPEG: 1 upright, 2 to 8 mirrored or turned; 1 if it does not say. */
    static int orientation(byte[] file) {
        return startsWith(file, 1, "PNG\r\n") ? inChunk(file) : UPRIGHT;
    }

    /** In the chunk eXIf of a PNG: chunks are length, name, contents, checksum. */
    private static int inChunk(byte[] file) {
        ByteBuffer in = ByteBuffer.wrap(file);
        for (int place = PNG_SIGNATURE; place + 8 <= file.length;) {
            int length = in.getInt(place);
            if (length < 0 || length > file.length - place - 8) {
                return UPRIGHT;
            }
            if (startsWith(file, place + 4, "eXIf")) {
                return orientation(in.slice(place + 8, length));
            }
            place += 8 + length + 4;
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
