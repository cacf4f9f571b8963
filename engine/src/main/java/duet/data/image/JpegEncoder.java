package duet.data.image;

import java.awt.image.BufferedImage;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.util.Iterator;
import javax.imageio.IIOImage;
import javax.imageio.ImageIO;
import javax.imageio.ImageWriteParam;
import javax.imageio.ImageWriter;
import javax.imageio.stream.MemoryCacheImageOutputStream;

import duet.data.DataException;
import duet.net.Shape;

/** Baseline JPEG by the JDK's own writer: the same bytes for the same pixels. */
public final class JpegEncoder {
    private JpegEncoder() {}

    /**
     * @param pixels  [height][width][channels]
     * @param quality 1 to 100
     */
    public static byte[] encode(byte[] pixels, int offset, Shape shape, int quality) {
        boolean grey = shape.channels() == 1;
        BufferedImage image = new BufferedImage(shape.width(), shape.height(),
                grey ? BufferedImage.TYPE_BYTE_GRAY : BufferedImage.TYPE_INT_RGB);
        int[] samples = new int[(int) shape.elements()];
        for (int i = 0; i < samples.length; i++) {
            samples[i] = pixels[offset + i] & 0xFF;
        }
        image.getRaster().setPixels(0, 0, shape.width(), shape.height(), samples);
        ImageWriter writer = writer();
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (MemoryCacheImageOutputStream out = new MemoryCacheImageOutputStream(bytes)) {
            ImageWriteParam parameters = writer.getDefaultWriteParam();
            parameters.setCompressionMode(ImageWriteParam.MODE_EXPLICIT);
            parameters.setCompressionQuality(quality / 100f);
            writer.setOutput(out);
            writer.write(null, new IIOImage(image, null, null), parameters);
        } catch (IOException e) {
            throw new IllegalStateException(e);
        } finally {
            writer.dispose();
        }
        return bytes.toByteArray();
    }

    private static ImageWriter writer() {
        for (Iterator<ImageWriter> writers = ImageIO.getImageWritersByFormatName("jpeg"); writers.hasNext();) {
            ImageWriter writer = writers.next();
            if (writer.getClass().getName().startsWith("com.sun.")) {
                return writer;
            }
        }
        throw new DataException("this Java cannot write JPEG images: use --encoding bytes");
    }
}
