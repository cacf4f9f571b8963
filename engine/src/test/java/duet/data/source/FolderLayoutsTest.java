package duet.data.source;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.util.List;

import duet.data.DataException;
import duet.data.Dataset;
import duet.data.Split;
import duet.net.Shape;
import org.junit.jupiter.api.Test;

/** Folders of images that are deeper, or less, than a folder for each class. */
class FolderLayoutsTest extends ImageFolderBed {
    /** The order of torchvision's ImageFolder: by folder, then by name. */
    @Test
    void classesMayHoldFolders() throws IOException {
        images("a/x/deep", 1);
        images("a", 2);
        images("a/b", 1);
        image("a/.ipynb_checkpoints/copy.png", 1);
        images("b", 2);
        ImageFolder folder = ImageFolder.look(root, true);
        assertEquals(List.of("a.png", "b.png", "b/a.png", "x/deep/a.png"), folder.training().files().stream().limit(4)
                .map(file -> root.resolve("a").relativize(file).toString()).toList());
        try (Split split = open(NONE_EXPECTED)) {
            assertEquals(6, split.training().size() + split.validation().size());
            String told = split.training().description() + split.validation().description();
            assertTrue(told.contains(" of them in folders inside those of the classes"), told);
        }
        Files.createSymbolicLink(root.resolve("a/x/round"), root.resolve("a"));
        assertRefused(root.resolve("a/x/round") + " is a link to a folder that it lies in");
    }

    @Test
    void validationImagesInOneFolderAreSortedByTheirAnnotations() throws IOException {
        images("train/n1/images", 2);
        images("train/n2/images", 2);
        images("val/images", 3);
        Files.writeString(root.resolve("val/val_annotations.txt"), "c.png\tn1\t0\t0\t9\t9\nb.png\tn2\t0\t0\t9\t9\na.png\tn2\t0\n");
        ImageFolder folder = ImageFolder.scan(root, 1);
        assertEquals(List.of("images/c.png", "images/a.png", "images/b.png"), files(folder.validation()));
        assertArrayEquals(new int[] {0, 1, 1}, folder.validation().labels());
        assertEquals(4, folder.training().size());
        Files.writeString(root.resolve("val/val_annotations.txt"), "c.png\tn1\nb.png\tn7\n");
        assertRefused("val_annotations.txt: line 2 names the class n7");
    }

    /** A folder to measure with may be less than one to train with. */
    @Test
    void foldersToLookAt() throws IOException {
        images("plain/a", 3);
        assertEquals(List.of("a"), looked("plain", null).classNames());
        images("plain/b", 3);
        assertEquals(6, looked("plain", null).size());
        assertEquals(2, looked("plain", Part.VALIDATION).size(), "held out");
        assertEquals(4, looked("plain", Part.TRAINING).size());
        images("tests/test/a", 2);
        images("tests/test/b", 2);
        for (Part part : new Part[] {null, Part.ALL, Part.VALIDATION}) {
            assertEquals(4, looked("tests", part).size());
        }
        assertTrue(assertThrows(DataException.class, () -> looked("tests", Part.TRAINING)).getMessage()
                .contains("there is no " + root.resolve("tests/train") + " to learn from"));
        images("both/train/a", 5);
        images("both/train/b", 5);
        images("both/val/a", 1);
        images("both/val/b", 2);
        assertEquals(3, looked("both", null).size());
        assertEquals(13, looked("both", Part.ALL).size());
        assertEquals(10, looked("both", Part.TRAINING).size());
    }

    private Dataset looked(String folder, Part part) {
        try (Dataset data = Datasets.look("folder:" + root.resolve(folder), part, INPUT, new Shape(3, 32, 32), 1, NONE_EXPECTED)) {
            byte[] image = new byte[3 * 32 * 32];
            for (int i = 0; i < data.size(); i++) {
                assertTrue(data.read(i, image, 0) >= 0);
            }
            return data;
        }
    }
}
