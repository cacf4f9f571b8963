package duet.data.source;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

import duet.data.DamageReport;
import duet.data.DataException;
import duet.data.Split;
import duet.net.Shape;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The data sets of the MNIST family as they are given out. */
class IdxImagesTest {
    @TempDir
    private Path folder;

    private void write(String prefix, String dot, int classes, int height, int width) throws IOException {
        for (String part : List.of("train", "t10k")) {
            int count = part.equals("train") ? 2 * classes : classes;
            byte[] labels = new byte[count];
            for (int i = 0; i < count; i++) {
                labels[i] = (byte) (i % classes);
            }
            Files.write(folder.resolve(prefix + part + "-images" + dot + "idx3-ubyte"),
                    IdxWriter.idx(new byte[count * height * width], count, height, width));
            Files.write(folder.resolve(prefix + part + "-labels" + dot + "idx1-ubyte.gz"), IdxWriter.gzip(IdxWriter.idx(labels, count)));
        }
    }

    private Split open(String source) {
        Datasets.Description is = Datasets.describe(source);
        return Datasets.open(source, new Shape(is.channels(), is.height(), is.width()), 1, DamageReport.STRICT);
    }

    private static String refused(String source) {
        String message = assertThrows(DataException.class, () -> Datasets.describe(source)).getMessage();
        assertFalse(message.contains("\n"), message);
        return message;
    }

    @Test
    void digits() throws IOException {
        write("", ".", 10, 28, 28);
        assertEquals(new Datasets.Description(1, 28, 28, 10), Datasets.describe("mnist:" + folder));
        try (Split split = open("mnist:" + folder)) {
            assertEquals("MNIST training set, 20 images", split.training().description());
            assertEquals(List.of("0", "1", "2", "3", "4", "5", "6", "7", "8", "9"), split.training().classNames());
            assertEquals(10, split.validation().size());
        }
    }

    @Test
    void moreClassesThanDigits() throws IOException {
        write("", "-", 47, 28, 28);
        assertEquals(
                folder.resolve("train-labels-idx1-ubyte.gz") + ": label 10 of image 10 is not one of the 10 classes 0 to 9; idx:" + folder
                        + " takes any number of classes",
                refused("mnist:" + folder));
        assertEquals(new Datasets.Description(1, 28, 28, 47), Datasets.describe("idx:" + folder));
        assertEquals(47, Datasets.describe("fashion-mnist:" + folder).classes(), "told apart by their numbers, not refused");
    }

    @Test
    void anySizeAndNamesFromAFile() throws IOException {
        write("", "-", 3, 20, 32);
        Files.writeString(folder.resolve("classes.txt"), "ka\n sa \n\nta\nna\n");
        try (Split split = open("idx:" + folder)) {
            assertEquals(new Shape(1, 20, 32), split.training().stored());
            assertEquals(List.of("ka", "sa", "ta", "na"), split.training().classNames());
        }
        Files.writeString(folder.resolve("classes.txt"), "ka\nsa\n");
        assertEquals(
                folder.resolve("train-labels-idx1-ubyte.gz") + ": label 2 of image 2 is not one of the 2 classes 0 to 1 that classes.txt "
                        + "names",
                refused("idx:" + folder));
    }

    /** EMNIST's archive has all its data sets in one folder, with the characters of each class beside them. */
    @Test
    void severalInAFolderAreChosenByName() throws IOException {
        write("emnist-letters-", "-", 4, 28, 28);
        write("emnist-digits-", "-", 10, 28, 28);
        Files.writeString(folder.resolve("emnist-letters-mapping.txt"), "1 65 97\n2 66 98\n3 67 99\n");
        assertEquals(folder + " holds several data sets: write idx:" + folder.resolve("emnist-digits") + " or idx:"
                + folder.resolve("emnist-letters"), refused("idx:" + folder));
        try (Split split = open("idx:" + folder.resolve("emnist-letters"))) {
            assertEquals(List.of("0", "A", "B", "C"), split.training().classNames());
            assertEquals("emnist-letters test set, 4 images", split.validation().description());
        }
        Files.writeString(folder.resolve("emnist-letters-mapping.txt"), "1 A\n");
        assertEquals(folder.resolve("emnist-letters-mapping.txt") + ": \"1 A\" should be a label and the code of its character",
                refused("idx:" + folder.resolve("emnist-letters")));
    }

    @Test
    void whatIsMissingIsNamed() throws IOException {
        assertEquals(
                folder + " holds no IDX files: there should be train-images-idx3-ubyte, train-labels-idx1-ubyte and the same for t10k or "
                        + "test, gzipped or not",
                refused("idx:" + folder));
        write("", "-", 5, 28, 28);
        Files.delete(folder.resolve("t10k-labels-idx1-ubyte.gz"));
        assertEquals(folder + " has the 3 files t10k-images-idx3-ubyte, train-images-idx3-ubyte, train-labels-idx1-ubyte.gz, but not "
                + "t10k-labels-idx1-ubyte", refused("mnist:" + folder));
        assertEquals(
                folder.resolve("none") + " holds no IDX files: there should be train-images-idx3-ubyte, train-labels-idx1-ubyte and the "
                        + "same for t10k or test, gzipped or not",
                refused("mnist:" + folder.resolve("none")));
    }
}
