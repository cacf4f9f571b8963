package duet.examples;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.awt.image.BufferedImage;
import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import javax.imageio.ImageIO;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The README's example works as it stands there, in a project that knows nothing of Duet but one dependency. */
class EmbeddingTest {
    private static final Path SOURCE = Path.of("src/main/java/duet/examples/Embedding.java");
    private static final Pattern BLOCK = Pattern.compile("```java\n(.*?)```", Pattern.DOTALL);
    private static final Pattern BROUGHT = Pattern.compile("([\\w.-]+:[\\w.-]+):jar:[^:]+:(compile|runtime)");
    private static final long MOST_BYTES = 17_000_000;

    @TempDir
    private Path folder;

    @Test
    void runsOnTheClassPath() throws Exception {
        assertTrainsAndClassifies("-cp", path(), "--enable-native-access=ALL-UNNAMED", Embedding.class.getName());
    }

    @Test
    void runsOnTheModulePath() throws Exception {
        assertTrainsAndClassifies("--module-path", path(), "--enable-native-access=duet.bindings,duet.engine",
                "--module", "duet.examples/" + Embedding.class.getName());
    }

    /**
     * In a process of its own, which says nothing but what the program prints: no warning of Java, the logs or the
     * engine.
     */
    private void assertTrainsAndClassifies(String... options) throws Exception {
        Path picture = folder.resolve("picture.png");
        Path warnings = folder.resolve("warnings.txt");
        ImageIO.write(new BufferedImage(40, 30, BufferedImage.TYPE_INT_RGB), "png", picture.toFile());
        List<String> command = new ArrayList<>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        command.addAll(List.of(options));
        command.addAll(List.of("synthetic:1x28x28:10:256", picture.toString()));
        ProcessBuilder builder = new ProcessBuilder(command).redirectError(warnings.toFile());
        builder.environment().remove("JAVA_TOOL_OPTIONS"); // Java would say that it has seen them
        Process process = builder.start();
        String printed = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        int status = process.waitFor();
        assertEquals("", Files.readString(warnings));
        assertEquals(0, status);
        assertTrue(printed.matches("\\S.* \\(\\d+ %\\)\\s+"), printed);
    }

    private static String path() throws IOException {
        return Path.of("target/classes").toAbsolutePath() + File.pathSeparator
                + Files.readString(Path.of("target/class-path.txt")).strip();
    }

    @Test
    void oneDependencyBringsTheseJarsAndNoOthers() throws Exception {
        Set<String> decided = new TreeSet<>();
        Set<String> found = new TreeSet<>();
        for (String line : Files.readAllLines(Path.of("class-path.txt")).stream().skip(2).toList()) {
            decided.add(line.split("\\s+")[0]);
        }
        for (String line : Files.readAllLines(Path.of("target/tree.txt")).stream().skip(1).toList()) {
            BROUGHT.matcher(line).results().forEach(result -> found.add(result.group(1)));
        }
        assertEquals(String.join("\n", decided), String.join("\n", found),
                "engine/embedding/class-path.txt says why each jar is there");
    }

    /**
     * Where the engine has not been packaged ({@code mvn test}), parts of the path are folders, which count nothing.
     */
    @Test
    void theseJarsAreSmall() throws Exception {
        long bytes = 0;
        for (String entry : Files.readString(Path.of("target/class-path.txt")).strip().split(File.pathSeparator)) {
            bytes += Files.isRegularFile(Path.of(entry)) ? Files.size(Path.of(entry)) : 0;
        }
        assertTrue(bytes > 0 && bytes <= MOST_BYTES, bytes + " bytes");
    }

    @Test
    void isWhatTheReadmeShows() throws Exception {
        Matcher blocks = BLOCK.matcher(Files.readString(Path.of("../../README.md")));
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
            long statements = lines
                    .filter(line -> !line.isBlank() && !line.startsWith("import") && !line.startsWith("package"))
                    .count();
            assertTrue(statements <= 30, statements + " lines");
        }
    }
}
