package duet.data.source;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

import duet.data.DamageReport;
import duet.data.DataException;
import duet.data.Split;
import duet.data.image.TestImages;
import duet.net.Shape;
import org.junit.jupiter.api.io.TempDir;

/** A folder of small images whose red level tells them apart, and how it is opened. */
abstract class ImageFolderBed {
    static final Shape INPUT = new Shape(3, 28, 28);
    static final DamageReport NONE_EXPECTED = DamageReport.STRICT;

    @TempDir
    Path root;

    /** A uniform PNG; its red level tells it apart. */
    void image(String name, int red) throws IOException {
        Path file = root.resolve(name);
        Files.createDirectories(file.getParent());
        Files.write(file, TestImages.write("png", TestImages.uniform(40, 30, BufferedImage.TYPE_INT_RGB, red << 16)));
    }

    void images(String className, int count) throws IOException {
        for (int i = 0; i < count; i++) {
            image(className + "/" + (char) ('a' + i) + ".png", i + 1);
        }
    }

    Split open(DamageReport damage) {
        return Datasets.open("folder:" + root, INPUT, 1, damage);
    }

    static List<String> files(ImageFolder.Part part) {
        return part.files().stream().map(file -> file.getParent().getFileName() + "/" + file.getFileName()).toList();
    }

    void assertRefused(String... parts) {
        String message = assertThrows(DataException.class, () -> open(NONE_EXPECTED)).getMessage();
        for (String part : parts) {
            assertTrue(message.contains(part), () -> "\"" + message + "\" should say " + part);
        }
        assertFalse(message.contains("\n"), message);
    }
}
