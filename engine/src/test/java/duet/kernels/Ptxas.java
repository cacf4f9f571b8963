package duet.kernels;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.regex.Pattern;
import java.util.stream.Stream;

import duet.device.cuda.model.Cubin;

/** The assembler, which lies beside nvcc. */
record Ptxas(Path program) {
    private static final Pattern TARGET = Pattern.compile("sm_(\\d+)\\b");

    /** @param log what it says of registers and spills */
    record Assembled(Cubin cubin, String log) {}

    /** Skips the test where there is none. */
    static Ptxas require() {
        Optional<Ptxas> found = find();
        assumeTrue(found.isPresent(), "there is no ptxas");
        return found.orElseThrow();
    }

    private static Optional<Ptxas> find() {
        List<Path> folders = new ArrayList<>(Stream.of(System.getenv("PATH").split(":")).map(Path::of).toList());
        folders.add(Path.of("/usr/local/cuda/bin"));
        for (Path candidate : folders) {
            try {
                Path nvcc = candidate.resolve("nvcc");
                if (Files.isExecutable(candidate.resolve("ptxas"))) {
                    return Optional.of(new Ptxas(candidate.resolve("ptxas")));
                }
                if (Files.exists(nvcc) && Files.isExecutable(nvcc.toRealPath().resolveSibling("ptxas"))) {
                    return Optional.of(new Ptxas(nvcc.toRealPath().resolveSibling("ptxas")));
                }
            } catch (IOException e) {
                // the next folder may do
            }
        }
        return Optional.empty();
    }

    /** {@return the newest target that it knows, such as sm_121} */
    String newest() throws Exception {
        Process process = new ProcessBuilder(program.toString(), "--help").redirectErrorStream(true).start();
        String help = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertEquals(0, process.waitFor(), help);
        return TARGET.matcher(help).results().map(result -> Integer.parseInt(result.group(1))).max(Comparator.naturalOrder())
                .map(number -> "sm_" + number).orElseThrow();
    }

    Assembled assemble(Path folder, String name, String ptx, String target) throws Exception {
        Path source = Files.writeString(folder.resolve(name + "." + target + ".ptx"), ptx);
        Path cubin = folder.resolve(name + "." + target + ".cubin");
        Process process = new ProcessBuilder(program.toString(), "-arch=" + target, "-v", "-warn-spills", "-warn-lmem-usage",
                source.toString(), "-o", cubin.toString()).redirectErrorStream(true).start();
        String log = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertEquals(0, process.waitFor(), log);
        return new Assembled(new Cubin(Files.readAllBytes(cubin)), log);
    }
}
