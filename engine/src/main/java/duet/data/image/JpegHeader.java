package duet.data.image;

import java.nio.BufferUnderflowException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;

/**
 * What the markers before a JPEG's first scan say.
 *
 * @param colours     how its components are meant
 * @param adobe       written by the conventions of Adobe, where CMYK is stored inverted
 * @param orientation of EXIF: 1 upright, 2 to 8 mirrored or turned
 */
public record JpegHeader(int height, int width, Colours colours, boolean adobe, int orientation) {
    public enum Colours {
        GREY(1), YCC(3), RGB(3), CMYK(4), YCCK(4);

        public final int components;

        Colours(int components) {
            this.components = components;
        }
    }

    private static final int START = 0xFFD8;
    private static final int SCAN = 0xDA;
    private static final int END = 0xD9;
    private static final int JFIF = 0xE0;
    private static final int EXIF = 0xE1;
    private static final int ADOBE = 0xEE;
    /** Progressive images have about ten; each of them costs a pass over all pixels. */
    private static final int MOST_SCANS = 100;

    public static boolean startsLikeOne(byte[] file) {
        return file.length > 2 && (file[0] & 0xFF) == 0xFF && (file[1] & 0xFF) == 0xD8 && (file[2] & 0xFF) == 0xFF;
    }

    public static JpegHeader parse(byte[] file) throws DamagedImage {
        int scans = 0;
        for (int i = 1; i < file.length; i++) {
            // Within compressed data 0xFF is never followed by this.
            scans += file[i] == (byte) SCAN && file[i - 1] == (byte) 0xFF ? 1 : 0;
        }
        if (scans > MOST_SCANS) {
            throw new DamagedImage("a JPEG of " + scans + " scans; up to " + MOST_SCANS + " are read");
        }
        try {
            return new Parser().parse(ByteBuffer.wrap(file));
        } catch (BufferUnderflowException | IllegalArgumentException | IndexOutOfBoundsException e) {
            throw new DamagedImage("truncated JPEG: it ends before the image begins", e);
        }
    }

    private static final class Parser {
        private ByteBuffer frame;
        private boolean jfif;
        private int adobeTransform = -1;
        private int orientation = 1;

        public JpegHeader parse(ByteBuffer in) throws DamagedImage {
            if ((in.getShort() & 0xFFFF) != START) {
                throw new DamagedImage("not a JPEG image");
            }
            while (true) {
                int marker = nextMarker(in);
                if (marker == SCAN || marker == END) {
                    return finish();
                }
                if (marker == 0x01 || marker >= 0xD0 && marker <= 0xD7) {
                    continue;
                }
                int length = (in.getShort() & 0xFFFF) - 2;
                ByteBuffer segment = in.slice(in.position(), length);
                in.position(in.position() + length);
                read(marker, segment);
            }
        }

        private static int nextMarker(ByteBuffer in) {
            while (in.get() != (byte) 0xFF) {
                // Bytes between segments are skipped, as decoders do.
            }
            int marker = 0xFF;
            while (marker == 0xFF) {
                marker = in.get() & 0xFF;
            }
            return marker;
        }

        private void read(int marker, ByteBuffer segment) {
            boolean startOfFrame = marker >= 0xC0 && marker <= 0xCF && marker != 0xC4 && marker != 0xC8 && marker != 0xCC;
            if (startOfFrame && frame == null) {
                frame = segment;
            } else if (marker == JFIF && startsWith(segment, "JFIF\0")) {
                jfif = true;
            } else if (marker == ADOBE && startsWith(segment, "Adobe") && segment.limit() >= 12) {
                adobeTransform = segment.get(11) & 0xFF;
            } else if (marker == EXIF && startsWith(segment, "Exif\0\0")) {
                orientation = Exif.orientation(segment.slice(6, segment.limit() - 6));
            }
        }

        private static boolean startsWith(ByteBuffer segment, String text) {
            byte[] expected = text.getBytes(StandardCharsets.ISO_8859_1);
            return segment.limit() >= expected.length && segment.slice(0, expected.length).equals(ByteBuffer.wrap(expected));
        }

        private JpegHeader finish() throws DamagedImage {
            if (frame == null) {
                throw new DamagedImage("a JPEG without an image in it");
            }
            int precision = frame.get(0) & 0xFF;
            int height = frame.getShort(1) & 0xFFFF;
            int width = frame.getShort(3) & 0xFFFF;
            if (precision != 8) {
                throw new DamagedImage("a JPEG of " + precision + " bits a sample; only 8 are read");
            }
            if (height == 0 || width == 0) {
                throw new DamagedImage("a JPEG of " + width + "x" + height + " pixels");
            }
            return new JpegHeader(height, width, colours(frame.get(5) & 0xFF), adobeTransform >= 0, orientation);
        }

        /** The rules of libjpeg. */
        private Colours colours(int components) throws DamagedImage {
            return switch (components) {
                case 1 -> Colours.GREY;
                case 3 -> {
                    boolean namedRgb = frame.get(6) == 'R' && frame.get(9) == 'G' && frame.get(12) == 'B';
                    boolean rgb = !jfif && (adobeTransform >= 0 ? adobeTransform == 0 : namedRgb);
                    yield rgb ? Colours.RGB : Colours.YCC;
                }
                case 4 -> adobeTransform > 0 ? Colours.YCCK : Colours.CMYK;
                default -> throw new DamagedImage("a JPEG of " + components + " colour components; 1, 3 or 4 are read");
            };
        }
    }

    /** Whether what a decoder complains about costs pixels; stray bytes between segments and odd parameters do not. */
    static boolean losesPixels(String warning) {
        String text = warning.toLowerCase(java.util.Locale.ROOT);
        return text.contains("premature") || text.contains("truncated") || text.contains("bad huffman") || text.contains("corrupt")
                && !text.contains("extraneous") || text.contains("inconsistent progression") || text.contains("missing eoi")
                || text.contains("past end") || text.contains("bad arithmetic");
    }
}
