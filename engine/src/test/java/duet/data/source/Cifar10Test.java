package duet.data.source;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.SplittableRandom;

import duet.data.DamageReport;
import duet.data.DataException;
import duet.data.Dataset;
import duet.data.Split;
import duet.net.Shape;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class Cifar10Test {
    private static final Shape INPUT = new Shape(3, 24, 24);

    @TempDir
    private Path folder;

    private Split open() {
        return Datasets.open("cifar10:" + folder, INPUT, 1, DamageReport.STRICT);
    }

    private String refused() {
        String message = assertThrows(DataException.class, () -> open().close()).getMessage();
        assertFalse(message.contains("\n"), message);
        return message;
    }

    @ParameterizedTest
    @CsvSource({"false,false", "false,true", "true,false", "true,true"})
    void bothVersionsPackedAndUnpackedHoldTheSameImages(boolean python, boolean packed) throws IOException {
        if (packed) {
            CifarFiles.archive(folder, python, 3);
        } else {
            CifarFiles.unpacked(folder, python, 3);
        }
        try (Split split = open()) {
            assertEquals("CIFAR-10 training set, 15 images", split.training().description());
            assertEquals("CIFAR-10 test set, 3 images", split.validation().description());
            assertEquals(CifarSet.CIFAR_10.defaultNames(), split.training().classNames());
            assertSame(split.training(), 14, 4, 2);
            assertSame(split.training(), 0, 0, 0);
            assertSame(split.validation(), 1, 5, 1);
        }
        assertEquals(new Datasets.Description(3, 32, 32, 10), Datasets.describe("cifar10:" + folder));
    }

    private static void assertSame(Dataset data, int index, int batch, int image) {
        byte[] pixels = new byte[3072 + 5];
        assertEquals(CifarFiles.label(batch, image), data.read(index, pixels, 5));
        for (int i = 0; i < 3072; i++) {
            assertEquals(CifarFiles.level(batch, image, i % 3, i / 96, i / 3 % 32), pixels[5 + i] & 0xFF);
        }
    }

    @Test
    void theFolderOfBatchesOrTheArchiveItselfWillDo() throws IOException {
        CifarFiles.unpacked(folder, false, 2);
        Datasets.open("cifar10:" + folder.resolve("cifar-10-batches-bin"), INPUT, 1, DamageReport.STRICT).close();
        Path archive = CifarFiles.archive(folder, true, 2);
        Datasets.open("cifar10:" + archive, INPUT, 1, DamageReport.STRICT).close();
    }

    @Test
    void missingFilesAreNamed() throws IOException {
        assertTrue(refused().contains("CIFAR-10 was not found in " + folder), refused());
        CifarFiles.unpacked(folder, false, 2);
        Files.delete(folder.resolve("cifar-10-batches-bin/data_batch_3.bin"));
        assertTrue(refused().contains("lacks data_batch_3.bin"), refused());
    }

    @Test
    void aTruncatedBatchIsToldByItsSize() throws IOException {
        CifarFiles.unpacked(folder, false, 2);
        Path file = folder.resolve("cifar-10-batches-bin/test_batch.bin");
        Files.write(file, Arrays.copyOf(Files.readAllBytes(file), 4000));
        assertTrue(refused().contains("test_batch.bin is truncated: its 4000 bytes are not a whole number of images of 3073"), refused());
        byte[] wrong = CifarFiles.binary(5, 2);
        wrong[3073] = 10;
        Files.write(file, wrong);
        assertTrue(refused().contains("label 10 of image 1 is not one of the 10 classes 0 to 9"), refused());
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void aTruncatedArchiveIsToldWhereverItEnds(boolean python) throws IOException {
        Path archive = CifarFiles.archive(folder, python, 2);
        byte[] whole = Files.readAllBytes(archive);
        SplittableRandom random = new SplittableRandom(5);
        for (int i = 0; i < 20; i++) {
            Files.write(archive, Arrays.copyOf(whole, 1 + random.nextInt(whole.length - 60)));
            String message = refused();
            assertTrue(message.contains("truncated") || message.contains("damaged") || message.contains("lacks"), message);
        }
    }

    private String refusedBatch(byte[] pickle) throws IOException {
        CifarFiles.unpacked(folder, true, 2);
        Files.write(folder.resolve("cifar-10-batches-py/data_batch_2"), pickle);
        return refused();
    }

    @Test
    void aHostilePickleIsRefusedAndNothingIsRun() throws IOException {
        byte[] attack = "cos\nsystem\n(S'touch pwned'\ntR.".getBytes(StandardCharsets.US_ASCII);
        assertTrue(refusedBatch(attack).contains("would have Python use os.system"), refused());
        byte[] modern = new CifarFiles.Pickler().op(0x80, 4, 0x8c, 8).bytes("builtins".getBytes(StandardCharsets.US_ASCII))
                .op(0x8c, 4).bytes("eval".getBytes(StandardCharsets.US_ASCII)).op(0x93, '.').toByteArray();
        assertTrue(refusedBatch(modern).contains("would have Python use builtins.eval"), refused());
        byte[] lying = new CifarFiles.Pickler().op(0x80, 2, 'T', 0xFF, 0xFF, 0xFF, 0x7F, 'a', '.').toByteArray();
        assertTrue(refusedBatch(lying).contains("claims 2147483647 bytes, but only 2 follow"), refused());
        byte[] itself = new CifarFiles.Pickler().op(0x80, 2, ']', 'q', 0, 'h', 0, 'a', '.').toByteArray();
        assertTrue(refusedBatch(itself).contains("a pickle of something else"), refused());
        assertTrue(refusedBatch(new byte[] {(byte) 0x80, 2, 'i', '.'}).contains("operation 0x69"), refused());
        assertTrue(refusedBatch(new byte[0]).contains("truncated"), refused());
    }

    @Test
    void damageAnywhereInAPickleIsASentence() throws IOException {
        byte[] whole = CifarFiles.pickled(1, 2);
        long seed = System.nanoTime();
        SplittableRandom random = new SplittableRandom(seed);
        for (int i = 0; i < 300; i++) {
            byte[] damaged = i % 2 == 0 ? Arrays.copyOf(whole, random.nextInt(whole.length)) : whole.clone();
            if (i % 2 != 0) {
                damaged[random.nextInt(300)] ^= (byte) (1 << random.nextInt(8));
            }
            try {
                CifarBatch.pickled(CifarSet.CIFAR_10, "file", damaged);
            } catch (DataException e) {
                assertFalse(e.getMessage().contains("\n"), () -> e.getMessage() + ", seed " + seed);
            }
        }
    }
}
