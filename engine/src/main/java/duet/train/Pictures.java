package duet.train;

import java.awt.image.BufferedImage;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;

import javax.imageio.ImageIO;
import javax.imageio.stream.MemoryCacheImageOutputStream;

/** Pictures as PNG files. */
final class Pictures {
    private Pictures() {}

    static void write(Path file, BufferedImage picture) throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (MemoryCacheImageOutputStream stream = new MemoryCacheImageOutputStream(bytes)) {
            if (!ImageIO.write(picture, "png", stream)) {
                throw new IOException("this Java cannot write PNG images");
            }
        }
        ByteBuffer content = ByteBuffer.wrap(bytes.toByteArray());
        AtomicFile.write(file, channel -> channel.write(content));
    }
}
