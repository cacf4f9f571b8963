package duet.examples;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.awt.image.BufferedImage;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import javax.imageio.ImageIO;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The example that the README shows works as it stands there. */
class EmbeddingTest {
    private static final Path SOURCE = Path.of("src/test/java/duet/examples/Embedding.java");
    private static final Pattern BLOCK = Pattern.compile("```java\n(.*?)```", Pattern.DOTALL);

    @TempDir
    private Path folder;

    @Test
    void trainsAndClassifies() throws Exception {
        Path picture = folder.resolve("picture.png");
        ImageIO.write(new BufferedImage(40, 30, BufferedImage.TYPE_INT_RGB), "png", picture.toFile());
        ByteArrayOutputStream printed = new ByteArrayOutputStream();
        PrintStream standard = System.out;
        System.setOut(new PrintStream(printed, true, StandardCharsets.UTF_8));
        try {
            Embedding.main(new String[] {"synthetic:1x28x28:10:256", picture.toString()});
        } finally {
            System.setOut(standard);
        }
        String line = printed.toString(StandardCharsets.UTF_8);
        assertTrue(line.matches("\\S.* \\(\\d+ %\\)\\s+"), line);
    }

    @Test
    void isWhatTheReadmeShows() throws Exception {
        Matcher blocks = BLOCK.matcher(Files.readString(Path.of("../README.md")));
        boolean found = false;
        while (blocks.find()) {
            if (blocks.group(1).contains("class Embedding")) {
                found = true;
                assertEquals(Files.readString(SOURCE).strip(), blocks.group(1).strip());
            }
        }
        assertTrue(found, "README.md shows no class Embedding");
    }

    @Test
    void isShort() throws Exception {
        try (var lines = Files.lines(SOURCE)) {
            long statements = lines.filter(line -> !line.isBlank() && !line.startsWith("import") && !line.startsWith("package")).count();
            assertTrue(statements <= 30, statements + " lines");
        }
    }
}
