package duet.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeFalse;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class PlanTest {
    private static String plan(String options) {
        Outcome outcome = Outcome.of(("plan --net alexnet-small --batch 64 --devices cpu --threads 1 " + options).split(" +"));
        assertEquals(0, outcome.code(), outcome.toString());
        return outcome.out();
    }

    /** What is done with each layer, not what was asked for: the first one's single channel makes no pairs. */
    @Test
    void howLayersAreComputedIsShown() {
        String single = plan("--convolutions winograd");
        assertTrue(single.contains("Winograd's form") && single.contains("direct sums") && !single.contains("bf16"), single);
        String rounded = plan("--convolutions winograd --precision bf16-everywhere");
        assertTrue(rounded.contains("Winograd's form in bf16"), rounded);
        assertTrue(rounded.lines().anyMatch(line -> line.contains("fc6 ") && line.contains("bf16")), rounded);
        String direct = plan("--convolutions direct --precision bf16-everywhere");
        assertTrue(direct.contains("direct sums in bf16") && !direct.contains("Winograd"), direct);
    }

    /** By hand: fc6 to fc8 and conv3 to conv5 of 4 processes in shares, each receiving 2 * 3 / 4 of them; the others' 3 whole. */
    @Test
    void whatProcessesExchangeIsShown() {
        String four = plan("--placement data --ranks 4 --link 1G --step 0.1").lines().toList().getLast();
        assertTrue(four.matches("4 processes: each receives up to [\\d.]+ MiB a step, [\\d.]+ ms at 1.00 Gbit/s; with 0.1 s of computing "
                + "[\\d.]+ % of the speed if nothing of it is hidden, [\\d.]+ % if all is"), four);
        String two = plan("--placement data --ranks 2 --link 1G --step 0.1").lines().toList().getLast();
        // two send each other all gradients: 1,106,186 numbers in 32 bits are 4.22 MiB or 35.4 ms, which is 73.86 % of 135.4 ms
        assertTrue(two.contains("up to 4.22 MiB a step, 35.4 ms at ") && two.contains("73.86 %") && two.contains("100.00 %"), two);
        String towers = plan("--placement towers --ranks 2").lines().toList().getLast();
        assertTrue(towers.startsWith("2 processes: each receives up to ") && !towers.contains("computing"), towers);
        assertEquals(2, Outcome.of("plan", "--step", "1").code());
        assertEquals(2, Outcome.of("plan", "--link", "1G").code());
        assertEquals(2, Outcome.of("plan", "--ranks", "2", "--link", "1G", "--json").code());
        Outcome speed = Outcome.of("plan", "--ranks", "2", "--link", "fast");
        assertTrue(speed.code() == 2 && speed.err().contains("'fast' is no speed such as 100G"), speed::toString);
    }

    /** The machines are as fast as --step says: what the busiest device computes takes that long. */
    @Test
    void aTraceIsWrittenForSimGrid(@TempDir Path temporary) throws IOException {
        Path folder = temporary.resolve("a trace");
        Outcome outcome = Outcome.of("plan", "--net", "alexnet-small", "--placement", "data", "--ranks", "3", "--batch", "48",
                "--link", "1G", "--step", "0.5", "--trace", folder.toString());
        assertEquals(0, outcome.code(), outcome::toString);
        String last = outcome.outLines().getLast();
        assertTrue(last.contains("trace: ") && last.contains("cd '" + folder + "' && smpirun -np 3 "), last);
        assertEquals(List.of("device-0.txt", "device-1.txt", "device-2.txt"), Files.readAllLines(folder.resolve("traces.txt")));
        assertEquals(List.of("host-0", "host-1", "host-2"), Files.readAllLines(folder.resolve("hosts.txt")));
        String platform = Files.readString(folder.resolve("platform.xml"));
        assertTrue(platform.contains("radical=\"0-2\"") && platform.contains("bw=\"125000000Bps\""), platform);
        long most = 0;
        for (int device = 0; device < 3; device++) {
            most = Math.max(most, Files.readAllLines(folder.resolve("device-" + device + ".txt")).stream()
                    .filter(line -> line.contains(" compute ")).mapToLong(line -> Long.parseLong(line.split(" ")[2])).sum());
        }
        assertTrue(platform.contains("speed=\"" + 2 * most + "f\""), platform);
        Outcome again = Outcome.of("plan", "--net", "alexnet-small", "--placement", "data", "--ranks", "3", "--batch", "48", "--trace",
                folder.toString());
        assertTrue(again.code() == 1 && again.err().contains(folder + " holds something already: give a new or an empty folder"),
                again::toString);
        assertEquals(2, Outcome.of("plan", "--trace", folder.toString()).code());
        assertEquals(2, Outcome.of("plan", "--ranks", "2", "--trace", folder.toString(), "--json").code());
    }

    @Test
    void preparedFiltersAreCounted() {
        assertTrue(plan("--mode forward --precision bf16-everywhere").contains("\n  prepared   "));
        assertFalse(plan("--mode train --precision bf16-everywhere").contains("\n  prepared   "));
    }

    /** On CUDA devices maps in bf16 take half of the bytes, for the planner and for the checker. */
    @Test
    void aPlanInBf16IsCheckedByItsOwnSizes() {
        Outcome outcome = Outcome.of("plan", "--net", "alexnet-small", "--devices", "virtual:0", "--precision", "bf16");
        assumeFalse(outcome.err().contains("no CUDA kernels"), "this build has no CUDA kernels");
        assertEquals(0, outcome.code(), outcome.toString());
        assertTrue(outcome.out().contains("The plan is sound"), outcome.out());
    }
}
