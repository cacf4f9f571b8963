package duet;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;

import org.junit.jupiter.api.Test;

/** Java sources of all modules stay small enough to be read: lines of a class, characters of a line, imports where one looks for them. */
class BudgetTest {
    private static final int MOST_LINES = 300;
    private static final int MOST_CHARACTERS = 140;
    /** Tables with a case in each line, which would be harder to read in shorter ones. */
    private static final Set<String> WIDE = Set.of("engine/src/test/java/duet/model/SafetensorsDamageTest.java");
    /** Written by jextract. */
    private static final String GENERATED = "bindings/src/main/java/duet/bindings/(cpu|cuda|mpi|nccl|vgpu|turbojpeg)/.*";

    private static final Path ROOT = root();

    private static Path root() {
        Path folder = Path.of("").toAbsolutePath();
        while (!Files.isRegularFile(folder.resolve("bindings/pom.xml"))) {
            folder = folder.getParent();
        }
        return folder;
    }

    /** Paths from the root of the checkout. */
    private static List<String> sources() throws IOException {
        List<String> sources = new ArrayList<>();
        for (String module : List.of("bindings", "engine", "cli", "bench", "native")) {
            try (Stream<Path> files = Files.walk(ROOT.resolve(module))) {
                files.map(file -> ROOT.relativize(file).toString()).filter(file -> file.endsWith(".java"))
                        .filter(file -> !file.matches("(.*/)?(target|build)/.*") && !file.matches(GENERATED)).forEach(sources::add);
            }
        }
        assertTrue(sources.size() > 400, "only " + sources.size() + " sources below " + ROOT);
        return sources.stream().sorted().toList();
    }

    private static List<String> lines(String source) throws IOException {
        return Files.readAllLines(ROOT.resolve(source));
    }

    @Test
    void classesFitIntoTheReadersHead() throws IOException {
        List<String> tooLong = new ArrayList<>();
        for (String source : sources()) {
            long lines = lines(source).stream().map(String::strip).filter(line -> !line.startsWith("*") && !line.startsWith("/**")).count();
            if (lines > MOST_LINES) {
                tooLong.add(source + " has " + lines + " lines");
            }
        }
        assertEquals(List.of(), tooLong,
                "at most " + MOST_LINES + " besides documentation: what has a name of its own can be a class of its own");
    }

    @Test
    void linesFitIntoTheWindow() throws IOException {
        List<String> tooLong = new ArrayList<>();
        for (String source : sources()) {
            List<String> lines = WIDE.contains(source) ? List.of() : lines(source);
            for (int i = 0; i < lines.size(); i++) {
                if (lines.get(i).length() > MOST_CHARACTERS) {
                    tooLong.add(source + ":" + (i + 1) + " has " + lines.get(i).length() + " characters");
                }
            }
        }
        assertEquals(List.of(), tooLong, "at most " + MOST_CHARACTERS + ", also in comments; break strings");
    }

    /** Static ones, those of Java, all others: each group in the order of its letters, an empty line between two groups. */
    @Test
    void importsAreInOrder() throws IOException {
        List<String> wrong = new ArrayList<>();
        for (String source : sources()) {
            List<String> lines = lines(source);
            List<String> imports = lines.stream().filter(line -> line.startsWith("import ")).toList();
            int first = imports.isEmpty() ? 0 : lines.indexOf(imports.getFirst());
            List<String> expected = ordered(imports);
            if (!expected.equals(lines.subList(first, first + expected.size()))) {
                wrong.add(source + ":" + (first + 1));
            }
        }
        assertEquals(List.of(), wrong, "imports: static, then java, javax and jdk, then all others, each sorted, empty lines between");
    }

    private static List<String> ordered(List<String> imports) {
        List<String> ordered = new ArrayList<>();
        for (String group : List.of("import static .*", "import (java|javax|jdk)\\..*", "import (?!static |(java|javax|jdk)\\.).*")) {
            List<String> members = imports.stream().filter(line -> line.matches(group)).map(line -> line.replace(";", "")).sorted()
                    .map(line -> line + ";").toList();
            if (!ordered.isEmpty() && !members.isEmpty()) {
                ordered.add("");
            }
            ordered.addAll(members);
        }
        return ordered;
    }
}
