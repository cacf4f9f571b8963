package duet.data.image;

import java.awt.Rectangle;
import java.awt.image.BufferedImage;
import java.awt.image.Raster;
import java.io.ByteArrayInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.regex.Pattern;
import javax.imageio.ImageIO;
import javax.imageio.ImageReadParam;
import javax.imageio.ImageReader;
import javax.imageio.stream.ImageInputStream;
import javax.imageio.stream.MemoryCacheImageInputStream;

import duet.data.pixels.Window;
import duet.files.Reasons;

/**
 * Images by ImageIO: PNG, GIF, BMP and PNM, and JPEG where libjpeg-turbo is missing or the colours are CMYK. Only the needed
 * part is decoded, and of very large images only every k-th pixel, so that memory stays bounded whatever a file claims.
 */
final class ImageIoDecoder {
    private static final Set<String> FORMATS = Set.of("png", "gif", "bmp", "pnm", "pbm", "pgm", "ppm");
    /** Skipping pixels is coarse, so it starts where the needed part alone would take more memory than this many pixels. */
    private static final long MOST_PIXELS_AT_ONCE = 16 << 20;

    private static final String READ = "JPEG, PNG, GIF, BMP, PPM";
    private static final int MOST_OF_START = 16;
    private static final int BMP_COLOURS = 46;
    private static final int MOST_COLOURS = 1 << 16;
    private static final String CONTRADICTION = "what it says of itself contradicts itself";
    private static final Pattern CODE = Pattern.compile("Exception|null|[a-z]\\.[a-z]+\\.[a-zA-Z]|\\w+\\(");

    private ImageIoDecoder() {}

    /** The JPEG's raw components are read and turned into colours here, so that all decoders agree and profiles play no part. */
    static Decoded decodeJpeg(byte[] file, JpegHeader header, int channels, int height, int width) throws DamagedImage {
        List<String> warnings = new ArrayList<>();
        return read(file, jpegReader(), warnings, reader -> {
            Sampling sampling = Sampling.of(header.height(), header.width(), height, width);
            Raster raster = reader.readRaster(0, sampling.parameters(reader));
            for (String warning : warnings) {
                if (JpegHeader.losesPixels(warning)) {
                    throw new DamagedImage("damaged JPEG (" + warning + ")");
                }
            }
            if (raster.getNumBands() != header.colours().components) {
                throw new DamagedImage(String.format(Locale.ROOT, "a JPEG of %d components that decodes to %d",
                        header.colours().components, raster.getNumBands()));
            }
            return sampling.decoded(RasterColours.jpeg(raster, header, channels), raster);
        });
    }

    /** TwelveMonkeys' reader copes with what the JDK's refuses (odd metadata, profiles that lie). */
    private static ImageReader jpegReader() throws DamagedImage {
        ImageReader other = null;
        for (Iterator<ImageReader> readers = ImageIO.getImageReadersByFormatName("jpeg"); readers.hasNext();) {
            ImageReader reader = readers.next();
            if (reader.getClass().getName().startsWith("com.twelvemonkeys.")) {
                return reader;
            }
            other = reader;
        }
        if (other == null) {
            throw new DamagedImage("this Java has no JPEG decoder");
        }
        return other;
    }

    /** Transparent pixels show white. */
    static Decoded decodeOther(byte[] file, long mostPixels, int channels, int height, int width) throws DamagedImage {
        checkPalette(file);
        List<String> warnings = new ArrayList<>();
        return read(file, otherReader(file), warnings, reader -> {
            int fullHeight = reader.getHeight(0);
            int fullWidth = reader.getWidth(0);
            ImageFile.checkSize(fullHeight, fullWidth, mostPixels, file.length);
            Sampling sampling = Sampling.of(fullHeight, fullWidth, height, width);
            BufferedImage image = reader.read(0, sampling.parameters(reader));
            if (!warnings.isEmpty()) {
                throw new DamagedImage("damaged image (" + told(warnings.getFirst()) + ")");
            }
            return sampling.decoded(RasterColours.other(image, channels), image.getRaster());
        });
    }

    /** Java's reader of BMP files makes room for as many colours as are claimed. */
    private static void checkPalette(byte[] file) throws DamagedImage {
        if (file.length >= BMP_COLOURS + Integer.BYTES && file[0] == 'B' && file[1] == 'M') {
            int colours = ByteBuffer.wrap(file).order(ByteOrder.LITTLE_ENDIAN).getInt(BMP_COLOURS);
            if (colours < 0 || colours > MOST_COLOURS) {
                throw new DamagedImage("damaged image (a palette of " + Integer.toUnsignedString(colours) + " colours)");
            }
        }
    }

