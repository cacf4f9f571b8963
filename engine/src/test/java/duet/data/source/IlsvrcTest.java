package duet.data.source;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SplittableRandom;

import duet.data.DamageReport;
import duet.data.DataException;
import duet.data.Split;
import duet.data.prepare.Preparation;
import duet.data.prepare.PreparationOptions;
import duet.data.shard.PreparationListener;
import duet.net.Shape;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class IlsvrcTest {
    private static final Shape INPUT = new Shape(3, 57, 57);

    @TempDir
    private static Path whole;

    @TempDir
    private Path folder;

    @BeforeAll
    static void make() throws IOException {
        MiniIlsvrc.write(whole);
    }

    @BeforeEach
    void copy() throws IOException {
        for (String name : List.of(Ilsvrc.TRAINING, Ilsvrc.VALIDATION, Ilsvrc.DEVKIT)) {
            Files.copy(whole.resolve(name), folder.resolve(name), StandardCopyOption.REPLACE_EXISTING);
        }
    }

    private String refused() {
        String message = assertThrows(DataException.class,
                () -> Datasets.open("ilsvrc:" + folder, INPUT, 1, DamageReport.STRICT).close()).getMessage();
        assertFalse(message.contains("\n"), message);
        return message;
    }

    @Test
    void archivesAreReadWithoutUnpacking() {
        List<String> damaged = Collections.synchronizedList(new ArrayList<>());
        try (Split split = Datasets.open("ilsvrc:" + whole, INPUT, 1, (file, reason) -> damaged.add(file + ": " + reason))) {
            assertEquals("ILSVRC-2012 training set, 240 images in 20 classes", split.training().description());
            assertEquals("ILSVRC-2012 validation set, 60 images in 20 classes", split.validation().description());
            assertEquals(MiniIlsvrc.classNames(), split.training().classNames());
            int[] counts = new int[MiniIlsvrc.CLASSES];
            byte[] image = new byte[(int) split.training().stored().elements()];
            for (int i = 0; i < 240; i++) {
                int label = split.training().read(i, image, 0);
                assertTrue(label == i / 12 || label == -1, "image " + i + " has label " + label);
                counts[i / 12] += label >= 0 ? 1 : 0;
            }
            int[] expected = new int[MiniIlsvrc.CLASSES];
            Arrays.fill(expected, MiniIlsvrc.TRAINING_EACH);
            expected[MiniIlsvrc.DAMAGED_CLASS]--;
            assertArrayEquals(expected, counts);
            for (int i = 0; i < MiniIlsvrc.VALIDATION; i++) {
                assertEquals(MiniIlsvrc.validationLabel(i), split.validation().read(i, image, 0));
            }
            FileSizes sizes = FileSizes.of(split.training());
            assertTrue(sizes.files() > 150 && sizes.leastWidth() >= 45 && sizes.mostWidth() < 190 && sizes.mostHeight() > 120,
                    () -> "" + sizes);
        }
        assertEquals(1, damaged.size());
        assertTrue(damaged.getFirst().contains("ILSVRC2012_img_train.tar: n01447764_1111.JPEG: damaged"), damaged.getFirst());
        assertEquals(new Datasets.Description(3, 0, 0, 20), Datasets.describe("ilsvrc:" + whole));
    }

    @Test
    void unpackedIntoClassFoldersTheImagesAreTheSame() throws IOException {
        Path unpacked = folder.resolve("unpacked");
        try (Split split = Datasets.open("ilsvrc:" + whole, INPUT, 1, (file, reason) -> {})) {
            // The archives' members, written to folders by another reader than the product's.
            try (var outer = new org.apache.commons.compress.archivers.tar.TarArchiveInputStream(
                    Files.newInputStream(whole.resolve(Ilsvrc.TRAINING)))) {
                for (var entry = outer.getNextEntry(); entry != null; entry = outer.getNextEntry()) {
                    Path of = Files.createDirectories(unpacked.resolve("train").resolve(entry.getName().replace(".tar", "")));
                    var inner = new org.apache.commons.compress.archivers.tar.TarArchiveInputStream(outer);
                    for (var file = inner.getNextEntry(); file != null; file = inner.getNextEntry()) {
                        Files.write(of.resolve(file.getName()), inner.readAllBytes());
                    }
                }
            }
            try (Split folders = Datasets.open("folder:" + unpacked, INPUT, 1, (file, reason) -> {})) {
                // A tenth is held out there: compare class by class what is in both.
                Set<List<Byte>> archived = new HashSet<>();
                byte[] image = new byte[(int) split.training().stored().elements()];
                for (int i = 0; i < split.training().size(); i++) {
                    archived.add(content(image, split.training().read(i, image, 0)));
                }
                for (int i = 0; i < folders.training().size(); i++) {
                    assertTrue(archived.contains(content(image, folders.training().read(i, image, 0))), "image " + i);
                }
            }
        }
    }

    private static List<Byte> content(byte[] image, int label) {
        List<Byte> bytes = new ArrayList<>(List.of((byte) label));
        for (byte b : image) {
            bytes.add(b);
        }
        return bytes;
    }

    @Test
    void missingArchivesAndFilesAreNamed() throws IOException {
        Files.delete(folder.resolve(Ilsvrc.DEVKIT));
        assertTrue(refused().contains("lacks ILSVRC2012_devkit_t12.tar.gz: it must hold"), refused());
        MiniIlsvrc.writeKit(folder, null, "1\n");
        assertTrue(refused().contains("devkit_t12.tar.gz lacks data/meta.mat; get"), refused());
        MiniIlsvrc.writeKit(folder, MiniIlsvrc.meta(), null);
        assertTrue(refused().contains("lacks data/ILSVRC2012_validation_ground_truth.txt"), refused());
        MiniIlsvrc.writeKit(folder, MiniIlsvrc.meta(), "1\n2\n21\n");
        assertTrue(refused().contains("line 3 is \"21\", which is the number (ILSVRC2012_ID) of no class"), refused());
        MiniIlsvrc.writeKit(folder, MiniIlsvrc.meta(), "1\n2\n");
        assertTrue(refused().contains("holds ILSVRC2012_val_00000003.JPEG, but the ground truth tells of"), refused());
        MiniIlsvrc.writeKit(folder, MiniIlsvrc.meta(), "1\n".repeat(61));
        assertTrue(refused().contains("lacks ILSVRC2012_val_00000061.JPEG"), refused());
        MiniIlsvrc.writeKit(folder, Arrays.copyOf(MiniIlsvrc.meta(), 700), "1\n");
        assertTrue(refused().contains("meta.mat is damaged, or has no synsets"), refused());
        MiniIlsvrc.writeKit(folder, new byte[3], "1\n");
        assertTrue(refused().contains("meta.mat is damaged, or has no synsets"), refused());
        Path kit = folder.resolve(Ilsvrc.DEVKIT);
        Files.write(kit, Arrays.copyOf(Files.readAllBytes(whole.resolve(Ilsvrc.DEVKIT)), 900));
        assertTrue(refused().contains("devkit_t12.tar.gz is truncated"), refused());
    }

    @Test
    void truncatedArchivesAreRefusedWhereverTheyEnd() throws IOException {
        SplittableRandom random = new SplittableRandom(11);
        for (String name : List.of(Ilsvrc.TRAINING, Ilsvrc.VALIDATION)) {
            byte[] bytes = Files.readAllBytes(whole.resolve(name));
            for (int i = 0; i < 12; i++) {
                // The end of a tar is padded with zeros to a record of 10,240 bytes.
                int length = i == 0 ? 0 : i < 4 ? 512 * random.nextInt(1, 40) : random.nextInt(bytes.length - 10_240);
                Files.write(folder.resolve(name), Arrays.copyOf(bytes, length));
                String message = refused();
                assertTrue(message.startsWith(folder.resolve(name).toString()), message);
                assertTrue(message.contains("truncated") || message.contains("damaged"), message + " at " + length);
            }
            Files.write(folder.resolve(name), bytes);
        }
    }

    @Test
    void classesThatAreMissingOrUnknownAreNamed() throws IOException {
        Map<String, byte[]> archive = new LinkedHashMap<>();
        for (int label = 0; label < MiniIlsvrc.CLASSES; label++) {
            archive.put(MiniIlsvrc.wnid(label) + ".tar", MiniIlsvrc.tar(Map.of("image.JPEG", new byte[] {1})));
        }
        byte[] last = archive.remove(MiniIlsvrc.wnid(19) + ".tar");
        Files.write(folder.resolve(Ilsvrc.TRAINING), MiniIlsvrc.tar(archive));
        assertTrue(refused().contains("lacks n01459764.tar (kind 19"), refused());
        archive.put(MiniIlsvrc.wnid(19) + ".tar", last);
        archive.put("n99999999.tar", last);
        Files.write(folder.resolve(Ilsvrc.TRAINING), MiniIlsvrc.tar(archive));
        assertTrue(refused().contains("holds n99999999.tar, which is no class of"), refused());
    }

    @Test
    void preparedAndReadBackItTrainsAsItIs() {
        Path out = folder.resolve("packed");
        Preparation.Result result = Preparation.prepare("ilsvrc:" + folder, out, new PreparationOptions(64, 0, 50, 2, 1),
                (file, reason) -> {}, PreparationListener.SILENT);
        assertEquals(239, result.training());
        assertEquals(60, result.validation());
        assertEquals(1, result.damaged());
        try (Split packed = Datasets.open("shards:" + out, INPUT, 1, DamageReport.STRICT);
                Split archives = Datasets.open("ilsvrc:" + folder, INPUT, 1, (file, reason) -> {})) {
            assertEquals(archives.training().classNames(), packed.training().classNames());
            byte[] one = new byte[64 * 64 * 3];
            byte[] other = new byte[64 * 64 * 3];
            for (int i = 0; i < 60; i++) {
                assertEquals(archives.validation().read(i, one, 0), packed.validation().read(i, other, 0));
                assertArrayEquals(one, other);
            }
        }
    }
}
