package duet.cli;

import java.awt.Color;
import java.awt.Graphics2D;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.TreeMap;
import javax.imageio.ImageIO;

/** Folders of pictures, and what lies in folders. */
final class Folders {
    private Folders() {}

    /** A folder of that many grey-scale or colour pictures for each class, each a little different. */
    static Path pictures(Path folder, int each, String... classes) throws IOException {
        for (int c = 0; c < classes.length; c++) {
            Path of = Files.createDirectories(folder.resolve(classes[c]));
            for (int i = 0; i < each; i++) {
                picture(of.resolve("picture" + i + ".png"), 32 + 5 * c, 40 + i, c);
            }
        }
        return folder;
    }

    static Path picture(Path file, int width, int height, int hue) throws IOException {
        BufferedImage image = new BufferedImage(width, height, BufferedImage.TYPE_INT_RGB);
        Graphics2D graphics = image.createGraphics();
        graphics.setColor(Color.getHSBColor(hue / 7f, 0.8f, 0.9f));
        graphics.fillOval(width / 6, height / 6, 2 * width / 3, 2 * height / 3);
        graphics.dispose();
        ImageIO.write(image, "png", file.toFile());
        return file;
    }

    /** Every file and folder below, with the content of the files as a hash. */
    static Map<String, Integer> contents(Path folder) throws IOException {
        Map<String, Integer> contents = new TreeMap<>();
        try (var files = Files.walk(folder)) {
            for (Path file : files.toList()) {
                contents.put(folder.relativize(file).toString(),
                        Files.isRegularFile(file) ? java.util.Arrays.hashCode(Files.readAllBytes(file)) : 0);
            }
        }
        return contents;
    }
}