    private static ImageReader otherReader(byte[] file) throws DamagedImage {
        try (ImageInputStream in = new MemoryCacheImageInputStream(new ByteArrayInputStream(file))) {
            for (Iterator<ImageReader> readers = ImageIO.getImageReaders(in); readers.hasNext();) {
                ImageReader reader = readers.next();
                if (FORMATS.contains(reader.getFormatName().toLowerCase(java.util.Locale.ROOT))) {
                    return reader;
                }
                reader.dispose();
            }
        } catch (IOException e) {
            throw new DamagedImage("not an image (" + told(Reasons.of(e)) + ")", e);
        }
        throw new DamagedImage(unreadable(file));
    }

    /**
     * What other formats are called. WebP and TIFF are left out on purpose: of changed files of a few hundred bytes Java's decoders take 20
     * seconds for some, and 2 GB for others.
     */
    private static String unreadable(byte[] file) {
        String start = new String(file, 0, Math.min(MOST_OF_START, file.length), StandardCharsets.ISO_8859_1);
        String format = start.startsWith("RIFF") && start.startsWith("WEBP", 8) ? "a WebP image"
                : start.startsWith("II*\0") || start.startsWith("MM\0*") ? "a TIFF image"
                : start.startsWith("ftypavif", 4) ? "an AVIF image"
                : start.startsWith("ftyphei", 4) || start.startsWith("ftypmif1", 4) ? "an HEIC image" : null;
        return format == null ? "not an image that can be read (" + READ + ")"
                : format + ", which is not read: convert it to PNG (" + READ + " are read)";
    }

    private interface Reading {
        Decoded from(ImageReader reader) throws IOException, DamagedImage;
    }

    /** The readers meet damage with all kinds of exceptions. */
    private static Decoded read(byte[] file, ImageReader reader, List<String> warnings, Reading reading) throws DamagedImage {
        try (ImageInputStream in = new MemoryCacheImageInputStream(new ByteArrayInputStream(file))) {
            reader.addIIOReadWarningListener((source, warning) -> warnings.add(warning));
            reader.setInput(in, true, true);
            return reading.from(reader);
        } catch (IOException e) {
            throw new DamagedImage("damaged image (" + (endsTooEarly(e) ? "ends too early" : told(Reasons.of(e))) + ")", e);
        } catch (RuntimeException e) {
            throw new DamagedImage("damaged image (" + CONTRADICTION + ")", e);
        } catch (OutOfMemoryError e) {
            throw new DamagedImage("an image too large for Java's memory", e);
        } finally {
            reader.dispose();
        }
    }

    /** What a reader says, unless it speaks of its own classes. */
    private static String told(String words) {
        return CODE.matcher(words).find() ? CONTRADICTION : words.lines().findFirst().orElse(CONTRADICTION);
    }

    /** The readers wrap it in errors of their own. */
    private static boolean endsTooEarly(Throwable e) {
        return e instanceof EOFException || e.getCause() != null && endsTooEarly(e.getCause());
    }

    /**
     * Every {@code step}-th pixel of a region that holds the window and what the filter needs around it.
     *
     * @param window in full pixels
     */
    private record Sampling(Window window, Rectangle region, int step) {
        static Sampling of(int fullHeight, int fullWidth, int height, int width) {
            Window window = Window.covering(fullHeight, fullWidth, height, width);
            double scale = window.height() / height;
            int margin = (int) Math.ceil(scale);
            int left = Math.max(0, (int) Math.floor(window.left()) - margin);
            int top = Math.max(0, (int) Math.floor(window.top()) - margin);
            int right = Math.min(fullWidth, (int) Math.ceil(window.left() + window.width()) + margin);
            int bottom = Math.min(fullHeight, (int) Math.ceil(window.top() + window.height()) + margin);
            long pixels = (long) (right - left) * (bottom - top);
            int step = Math.min((int) Math.ceil(Math.sqrt((double) pixels / MOST_PIXELS_AT_ONCE)), Math.max(1, (int) scale));
            return new Sampling(window, new Rectangle(left, top, right - left, bottom - top), step);
        }

        ImageReadParam parameters(ImageReader reader) {
            ImageReadParam parameters = reader.getDefaultReadParam();
            parameters.setSourceRegion(region);
            // The middle one of each step x step pixels.
            parameters.setSourceSubsampling(step, step, step / 2, step / 2);
            return parameters;
        }

        Decoded decoded(byte[] levels, Raster raster) {
            Window scaled = new Window((window.top() - region.y) / step, (window.left() - region.x) / step,
                    window.height() / step, window.width() / step);
            return new Decoded(levels, raster.getHeight(), raster.getWidth(), levels.length / raster.getHeight() / raster.getWidth(),
                    scaled);
        }
    }
}
