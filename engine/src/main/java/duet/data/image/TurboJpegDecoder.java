package duet.data.image;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

import duet.bindings.turbojpeg.TurboJpeg;
import duet.data.pixels.Window;

/** JPEG by libjpeg-turbo's TurboJPEG interface; reduced by 2, 4 or 8 while it decodes, where that leaves pixels enough. */
public final class TurboJpegDecoder {
    /** The reductions with SIMD code; the ones between them are slower than no reduction. */
    private static final int[] REDUCTIONS = {8, 4, 2, 1};

    private TurboJpegDecoder() {}

    private static final class Availability {
        static final boolean PRESENT = present();

        private static boolean present() {
            try {
                MemorySegment handle = TurboJpeg.tjInitDecompress();
                TurboJpeg.tjDestroy(handle);
                return !handle.equals(MemorySegment.NULL);
            } catch (LinkageError | RuntimeException e) {
                return false;
            }
        }
    }

    /** Whether the library is installed. */
    public static boolean available() {
        return Availability.PRESENT;
    }

    /** Not for CMYK, which the library does not turn into colours. Height and width are those of the target before it is turned upright. */
    static Decoded decode(byte[] file, JpegHeader header, int channels, int height, int width) throws DamagedImage {
        int reduction = reduction(header, height, width);
        int scaledWidth = Math.ceilDiv(header.width(), reduction);
        int scaledHeight = Math.ceilDiv(header.height(), reduction);
        int decodedChannels = header.colours() == JpegHeader.Colours.GREY ? 1 : channels;
        byte[] levels = new byte[Math.multiplyExact(Math.multiplyExact(scaledWidth, scaledHeight), decodedChannels)];
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment handle = TurboJpeg.tjInitDecompress();
            if (handle.equals(MemorySegment.NULL)) {
                throw new DamagedImage("libjpeg-turbo found no memory for it");
            }
            try {
                MemorySegment source = arena.allocateFrom(ValueLayout.JAVA_BYTE, file);
                MemorySegment target = arena.allocate(levels.length);
                int format = decodedChannels == 1 ? TurboJpeg.TJPF_GRAY() : TurboJpeg.TJPF_RGB();
                // Only the last warning is kept: stop at the first, and go on after a harmless one.
                for (int flags : new int[] {TurboJpeg.TJFLAG_STOPONWARNING(), 0}) {
                    if (TurboJpeg.tjDecompress2(handle, source, file.length, target, scaledWidth, 0, scaledHeight, format, flags) == 0) {
                        break;
                    }
                    judge(handle);
                }
                MemorySegment.copy(target, ValueLayout.JAVA_BYTE, 0, levels, 0, levels.length);
            } finally {
                TurboJpeg.tjDestroy(handle);
            }
        }
        return new Decoded(levels, scaledHeight, scaledWidth, decodedChannels,
                Window.covering(scaledHeight, scaledWidth, height, width));
    }

    private static int reduction(JpegHeader header, int height, int width) {
        for (int reduction : REDUCTIONS) {
            if (header.height() / reduction >= height && header.width() / reduction >= width) {
                return reduction;
            }
        }
        return 1;
    }

    private static void judge(MemorySegment handle) throws DamagedImage {
        String message = TurboJpeg.tjGetErrorStr2(handle).getString(0);
        if (TurboJpeg.tjGetErrorCode(handle) != TurboJpeg.TJERR_WARNING() || JpegHeader.losesPixels(message)) {
            throw new DamagedImage("damaged JPEG (" + message + ")");
        }
    }
}
