package duet.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;

import duet.ChildJava;
import duet.bindings.cpu.DuetCpu;
import duet.data.Split;
import duet.device.Backend;
import duet.plan.Placement;
import duet.train.output.TrainingListener;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;

/** A thousand trainings, one after the other, in a process with a small heap: what each took it gives back. */
@EnabledOnOs(OS.LINUX)
class LeakTest {
    private static final int ROUNDS = 1000;
    private static final int WARM_UP = 300;

    /**
     * What a process holds.
     *
     * @param nativeBytes what the kernel library has allocated
     * @param resident    memory of the process, KiB
     */
    private record Held(long nativeBytes, long resident, long threads, long files) {
        static Held now() throws IOException {
            try (Stream<Path> files = Files.list(Path.of("/proc/self/fd"))) {
                return new Held(DuetCpu.duet_allocated(), status("VmRSS:"), status("Threads:"), files.count());
            }
        }

        private static long status(String name) throws IOException {
            String line = Files.readAllLines(Path.of("/proc/self/status")).stream().filter(l -> l.startsWith(name)).findFirst()
                    .orElseThrow();
            return Long.parseLong(line.replaceAll("\\D", ""));
        }
    }

    public static void main(String[] arguments) throws IOException {
        Held start = null;
        for (int round = 0; round < ROUNDS; round++) {
            if (round == WARM_UP) {
                start = Held.now();
            }
            round(round % 2 == 0 ? Placement.ONE_DEVICE : Placement.TWO_TOWERS);
        }
        System.gc();
        Held end = Held.now();
        System.out.println("native bytes " + start.nativeBytes() + " " + end.nativeBytes());
        System.out.println("resident " + start.resident() + " " + end.resident());
        System.out.println("threads " + start.threads() + " " + end.threads());
        System.out.println("files " + start.files() + " " + end.files());
    }

    private static void round(Placement placement) {
        Split data = new Split(new Tiny.Patterns(8, Tiny.CLASSES, 1), new Tiny.Patterns(8, Tiny.CLASSES, 2));
        try (Backend backend = Tiny.backend(placement.devices());
                Trainer trainer = Trainer.create(Tiny.network(), placement, backend, data, Tiny.options().toBuilder().steps(1).build())) {
            trainer.train(TrainingListener.SILENT);
        }
    }

    @Test
    void aThousandTrainings() throws Exception {
        Process child = ChildJava.start(List.of("-Xmx64m"), LeakTest.class);
        String output;
        try {
            output = new String(child.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
            assertEquals(0, child.waitFor());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } finally {
            child.destroyForcibly();
        }
        System.out.print("LeakTest: " + output);
        long[][] held = output.lines().filter(line -> line.matches("[a-z ]+ \\d+ \\d+"))
                .map(line -> line.replaceAll("^[a-z ]+ ", "").split(" "))
                .map(pair -> new long[] {Long.parseLong(pair[0]), Long.parseLong(pair[1])}).toArray(long[][]::new);
        assertEquals(4, held.length, output);
        assertEquals(0, held[0][0], "native memory after the first rounds");
        assertEquals(0, held[0][1], "native memory at the end");
        assertTrue(held[1][1] < held[1][0] + 48 * 1024, "resident memory grows: " + output);
        assertTrue(held[2][1] <= held[2][0] + 2, "threads: " + output);
        assertTrue(held[3][1] <= held[3][0] + 2, "files: " + output);
    }
}
