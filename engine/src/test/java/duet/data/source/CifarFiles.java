package duet.data.source;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.zip.GZIPOutputStream;

import org.apache.commons.compress.archivers.tar.TarArchiveEntry;
import org.apache.commons.compress.archivers.tar.TarArchiveOutputStream;

/** CIFAR-10 with a few made-up images a batch, in the files of its binary and its python version. */
final class CifarFiles {
    private CifarFiles() {}

    /** Level of an image of batch 0 to 5 (5: test). */
    static int level(int batch, int image, int channel, int y, int x) {
        return 7 * batch + 31 * image + 80 * channel + 3 * y + x & 0xFF;
    }

    static int label(int batch, int image) {
        return (3 * batch + image) % 10;
    }

    private static byte[] planes(int batch, int image) {
        byte[] planes = new byte[3072];
        for (int i = 0; i < 3072; i++) {
            planes[i] = (byte) level(batch, image, i / 1024, i / 32 % 32, i % 32);
        }
        return planes;
    }

    static byte[] binary(int batch, int images) {
        ByteBuffer file = ByteBuffer.allocate(images * 3073);
        for (int i = 0; i < images; i++) {
            file.put((byte) label(batch, i)).put(planes(batch, i));
        }
        return file.array();
    }

    /** What cPickle of Python 2 writes for such a dictionary, protocol 2. */
    static byte[] pickled(int batch, int images) {
        Pickler out = new Pickler();
        out.op(0x80, 2).op('}', 'q', 1, '(');
        out.text("batch_label").text("training batch").text("labels");
        out.op(']', 'q', 2, '(');
        for (int i = 0; i < images; i++) {
            out.op('K', label(batch, i));
        }
        out.op('e');
        return data(out, batch, images).text("filenames").op(']', 'q', 6, 'u', '.').toByteArray();
    }

    /** The array {@code data} of a dictionary. */
    static Pickler data(Pickler out, int batch, int images) {
        out.text("data");
        out.line("cnumpy.core.multiarray").line("_reconstruct").op('q', 3);
        out.line("cnumpy").line("ndarray").op('q', 4, 'K', 0, 0x85).text("b").op(0x87, 'R', 'q', 5, '(', 'K', 1);
        out.op('M', images & 0xFF, images >> 8, 'M', 3072 & 0xFF, 3072 >> 8, 0x86);
        out.line("cnumpy").line("dtype").text("u1").op('K', 0, 'K', 1, 0x87, 'R', '(', 'K', 3).text("|").op('N', 'N', 'N');
        out.op('J', 0xFF, 0xFF, 0xFF, 0xFF, 'J', 0xFF, 0xFF, 0xFF, 0xFF, 'K', 0, 't', 'b', 0x89);
        out.op('T').bytes(ByteBuffer.allocate(4).order(ByteOrder.LITTLE_ENDIAN).putInt(images * 3072).array());
        for (int i = 0; i < images; i++) {
            out.bytes(planes(batch, i));
        }
        return out.op('t', 'b');
    }

    /** As Python 2 writes it in protocol 0: a text of lines. */
    static byte[] names() {
        StringBuilder text = new StringBuilder("(dp1\nS'num_cases_per_batch'\np2\nI10000\nsS'label_names'\np3\n(lp4\n");
        int memo = 5;
        for (String name : CifarSet.CIFAR_10.defaultNames()) {
            text.append("S'").append(name).append("'\np").append(memo++).append("\na");
        }
        return text.append("sS'num_vis'\np").append(memo).append("\nI3072\ns.").toString().getBytes(StandardCharsets.US_ASCII);
    }

    static Map<String, byte[]> files(boolean python, int images) {
        Map<String, byte[]> files = new LinkedHashMap<>();
        for (int batch = 5; batch >= 0; batch--) {
            String name = batch == 5 ? "test_batch" : "data_batch_" + (batch + 1);
            files.put(python ? name : name + ".bin", python ? pickled(batch, images) : binary(batch, images));
        }
        files.put(python ? "batches.meta" : "batches.meta.txt",
                python ? names() : (String.join("\n", CifarSet.CIFAR_10.defaultNames()) + "\n\n").getBytes(StandardCharsets.US_ASCII));
        return files;
    }

    static void unpacked(Path folder, boolean python, int images) throws IOException {
        Path inner = Files.createDirectories(folder.resolve(python ? "cifar-10-batches-py" : "cifar-10-batches-bin"));
        for (Map.Entry<String, byte[]> file : files(python, images).entrySet()) {
            Files.write(inner.resolve(file.getKey()), file.getValue());
        }
    }

    static Path archive(Path folder, boolean python, int images) throws IOException {
        Path archive = folder.resolve(python ? "cifar-10-python.tar.gz" : "cifar-10-binary.tar.gz");
        String inner = python ? "cifar-10-batches-py/" : "cifar-10-batches-bin/";
        try (OutputStream out = Files.newOutputStream(archive);
                TarArchiveOutputStream tar = new TarArchiveOutputStream(new GZIPOutputStream(out))) {
            tar.putArchiveEntry(new TarArchiveEntry(inner));
            tar.closeArchiveEntry();
            for (Map.Entry<String, byte[]> file : files(python, images).entrySet()) {
                TarArchiveEntry entry = new TarArchiveEntry(inner + file.getKey());
                entry.setSize(file.getValue().length);
                tar.putArchiveEntry(entry);
                tar.write(file.getValue());
                tar.closeArchiveEntry();
            }
        }
        return archive;
    }

    /** Writes operations of a pickle. */
    static final class Pickler extends ByteArrayOutputStream {
        Pickler op(int... bytes) {
            for (int b : bytes) {
                write(b);
            }
            return this;
        }

        Pickler text(String text) {
            return op('U', text.length()).bytes(text.getBytes(StandardCharsets.ISO_8859_1));
        }

        Pickler line(String text) {
            return bytes((text + "\n").getBytes(StandardCharsets.ISO_8859_1));
        }

        Pickler bytes(byte[] bytes) {
            writeBytes(bytes);
            return this;
        }
    }
}
