package duet.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.lang.module.Configuration;
import java.lang.module.ModuleFinder;
import java.lang.module.ResolvedModule;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.FileTime;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.spi.ToolProvider;
import java.util.stream.Stream;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The launcher with the Java that runs the tests, and the cache that it makes. */
class StartupTest {
    /** Java ends where it cannot use a cache, in place of starting without. */
    private static final String CACHE_OR_NOTHING = "-XX:AOTMode=on";

    @TempDir
    Path folder;

    private final Path java = Path.of(System.getProperty("java.home"));

    /** What {@code ./duet} finds after a build. */
    private Path project() throws IOException {
        Path project = folder.resolve("a project");
        Path lib = Files.createDirectories(project.resolve("cli/target/lib"));
        for (ResolvedModule module : modules()) {
            Path location = Path.of(module.reference().location().orElseThrow());
            if (Files.isDirectory(location)) {
                String jar = lib.resolve(module.name() + ".jar").toString();
                assertEquals(0, ToolProvider.findFirst("jar").orElseThrow()
                        .run(System.out, System.err, "--create", "--file", jar, "-C", location.toString(), "."));
            } else {
                Files.copy(location, lib.resolve(location.getFileName()));
            }
        }
        Files.copy(Path.of("../duet"), project.resolve("duet"), StandardCopyOption.COPY_ATTRIBUTES);
        Files.createFile(lib.resolve("built"));
        return project;
    }

    /** Of the class path those that the command is made of. */
    private static List<ResolvedModule> modules() {
        Path[] classPath = Arrays.stream(System.getProperty("java.class.path").split(":")).map(Path::of)
                .filter(entry -> Files.exists(entry) && !entry.endsWith("test-classes") && !entry.toString().endsWith("-tests.jar"))
                .toArray(Path[]::new);
        Configuration boot = ModuleLayer.boot().configuration();
        return boot.resolve(ModuleFinder.of(), ModuleFinder.of(classPath), Set.of("duet.cli")).modules().stream().toList();
    }

    private Process start(Path project, Path err, String options, String... arguments) throws IOException {
        List<String> command = new ArrayList<>(List.of(project.resolve("duet").toString()));
        command.addAll(List.of(arguments));
        ProcessBuilder builder = new ProcessBuilder(command).redirectError(err.toFile());
        builder.environment().put("JAVA_HOME", java.toString());
        builder.environment().put("DUET_NO_INSTALL", "1");
        builder.environment().remove("JAVA_TOOL_OPTIONS");
        if (!options.isEmpty()) {
            builder.environment().put("JAVA_TOOL_OPTIONS", options);
        }
        return builder.start();
    }

    private Outcome run(Path project, String options, String... arguments) throws Exception {
        Path err = folder.resolve("err");
        Process process = start(project, err, options, arguments);
        String out = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        return new Outcome(process.waitFor(), out, Files.readString(err));
    }

    private static Path cache(Path project) throws IOException {
        try (Stream<Path> files = Files.list(project.resolve("cli/target/startup"))) {
            List<Path> found = files.filter(file -> file.getFileName().toString().contains(".aot")).toList();
            assertEquals(1, found.size(), found.toString());
            return found.getFirst();
        }
    }

    /** Two that start at the same time make one cache, and say what they would without. */
    private void makeCache(Path project) throws Exception {
        Process other = start(project, folder.resolve("other"), "", "--version");
        Outcome one = run(project, "", "--version");
        assertEquals(0, one.code(), one.toString());
        assertEquals(one.out(), new String(other.getInputStream().readAllBytes(), StandardCharsets.UTF_8));
        assertEquals(0, other.waitFor());
        String said = one.err() + Files.readString(folder.resolve("other"));
        assertTrue(said.startsWith("duet: first start with this build and this Java: preparing faster ones\n"), said);
        assertEquals(said.length(), said.lines().distinct().mapToInt(line -> line.length() + 1).sum(), said);
    }

    @Test
    void commandsTakeTheirClassesFromTheCacheAndRunAsWellWithoutOne() throws Exception {
        long seed = Long.getLong("duet.seed", System.nanoTime());
        System.out.println("StartupTest: -Dduet.seed=" + seed);
        Path project = project();
        makeCache(project);
        Path cache = cache(project);
        Outcome expected = Outcome.of("networks");
        Outcome used = run(project, CACHE_OR_NOTHING + " -Xlog:class+load:file=" + folder + "/classes", "networks");
        assertEquals(expected.out(), used.out(), used.toString());
        assertEquals(1, used.errLines().size(), "Java names the options, and that is all: " + used.err());
        assertClassesAreFromTheCache(Files.readAllLines(folder.resolve("classes")));
        assertEquals(new Outcome(0, expected.out(), ""), run(project, "", "networks"));

        byte[] good = Files.readAllBytes(cache);
        Random random = new Random(seed);
        byte[] header = good.clone();
        header[random.nextInt(64)] ^= (byte) (1 + random.nextInt(255));
        byte[] body = good.clone();
        for (int i = 0; i < 1_000; i++) { // half of them in the last half, so that some change a region
            body[body.length / (1 + i % 2) - 1 - random.nextInt(body.length / 2)] ^= (byte) (1 + random.nextInt(255));
        }
        for (byte[] damaged : List.of(header, body, Arrays.copyOf(good, random.nextInt(good.length)), new byte[0])) {
            Files.write(cache, damaged);
            assertEquals(new Outcome(0, expected.out(), ""), run(project, "", "networks"));
            assertNotEquals(0, run(project, CACHE_OR_NOTHING, "--version").code());
        }
        Files.write(cache, good);
        assertEquals(0, run(project, CACHE_OR_NOTHING, "--version").code());
        assertEquals(0, run(project, "-Xshare:off", "--version").code());

        Files.setLastModifiedTime(jarOf(project), FileTime.from(Instant.now().minusSeconds(1_000)));
        assertEquals(new Outcome(0, expected.out(), ""), run(project, "", "networks"), "a cache of other jars");
        assertNotEquals(0, run(project, CACHE_OR_NOTHING, "--version").code());
    }

    /** All but those of picocli, which are of a class file version that no cache takes, and those that Java makes at run time. */
    private static void assertClassesAreFromTheCache(List<String> loaded) {
        List<String> own = loaded.stream().filter(line -> line.contains("] duet.") && !line.contains("$$")).toList();
        long cached = own.stream().filter(line -> line.contains("source: shared objects file")).count();
        assertTrue(own.size() > 20 && 10 * cached > 9L * own.size(), cached + " of " + own.size() + ": " + own);
    }

    private static Path jarOf(Path project) throws IOException {
        try (Stream<Path> files = Files.list(project.resolve("cli/target/lib"))) {
            return files.filter(file -> file.getFileName().toString().contains("picocli")).findFirst().orElseThrow();
        }
    }

    @Test
    void theRehearsalRunsEveryCommand() throws IOException {
        StringWriter err = new StringWriter();
        assertEquals(0, Rehearsal.run(folder, new PrintWriter(err, true)), err.toString());
        assertEquals("", err.toString());
    }
}
