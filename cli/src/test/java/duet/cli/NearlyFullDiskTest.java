package duet.cli;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;

import duet.cli.output.ExitCode;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * Every command that writes a file, on a disk with room for a part of it: none, a page, half, a page less than it takes. Such a disk takes
 * the part and reports no error until it is asked for the rest.
 */
class NearlyFullDiskTest {
    private static final int PAGE = 4096;
    private static final byte[] OLD = "what was there before".getBytes(StandardCharsets.UTF_8);

    @TempDir
    static Path shared;

    @TempDir
    private Path here;

    private static Path run;
    private Path disk;

    @BeforeAll
    static void train() throws IOException {
        run = shared.resolve("run");
        assertEquals(0, Outcome.of(Runs.train(run, 4, 0, "--quiet")).code());
        Folders.picture(shared.resolve("picture.png"), 28, 28, 1);
        assertEquals(0, Outcome.of("export", "--checkpoint", run.toString(), shared.resolve("net.onnx").toString()).code());
    }

    @BeforeEach
    void mount() throws Exception {
        disk = Files.createDirectory(here.resolve("disk"));
        Process mount = new ProcessBuilder("mount", "-t", "tmpfs", "tmpfs", disk.toString()).start();
        assumeTrue(mount.waitFor() == 0, "a file system can only be mounted by root");
    }

    @AfterEach
    void unmount() throws Exception {
        new ProcessBuilder("umount", disk.toString()).start().waitFor();
    }

    private void size(long bytes) throws Exception {
        assertEquals(0, new ProcessBuilder("mount", "-o", "remount,size=" + bytes, disk.toString()).start().waitFor());
    }

    private Outcome duet(String arguments, Path file) {
        return Outcome.of(arguments.replace("RUN", run.toString()).replace("SHARED", shared.toString()).replace("FILE", file.toString())
                .split(" +"));
    }

    @ParameterizedTest
    @CsvSource({
            "curves.png,        plot RUN -o FILE",
            "conv1.png,         picture filters RUN -o FILE",
            "relu1.png,         picture activations RUN SHARED/picture.png --layer relu1 --devices cpu -o FILE",
            "deconvolution.png, picture deconvolution RUN --layer conv2 --devices cpu -o FILE",
            "neighbours.png,    neighbours RUN --queries 2 --count 3 --devices cpu -o FILE",
            "samples.png,       data info synthetic:1x28x28:10:480 --grid FILE",
            "f.safetensors,     features RUN --layer fc6 --devices cpu -o FILE",
            "net.onnx,          export --checkpoint RUN FILE",
            "net.safetensors,   export --checkpoint RUN FILE",
            "in.safetensors,    import SHARED/net.onnx -o FILE"})
    void aFileIsWholeOrAsItWas(String name, String arguments) throws Exception {
        Path whole = here.resolve(name);
        Outcome good = duet(arguments, whole);
        assertEquals(0, good.code(), good::toString);
        long pages = (Files.size(whole) + PAGE - 1) / PAGE;
        assertTrue(pages > 1, name + " has " + Files.size(whole) + " bytes");
        for (long room : Stream.of(0L, 1L, pages / 2, pages - 1).distinct().toList()) {
            Path file = disk.resolve(name);
            size(64L << 20);
            Files.write(file, OLD);
            size((1 + room) * PAGE); // the old file has a page
            Outcome outcome = duet(arguments, file);
            assertEquals(ExitCode.FAILED, outcome.code(), () -> room + " of " + pages + " pages: " + outcome);
            assertEquals(1, outcome.errLines().size(), outcome::toString);
            assertEquals("duet: " + file + ": cannot be written: no space left on device", outcome.errLines().getFirst());
            assertArrayEquals(OLD, Files.readAllBytes(file), "the old file is as it was");
            assertEquals(List.of(name), names(disk), "nothing else is left");
        }
    }

    /** Commands that write several files: what is there is whole, and what was there before stays. */
    @ParameterizedTest
    @CsvSource({
            "evaluate RUN --devices cpu --pictures FILE",
            "data prepare synthetic:1x28x28:10:480 FILE"})
    void foldersHoldWholeFilesOnly(String arguments) throws Exception {
        Path whole = here.resolve("out");
        Outcome good = duet(arguments, whole);
        assertEquals(0, good.code(), good::toString);
        long pages = 0;
        for (String name : names(whole)) {
            pages += (Files.size(whole.resolve(name)) + PAGE - 1) / PAGE;
        }
        for (long room = 0; room < pages; room += Math.max(1, pages / 12)) {
            size(64L << 20);
            Path out = Files.createDirectory(disk.resolve("out" + room));
            size(Math.max(1, room) * PAGE);
            Outcome outcome = duet(arguments, out);
            assertEquals(ExitCode.FAILED, outcome.code(), outcome::toString);
            String reason = outcome.errLines().getLast(); // shards are told before a byte is written that they will not fit
            assertTrue(reason.endsWith("no space left on device") || reason.contains(" free: choose another folder"), outcome::toString);
            for (String name : names(out)) {
                if (Files.exists(whole.resolve(name)) && !name.equals("preparation.json")) { // it names its own folder
                    assertArrayEquals(Files.readAllBytes(whole.resolve(name)), Files.readAllBytes(out.resolve(name)), name);
                }
            }
            size(64L << 20);
            Outcome again = duet(arguments, out);
            assertEquals(0, again.code(), () -> "with room again: " + again);
            assertEquals(names(whole), names(out));
            for (String name : names(out)) {
                Files.delete(out.resolve(name));
            }
        }
    }

    private static List<String> names(Path folder) throws IOException {
        try (Stream<Path> files = Files.list(folder)) {
            return files.map(file -> file.getFileName().toString()).sorted().toList();
        }
    }
}
