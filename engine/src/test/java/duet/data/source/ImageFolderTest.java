package duet.data.source;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeFalse;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.IntStream;

import duet.data.BatchLoader;
import duet.data.DamageReport;
import duet.data.DataException;
import duet.data.Dataset;
import duet.data.Split;
import duet.net.Shape;
import org.junit.jupiter.api.Test;

class ImageFolderTest extends ImageFolderBed {
    @Test
    void classesAreSortedAndATenthIsHeldOut() throws IOException {
        images("zebra", 25);
        images("ant", 3);
        images("Cat", 1);
        ImageFolder folder = ImageFolder.scan(root, 1);
        assertEquals(List.of("Cat", "ant", "zebra"), folder.classes());
        assertEquals(List.of("Cat", "ant", "zebra"), ImageFolder.classNames(root));
        assertEquals(1 + 2 + 22, folder.training().files().size());
        assertEquals(0 + 1 + 3, folder.validation().files().size());
        Set<String> all = new HashSet<>(files(folder.training()));
        all.addAll(files(folder.validation()));
        assertEquals(29, all.size());
        assertEquals(files(folder.training()).stream().sorted().toList(), files(folder.training()));
        assertArrayEquals(IntStream.of(1, 2, 2, 2).toArray(), folder.validation().labels());
        assertEquals(files(folder.validation()), files(ImageFolder.scan(root, 1).validation()));
        assertNotEquals(files(folder.validation()), files(ImageFolder.scan(root, 2).validation()));
        assertEquals(new Datasets.Description(3, 0, 0, 3), Datasets.describe("folder:" + root));
    }

    @Test
    void trainAndValidationFoldersAreUsed() throws IOException {
        for (String name : List.of("val", "validation", "test")) {
            images("train/a", 2);
            images("train/b", 3);
            images(name + "/a", 1);
            images(name + "/b", 2);
            try (Split split = open(NONE_EXPECTED)) {
                assertEquals(5, split.training().size());
                assertEquals(3, split.validation().size());
                assertEquals(List.of("a", "b"), split.validation().classNames());
                assertTrue(split.validation().description().contains(name), split.validation().description());
            }
            Files.move(root.resolve(name), root.resolve(".hidden-" + name));
        }
        // Training alone: a share of it is held out.
        assertEquals(2, ImageFolder.scan(root, 1).validation().files().size());
    }

    @Test
    void aClassMayBeCalledTrain() throws IOException {
        images("train", 2);
        images("val", 2);
        assertEquals(List.of("train", "val"), ImageFolder.scan(root, 1).classes());
    }

    @Test
    void otherFilesAreCountedHiddenOnesPassedOverAndLinksFollowed() throws IOException {
        images("a", 2);
        images("b", 2);
        image("elsewhere.png", 9);
        Files.writeString(root.resolve("a/notes.txt"), "no image");
        Files.createDirectories(root.resolve("a/deeper.png"));
        image("a/.hidden.png", 1);
        image("a/UPPER.JPEG", 7);
        Files.createSymbolicLink(root.resolve("b/link.Png"), root.resolve("elsewhere.png"));
        ImageFolder folder = ImageFolder.scan(root, 1);
        assertEquals(1, folder.training().ignored());
        assertEquals(6, folder.training().files().size() + folder.validation().files().size());
        try (Split split = open(NONE_EXPECTED)) {
            assertTrue(split.training().description().contains("1 other files ignored: .txt"), split.training().description());
            assertEquals(new Shape(3, 32, 32), split.training().stored());
        }
    }

    @Test
    void pixelsBelongToTheirLabels() throws IOException {
        images("a", 10);
        images("b", 12);
        try (Split split = open(NONE_EXPECTED)) {
            ImageFolder.Part part = ImageFolder.scan(root, 1).training();
            byte[] image = new byte[7 + 3 * 32 * 32];
            for (int round = 0; round < 2; round++) {
                for (int i = 0; i < split.training().size(); i++) {
                    assertEquals(part.labels()[i], split.training().read(i, image, 7));
                    assertEquals(part.files().get(i).getFileName().toString().charAt(0) - 'a' + 1, image[7]);
                    assertEquals(0, image[8]);
                }
            }
        }
    }

