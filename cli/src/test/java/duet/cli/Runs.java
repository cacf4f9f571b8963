package duet.cli;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

import duet.train.output.Checkpoint;

/** A short training that does the same on every machine, and the comparison of two of them. */
final class Runs {
    static final String DATA = "synthetic:1x28x28:10:480";

    private Runs() {}

    /** A checkpoint every that many steps; 0 for the last step only. */
    static String[] train(Path out, int steps, int checkpointEvery, String... more) {
        return concat(new String[] {
                "train", "--data", DATA, "--devices", "cpu,cpu", "--threads", "2", "--batch", "8", "--steps", Integer.toString(steps),
                "--checkpoint-every", Integer.toString(checkpointEvery), "--seed", "7", "--json", "--out", out.toString()}, more);
    }

    static String[] resume(Path folder, String... more) {
        return concat(new String[] {
                "train", "--resume", folder.toString(), "--devices", "cpu,cpu", "--threads", "2", "--json"}, more);
    }

    private static String[] concat(String[] first, String[] second) {
        List<String> all = new ArrayList<>(Arrays.asList(first));
        all.addAll(Arrays.asList(second));
        return all.toArray(String[]::new);
    }

    /** Same step, same bits in weights, momentum and everything else that a checkpoint holds, same metrics. */
    static void assertSame(Path expected, Path actual) throws IOException {
        assertSameTensors(expected, actual);
        assertEquals(Checkpoint.read(expected).state(), Checkpoint.read(actual).state());
        assertEquals(metrics(expected), metrics(actual));
    }

    static void assertSameTensors(Path expected, Path actual) {
        Checkpoint one = Checkpoint.read(expected);
        Checkpoint other = Checkpoint.read(actual);
        assertEquals(one.tensors().keySet(), other.tensors().keySet());
        one.tensors().forEach((name, values) -> assertArrayEquals(bits(values), bits(other.tensors().get(name)), name));
    }

    private static int[] bits(float[] values) {
        int[] bits = new int[values.length];
        Arrays.setAll(bits, i -> Float.floatToRawIntBits(values[i]));
        return bits;
    }

    /** The lines of metrics.jsonl without the only number that depends on the clock. */
    static List<String> metrics(Path folder) throws IOException {
        try (var lines = Files.lines(folder.resolve("metrics.jsonl"))) {
            return lines.map(line -> line.replaceAll(",\"imagesPerSecond\":[^,}]*", "")).toList();
        }
    }
}
