package duet.bindings;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** The machine's C++ compiler; tests that need it are skipped without. */
final class Compiler {
    private Compiler() {}

    static Path library(Path folder, String source) throws Exception {
        Path library = folder.resolve("library.so");
        assertEquals("", compile(folder, source, "-shared", "-fPIC", "-o", library.toString()));
        return library;
    }

    /** What the compiler says about the source: nothing if it is right. */
    static String compile(Path folder, String source, String... options) throws IOException, InterruptedException {
        Path file = Files.writeString(folder.resolve("source.cpp"), source);
        List<String> command = new ArrayList<>(List.of("c++", "-w"));
        command.addAll(List.of(options));
        command.add(file.toString());
        Process process;
        try {
            process = new ProcessBuilder(command).redirectErrorStream(true).start();
        } catch (IOException e) {
            assumeTrue(false, "there is no C++ compiler: " + e.getMessage());
            throw e;
        }
        String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        return process.waitFor() == 0 ? "" : output;
    }
}
