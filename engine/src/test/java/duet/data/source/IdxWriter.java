package duet.data.source;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.zip.GZIPOutputStream;

/** Small IDX files for tests. */
final class IdxWriter {
    private IdxWriter() {}

    static byte[] idx(byte[] content, int... dimensions) {
        ByteBuffer buffer = ByteBuffer.allocate(4 + 4 * dimensions.length + content.length).putInt(0x0800 | dimensions.length);
        for (int dimension : dimensions) {
            buffer.putInt(dimension);
        }
        return buffer.put(content).array();
    }

    static byte[] gzip(byte[] content) {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (GZIPOutputStream out = new GZIPOutputStream(bytes)) {
            out.write(content);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return bytes.toByteArray();
    }

    /** Image i has the level i everywhere and the label i % 10. */
    static void fashionMnist(Path folder, int training, int test) throws IOException {
        part(folder, "train", training);
        part(folder, "t10k", test);
    }

    private static void part(Path folder, String part, int count) throws IOException {
        byte[] images = new byte[count * 784];
        byte[] labels = new byte[count];
        for (int i = 0; i < images.length; i++) {
            images[i] = (byte) (i / 784);
        }
        for (int i = 0; i < count; i++) {
            labels[i] = (byte) (i % 10);
        }
        Files.write(folder.resolve(part + "-images-idx3-ubyte"), idx(images, count, 28, 28));
        Files.write(folder.resolve(part + "-labels-idx1-ubyte.gz"), gzip(idx(labels, count)));
    }
}
