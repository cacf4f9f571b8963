package duet.data.source;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

import duet.data.DamageReport;
import duet.data.DataException;
import duet.data.Split;
import duet.net.Shape;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class Cifar100Test {
    @TempDir
    private Path folder;

    /** Image i has the fine label 3 i mod 100, the coarse label i mod 20 and pixels as in {@link CifarFiles}. */
    private static byte[] binary(int batch, int images) {
        byte[] ten = CifarFiles.binary(batch, images);
        byte[] file = new byte[images * 3074];
        for (int i = 0; i < images; i++) {
            file[i * 3074] = (byte) (i % 20);
            file[i * 3074 + 1] = (byte) (3 * i % 100);
            System.arraycopy(ten, i * 3073 + 1, file, i * 3074 + 2, 3072);
        }
        return file;
    }

    private static byte[] names(String word, int count) {
        return IntStream.range(0, count).mapToObj(i -> word + i).collect(Collectors.joining("\n", "", "\n"))
                .getBytes(StandardCharsets.UTF_8);
    }

    private void unpacked() throws IOException {
        Path inner = Files.createDirectories(folder.resolve("cifar-100-binary"));
        Files.write(inner.resolve("train.bin"), binary(1, 50));
        Files.write(inner.resolve("test.bin"), binary(5, 7));
        Files.write(inner.resolve("fine_label_names.txt"), names("fine", 100));
        Files.write(inner.resolve("coarse_label_names.txt"), names("coarse", 20));
    }

    @ParameterizedTest
    @CsvSource({"cifar100,100,40,20,fine20,CIFAR-100", "cifar100-coarse,20,40,0,coarse0,CIFAR-100 (coarse)"})
    void fineAndCoarseLabels(String kind, int classes, int image, int label, String name, String title) throws IOException {
        unpacked();
        assertEquals(new Datasets.Description(3, 32, 32, classes), Datasets.describe(kind + ":" + folder));
        try (Split split = Datasets.open(kind + ":" + folder, new Shape(3, 24, 24), 1, DamageReport.STRICT)) {
            assertEquals(title + " training set, 50 images", split.training().description());
            assertEquals(7, split.validation().size());
            byte[] pixels = new byte[3072];
            assertEquals(label, split.training().read(image, pixels, 0));
            assertEquals(name, split.training().classNames().get(label));
            for (int i = 0; i < 3072; i++) {
                assertEquals(CifarFiles.level(1, image, i % 3, i / 96, i / 3 % 32), pixels[i] & 0xFF);
            }
        }
    }

    @Test
    void theOtherDataSetIsAWayOut() throws IOException {
        unpacked();
        String message = assertThrows(DataException.class, () -> Datasets.describe("cifar10:" + folder)).getMessage();
        assertEquals(
                "CIFAR-10 was not found in " + folder + ": put cifar-10-binary.tar.gz or cifar-10-python.tar.gz there, or what is in them "
                        + "(cifar-10-batches-bin or cifar-10-batches-py); there is CIFAR-100: use cifar100:" + folder,
                message);
    }

    /** The python version: one pickle for each part, both lists of labels in it. */
    @Test
    void pickles() throws IOException {
        Path inner = Files.createDirectories(folder.resolve("cifar-100-python"));
        Files.write(inner.resolve("train"), pickle(1, 12));
        Files.write(inner.resolve("test"), pickle(5, 3));
        try (Split split = Datasets.open("cifar100:" + folder, new Shape(3, 32, 32), 1, DamageReport.STRICT)) {
            byte[] pixels = new byte[3072];
            assertEquals(33, split.training().read(11, pixels, 0));
            assertEquals(CifarFiles.level(1, 11, 2, 4, 5), pixels[(4 * 32 + 5) * 3 + 2] & 0xFF);
            assertEquals("33", split.training().classNames().get(33), "numbers where the file of names is missing");
        }
        try (Split split = Datasets.open("cifar100-coarse:" + folder, new Shape(3, 32, 32), 1, DamageReport.STRICT)) {
            assertEquals(11, split.training().read(11, new byte[3072], 0));
        }
    }

    private static byte[] pickle(int batch, int images) {
        CifarFiles.Pickler out = new CifarFiles.Pickler();
        out.op(0x80, 2).op('}', 'q', 1, '(');
        for (String key : new String[] {"fine_labels", "coarse_labels"}) {
            out.text(key).op(']', 'q', 2, '(');
            for (int i = 0; i < images; i++) {
                out.op('K', key.startsWith("fine") ? 3 * i % 100 : i % 20);
            }
            out.op('e');
        }
        return CifarFiles.data(out, batch, images).op('u', '.').toByteArray();
    }
}