    @Test
    void greyNetworksGetLuma() throws IOException {
        images("a", 2);
        image("a/c.png", 255);
        images("b", 2);
        try (Split split = Datasets.open("folder:" + root, new Shape(1, 28, 28), 3, NONE_EXPECTED)) {
            byte[] image = new byte[32 * 32];
            for (Dataset part : List.of(split.training(), split.validation())) {
                for (int i = 0; i < part.size(); i++) {
                    part.read(i, image, 0);
                    assertTrue(image[5] == 0 || image[5] == 1 || image[5] == 76, "level " + image[5]);
                }
            }
        }
        assertThrows(DataException.class, () -> Datasets.open("folder:" + root, new Shape(4, 28, 28), 3, NONE_EXPECTED));
    }

    @Test
    void damagedFilesAreReportedOnceAndHaveNoLabel() throws IOException {
        images("train/a", 2);
        images("train/b", 1);
        images("val/a", 1);
        images("val/b", 1);
        Files.writeString(root.resolve("train/b/text.jpg"), "this is no image");
        Files.createFile(root.resolve("train/b/zero.png"));
        Files.createSymbolicLink(root.resolve("train/a/broken.jpg"), root.resolve("nowhere"));
        List<String> reported = new ArrayList<>();
        try (Split split = open((file, reason) -> reported.add(file + ": " + reason))) {
            Dataset data = split.training();
            byte[] image = new byte[3 * 32 * 32];
            List<Integer> labels = new ArrayList<>();
            for (int round = 0; round < 2; round++) {
                for (int i = 0; i < data.size(); i++) {
                    Arrays.fill(image, (byte) 99);
                    int label = data.read(i, image, 0);
                    labels.add(label);
                    assertTrue(label >= 0 || Arrays.equals(new byte[image.length], image));
                }
            }
            assertEquals(List.of(0, 0, -1, 1, -1, -1, 0, 0, -1, 1, -1, -1), labels);
            assertEquals(3, reported.size(), reported::toString);
            assertEquals(root.resolve("train/a/broken.jpg") + ": cannot be read: no such file or folder", reported.getFirst());
            // Over the three good images: levels 1, 2 and 1.
            float[] mean = Datasets.meanImage(data, 100);
            assertEquals(4f / 3, mean[0], 1e-6);
            assertEquals(0f, mean[32 * 32]);
            assertEquals(3, reported.size());
        }
        try (Split split = open(DamageReport.STRICT);
                BatchLoader loader = BatchLoader.evaluation(split.training(), INPUT, 6, 2)) {
            String message = assertThrows(DataException.class, loader::next).getMessage();
            assertTrue(message.startsWith(root.resolve("train/a/broken.jpg").toString()), message);
        }
    }

    @Test
    void badFolders() throws IOException {
        Path missing = root.resolve("missing");
        assertTrue(assertThrows(DataException.class, () -> Datasets.describe("folder:" + missing)).getMessage()
                .startsWith("there is no folder " + missing));
        assertThrows(DataException.class, () -> Datasets.describe("folder:"));
        assertRefused("neither class folders nor images", root + "/cat/1.jpg");
        image("direct.png", 1);
        assertTrue(assertThrows(DataException.class, () -> Datasets.describe("folder:" + root.resolve("direct.png"))).getMessage()
                .contains("is a file"));
        assertRefused("1 images but no class folders", root + "/cat/1.jpg");
        images("only", 2);
        assertRefused("the one class \"only\"", "two at least");
        Files.createDirectory(root.resolve("empty"));
        assertRefused(root.resolve("empty") + " holds no images");
        image("empty/a.png", 1);
        Files.delete(root.resolve("only/b.png"));
        assertRefused("no class", "two images", root.toString());
    }

    @Test
    void differingClasses() throws IOException {
        images("train/a", 2);
        images("train/b", 1);
        images("val/b", 1);
        images("val/c", 1);
        assertRefused("lacks a", "has c too", root.resolve("val").toString());
        Files.move(root.resolve("val/c"), root.resolve("val/a"));
        Files.delete(root.resolve("val/a/a.png"));
        Files.delete(root.resolve("val/b/a.png"));
        assertRefused(root.resolve("val") + " holds no images");
    }

    @Test
    void unreadableFolders() throws IOException {
        images("a", 2);
        images("b", 2);
        Path closed = root.resolve("b");
        Files.setPosixFilePermissions(closed, PosixFilePermissions.fromString("---------"));
        try {
            assumeFalse(Files.isReadable(closed), "needs a user whom permissions bind (not root)");
            assertRefused("the folder " + closed + " cannot be read: permission denied");
        } finally {
            Files.setPosixFilePermissions(closed, PosixFilePermissions.fromString("rwxr-xr-x"));
        }
    }
}
