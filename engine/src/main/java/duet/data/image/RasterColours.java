package duet.data.image;

import java.awt.color.ColorSpace;
import java.awt.image.BufferedImage;
import java.awt.image.ColorModel;
import java.awt.image.DataBuffer;
import java.awt.image.IndexColorModel;
import java.awt.image.Raster;

import duet.data.pixels.Luma;

/** Samples as ImageIO gives them, turned into levels [height][width][1: luma, or 3: red, green, blue]. Colour profiles are ignored. */
final class RasterColours {
    private static final int MOST_BITS = 16;

    private RasterColours() {}

    /** Turns the samples of one pixel into red, green, blue; grey is three equal ones. */
    private interface Conversion {
        void convert(int[] samples, int start, int[] rgb);
    }

    static byte[] jpeg(Raster raster, JpegHeader header, int channels) {
        boolean grey = header.colours() == JpegHeader.Colours.GREY;
        // The luma of YCC is its first component: no need to go by way of colours.
        boolean lumaStored = grey || header.colours() == JpegHeader.Colours.YCC && channels == 1;
        Conversion conversion = switch (header.colours()) {
            case GREY -> (samples, start, rgb) -> fill(rgb, samples[start]);
            case YCC -> lumaStored ? (samples, start, rgb) -> fill(rgb, samples[start]) : RasterColours::fromYcc;
            case RGB -> (samples, start, rgb) -> System.arraycopy(samples, start, rgb, 0, 3);
            case CMYK -> (samples, start, rgb) -> fromCmyk(samples[start], samples[start + 1], samples[start + 2], samples[start + 3],
                    header.adobe(), rgb);
            case YCCK -> (samples, start, rgb) -> {
                fromYcc(samples, start, rgb);
                fromCmyk(255 - rgb[0], 255 - rgb[1], 255 - rgb[2], samples[start + 3], header.adobe(), rgb);
            };
        };
        return convert(raster, conversion, lumaStored ? 1 : channels);
    }

    /** JFIF's formula. */
    private static void fromYcc(int[] samples, int start, int[] rgb) {
        int luma = samples[start] << 16;
        int blue = samples[start + 1] - 128;
        int red = samples[start + 2] - 128;
        rgb[0] = Math.clamp(luma + 91881 * red + 32768 >> 16, 0, 255);
        rgb[1] = Math.clamp(luma - 22554 * blue - 46802 * red + 32768 >> 16, 0, 255);
        rgb[2] = Math.clamp(luma + 116130 * blue + 32768 >> 16, 0, 255);
    }

    /** Light that is left by the ink times light that is left by the black. */
    private static void fromCmyk(int cyan, int magenta, int yellow, int black, boolean inverted, int[] rgb) {
        int flip = inverted ? 0 : 255;
        int light = black ^ flip;
        rgb[0] = ((cyan ^ flip) * light + 127) / 255;
        rgb[1] = ((magenta ^ flip) * light + 127) / 255;
        rgb[2] = ((yellow ^ flip) * light + 127) / 255;
    }

    static byte[] other(BufferedImage image, int channels) throws DamagedImage {
        Raster raster = image.getRaster();
        ColorModel model = image.getColorModel();
        if (model instanceof IndexColorModel palette) {
            return convert(raster, (samples, start, rgb) -> {
                int entry = samples[start];
                overWhite(palette.getRed(entry), palette.getGreen(entry), palette.getBlue(entry), palette.getAlpha(entry), rgb);
            }, channels);
        }
        int colours = model.getNumColorComponents();
        int space = model.getColorSpace().getType();
        if (colours == 3 && space != ColorSpace.TYPE_RGB || colours != 1 && colours != 3) {
            throw new DamagedImage("an image of " + colours + " colours that are neither grey nor red, green, blue");
        }
        int[] largest = new int[raster.getNumBands()];
        for (int band = 0; band < largest.length; band++) {
            int bits = raster.getSampleModel().getSampleSize(band);
            if (bits > MOST_BITS || raster.getDataBuffer().getDataType() == DataBuffer.TYPE_SHORT) {
                throw new DamagedImage("an image of " + bits + " bits a sample; whole numbers of up to " + MOST_BITS + " bits are read");
            }
            largest[band] = (1 << bits) - 1;
        }
        boolean alpha = model.hasAlpha() && raster.getNumBands() > colours;
        return convert(raster, (samples, start, rgb) -> {
            int opaque = alpha ? level(samples[start + colours], largest[colours]) : 255;
            int first = level(samples[start], largest[0]);
            int second = colours == 1 ? first : level(samples[start + 1], largest[1]);
            int third = colours == 1 ? first : level(samples[start + 2], largest[2]);
            overWhite(first, second, third, opaque, rgb);
        }, colours == 1 ? 1 : channels);
    }

    /** Samples of other than 8 bits, 0 .. largest, as 0 .. 255. */
    private static int level(int sample, int largest) {
        return largest == 255 ? sample : (int) ((sample * 255L + largest / 2) / largest);
    }

    private static void overWhite(int red, int green, int blue, int opaque, int[] rgb) {
        int white = 255 * (255 - opaque);
        rgb[0] = (red * opaque + white + 127) / 255;
        rgb[1] = (green * opaque + white + 127) / 255;
        rgb[2] = (blue * opaque + white + 127) / 255;
    }

    private static void fill(int[] rgb, int level) {
        rgb[0] = level;
        rgb[1] = level;
        rgb[2] = level;
    }

    private static byte[] convert(Raster raster, Conversion conversion, int channels) {
        int width = raster.getWidth();
        int height = raster.getHeight();
        int bands = raster.getNumBands();
        byte[] levels = new byte[height * width * channels];
        int[] samples = new int[width * bands];
        int[] rgb = new int[3];
        for (int y = 0; y < height; y++) {
            raster.getPixels(raster.getMinX(), raster.getMinY() + y, width, 1, samples);
            for (int x = 0; x < width; x++) {
                conversion.convert(samples, x * bands, rgb);
                int place = (y * width + x) * channels;
                if (channels == 1) {
                    levels[place] = (byte) Luma.of(rgb[0], rgb[1], rgb[2]);
                } else {
                    levels[place] = (byte) rgb[0];
                    levels[place + 1] = (byte) rgb[1];
                    levels[place + 2] = (byte) rgb[2];
                }
            }
        }
        return levels;
    }
}
