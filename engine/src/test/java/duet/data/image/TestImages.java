package duet.data.image;

import java.awt.image.BufferedImage;
import java.awt.image.RenderedImage;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.zip.CRC32;
import javax.imageio.IIOImage;
import javax.imageio.ImageIO;
import javax.imageio.ImageWriteParam;
import javax.imageio.ImageWriter;
import javax.imageio.stream.ImageOutputStream;

/** Image files for tests. */
public final class TestImages {
    private TestImages() {}

    /** Red grows to the right, green downwards, blue is 100: linear, so that scaling by any sound filter keeps it. */
    public static BufferedImage gradient(int width, int height) {
        BufferedImage image = new BufferedImage(width, height, BufferedImage.TYPE_INT_RGB);
        for (int y = 0; y < height; y++) {
            for (int x = 0; x < width; x++) {
                image.setRGB(x, y, ramp(x, width) << 16 | ramp(y, height) << 8 | 100);
            }
        }
        return image;
    }

    /** Level of pixel {@code x}: 20 to 220 over the whole length. */
    static int ramp(double x, int length) {
        return (int) Math.round(20 + 200 * (x + 0.5) / length);
    }

    public static BufferedImage uniform(int width, int height, int type, int argb) {
        BufferedImage image = new BufferedImage(width, height, type);
        for (int y = 0; y < height; y++) {
            for (int x = 0; x < width; x++) {
                image.setRGB(x, y, argb);
            }
        }
        return image;
    }

    /** Grey levels written to the raster, for setRGB would convert them. */
    static BufferedImage grey(int width, int height, int type, int sample) {
        BufferedImage image = new BufferedImage(width, height, type);
        for (int y = 0; y < height; y++) {
            for (int x = 0; x < width; x++) {
                image.getRaster().setSample(x, y, 0, sample);
            }
        }
        return image;
    }

    public static byte[] jpeg(RenderedImage image, boolean progressive) {
        return write("jpeg", image, progressive, 0.95f);
    }

    public static byte[] write(String format, RenderedImage image) {
        return write(format, image, false, 0);
    }

    private static byte[] write(String format, RenderedImage image, boolean progressive, float quality) {
        ImageWriter writer = ImageIO.getImageWritersByFormatName(format).next();
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (ImageOutputStream out = ImageIO.createImageOutputStream(bytes)) {
            ImageWriteParam parameters = writer.getDefaultWriteParam();
            if (quality > 0) {
                parameters.setCompressionMode(ImageWriteParam.MODE_EXPLICIT);
                parameters.setCompressionQuality(quality);
            }
            if (progressive) {
                parameters.setProgressiveMode(ImageWriteParam.MODE_DEFAULT);
            }
            writer.setOutput(out);
            writer.write(null, new IIOImage(image, null, null), parameters);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } finally {
            writer.dispose();
        }
        return bytes.toByteArray();
    }

    /** A JPEG with another size in its frame header. */
    static byte[] claimSize(byte[] jpeg, int width, int height) {
        byte[] result = jpeg.clone();
        for (int i = 2; i < result.length; i++) {
            if ((result[i] & 0xFF) == 0xFF && ((result[i + 1] & 0xFF) == 0xC0 || (result[i + 1] & 0xFF) == 0xC2)) {
                ByteBuffer.wrap(result).putShort(i + 5, (short) height).putShort(i + 7, (short) width);
                return result;
            }
        }
        throw new IllegalArgumentException("no frame");
    }

    /** A PNG with another size in its header. */
    static byte[] claimPngSize(byte[] png, int width, int height) {
        byte[] result = png.clone();
        ByteBuffer buffer = ByteBuffer.wrap(result).putInt(16, width).putInt(20, height);
        CRC32 crc = new CRC32();
        crc.update(result, 12, 17);
        buffer.putInt(29, (int) crc.getValue());
        return result;
    }

    /** A JPEG with an EXIF segment after its start marker. */
    static byte[] withOrientation(byte[] jpeg, int orientation, boolean littleEndian) {
        ByteBuffer exif = ByteBuffer.allocate(2 + 2 + 6 + 8 + 2 + 12 + 4);
        exif.putShort((short) 0xFFE1).putShort((short) (exif.capacity() - 2)).put("Exif\0\0".getBytes(StandardCharsets.UTF_8));
        exif.order(littleEndian ? java.nio.ByteOrder.LITTLE_ENDIAN : java.nio.ByteOrder.BIG_ENDIAN);
        exif.putShort((short) (littleEndian ? 0x4949 : 0x4D4D)).putShort((short) 42).putInt(8);
        exif.putShort((short) 1).putShort((short) 0x0112).putShort((short) 3).putInt(1).putShort((short) orientation).putShort((short) 0);
        exif.putInt(0);
        return ByteBuffer.allocate(jpeg.length + exif.capacity())
                .put(jpeg, 0, 2).put(exif.array()).put(jpeg, 2, jpeg.length - 2).array();
    }
}
