package duet.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

import duet.ChildJava;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * What is said and written does not depend on the language of the machine. Egypt's Arabic shows it best: Java writes its digits as
 * U+0660 to U+0669, and no program reads "synthetic:3x12x12" in them.
 */
class LocaleTest {
    private static final String NETWORK = """
            {"name": "mini", "input": {"channels": 3, "height": 12, "width": 12, "scale": 0.0156}, "layers": [
              {"type": "convolution", "name": "conv1", "filters": 4, "kernel": 3, "padding": 1, "weights": {"distribution": "he"}},
              {"type": "relu", "name": "relu1"},
              {"type": "max-pool", "name": "pool1", "window": 3, "stride": 2},
              {"type": "fully-connected", "name": "fc2", "outputs": 4, "weights": {"distribution": "he"}},
              {"type": "softmax-cross-entropy", "name": "loss"}]}
            """;

    @TempDir
    private Path temporary;

    /** Runs commands in a folder and writes what they say to a file of it. */
    static final class Commands {
        private Commands() {}

        public static void main(String... arguments) throws IOException {
            run(Path.of(arguments[0]));
        }

        static void run(Path folder) throws IOException {
            Files.createDirectory(folder);
            Path network = Files.writeString(folder.resolve("mini.json"), NETWORK);
            String small = "--net " + network + " --devices cpu --threads 1 --batch 8";
            StringBuilder said = new StringBuilder();
            for (String command : List.of(
                    "networks", "plan " + small, "kernels --net " + network + " --batch 1",
                    "data prepare synthetic:3x14x14:4:40 " + folder + "/packed --shard-images 16", "data info shards:" + folder + "/packed",
                    "train " + small + " --steps 2 --out " + folder + "/made-up", // of synthetic:3x12x12:4:256
                    "train " + small + " --steps 4 --data shards:" + folder + "/packed --out " + folder + "/run",
                    "evaluate --devices cpu --checkpoint " + folder + "/run",
                    "data info synthetic:9999x12x12:4")) {
                said.append(command).append('\n').append(Outcome.of(command.split(" "))).append('\n');
            }
            Files.writeString(folder.resolve("said"), said);
        }
    }

    @Test
    void arabicDigitsAreNowhere() throws Exception {
        Path folder = temporary.resolve("work"); // the same for both: checkpoints name their data
        Path arabic = temporary.resolve("arabic");
        assertEquals(0, ChildJava.start(List.of("-Duser.language=ar", "-Duser.country=EG", "-XX:TieredStopAtLevel=1",
                "-Djava.awt.headless=true"), Commands.class, folder.toString()).waitFor());
        Files.move(folder, arabic);
        Commands.run(folder);
        String said = Files.readString(arabic.resolve("said"));
        assertTrue(said.chars().noneMatch(c -> c > '9' && Character.isDigit(c)), said);
        assertTrue(Files.exists(arabic.resolve("packed/training-00000.shard")), said);
        assertEquals("000000002", Pattern.compile("exit code (\\d+)").matcher(said).results().map(match -> match.group(1))
                .collect(Collectors.joining()), said);
        assertEquals(withoutRates(Files.readString(folder.resolve("said"))), withoutRates(said));
        for (String run : List.of("made-up", "run")) {
            assertEquals(Runs.metrics(folder.resolve(run)), Runs.metrics(arabic.resolve(run)));
        }
        assertEquals(contents(folder), contents(arabic));
    }

    /** Lines that tell no speed, which are the same in each run. */
    private static String withoutRates(String said) {
        return String.join("\n", said.lines().filter(line -> !line.contains("/s") && !line.contains(" ms")).toList());
    }

    /** Also the shards, checkpoints and pictures. */
    private static Map<String, Integer> contents(Path folder) throws IOException {
        Map<String, Integer> contents = Folders.contents(folder);
        assertTrue(
                contents.keySet().removeIf(name -> name.endsWith("metrics.jsonl") || name.equals("said") || name.contains("events.out.")));
        return contents;
    }
}
