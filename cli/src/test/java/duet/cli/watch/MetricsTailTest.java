package duet.cli.watch;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;

import duet.train.output.Metrics;
import duet.train.schedule.RateChange;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** However the bytes come, what was told are the whole lines of the file as it is. */
class MetricsTailTest {
    @TempDir
    private Path folder;
    private Path file;
    private MetricsTail tail;
    private final List<String> told = new ArrayList<>();
    private int restarts;

    @BeforeEach
    void begin() {
        file = folder.resolve("metrics.jsonl");
        tail = new MetricsTail(file, new MetricsTail.Listener() {
            @Override
            public void restarted() {
                told.clear();
                restarts++;
            }

            @Override
            public void metrics(Metrics metrics) {
                told.add(metrics.event() + " " + metrics.step() + " " + metrics.imagesPerSecond());
            }

            @Override
            public void rates(RateChange change) {
                told.add("rate " + change.step());
            }

            @Override
            public void damaged(long line) {
                told.add("damaged " + line);
            }
        });
    }

    private static String expected(String line, int number) {
        return line.startsWith("{\"event\":\"rate\"") ? "rate " + number
                : !line.startsWith("{") ? "damaged " + number
                : line.replaceAll(".*\"event\":\"(\\w+)\".*\"imagesPerSecond\":([\\d.]+).*", "$1 " + number + " $2");
    }

    private static String line(SplittableRandom random, int number) {
        return switch (random.nextInt(12)) {
            case 0 ->
                "{\"event\":\"rate\",\"step\":" + number + ",\"epoch\":1.5,\"learningRate\":0.005,\"cause\":\"epoch\",\"rates\":\"lr\"}";
            case 1 -> metrics("validation", random, number);
            case 2 -> "no JSON" + "x".repeat(random.nextInt(40));
            default -> metrics("train", random, number);
        };
    }

    private static String metrics(String event, SplittableRandom random, int number) {
        return "{\"event\":\"" + event + "\",\"step\":" + number + ",\"epoch\":" + 0.5 * number
                + ",\"loss\":2.3,\"top1\":0.5,\"top5\":0.75,"
                + "\"learningRate\":0.01,\"imagesPerSecond\":" + random.nextInt(1, 1_000_000) + ".5}";
    }

    @Test
    void anySplitTellsTheSame() throws IOException {
        long seed = new SplittableRandom().nextLong();
        SplittableRandom random = new SplittableRandom(seed);
        for (int round = 0; round < 20; round++) {
            Files.deleteIfExists(file);
            tail.read();
            List<String> expected = new ArrayList<>();
            StringBuilder text = new StringBuilder();
            for (int number = 1; number <= 200; number++) {
                String line = line(random, number);
                expected.add(expected(line, number));
                text.append(line).append('\n');
            }
            byte[] bytes = text.toString().getBytes(StandardCharsets.UTF_8);
            for (int at = 0; at < bytes.length;) {
                int more = Math.min(bytes.length - at, random.nextInt(1, random.nextBoolean() ? 20 : 3000));
                Files.write(file, Arrays.copyOfRange(bytes, at, at + more), StandardOpenOption.CREATE, StandardOpenOption.APPEND);
                at += more;
                if (random.nextBoolean()) {
                    tail.read();
                    long lines = new String(bytes, 0, at, StandardCharsets.UTF_8).chars().filter(c -> c == '\n').count();
                    assertEquals(expected.subList(0, (int) lines), told, "seed " + seed + ", round " + round);
                }
            }
            tail.read();
            assertEquals(expected, told, "seed " + seed + ", round " + round);
        }
        assertEquals(19, restarts, "a file that grows is never read again, seed " + seed);
    }

    /** A killed training goes on: lines after the checkpoint are cut off and come again, with other speeds. Also all at once. */
    @Test
    void aFileThatIsCutOffAndGrowsAgainIsReadAgain() throws IOException {
        long seed = new SplittableRandom().nextLong();
        SplittableRandom random = new SplittableRandom(seed);
        for (int round = 0; round < 50; round++) {
            List<String> lines = new ArrayList<>();
            for (int number = 1; number <= 60; number++) {
                lines.add(line(random, number));
            }
            Files.writeString(file, String.join("\n", lines) + "\n{\"event\":\"tr");
            tail.read();
            int kept = random.nextInt(60);
            List<String> other = new ArrayList<>(lines.subList(0, kept));
            int more = random.nextInt(80);
            for (int number = kept + 1; number <= kept + more; number++) {
                other.add(metrics("train", random, number));
            }
            Files.writeString(file, other.isEmpty() ? "" : String.join("\n", other) + "\n");
            tail.read();
            List<String> expected = new ArrayList<>();
            for (int i = 0; i < other.size(); i++) {
                expected.add(expected(other.get(i), i + 1));
            }
            assertEquals(expected, told, "seed " + seed + ", round " + round);
        }
    }

    @Test
    void aLineThatIsTooLongIsLeftOut() throws IOException {
        SplittableRandom random = new SplittableRandom(3);
        Files.writeString(file, metrics("train", random, 1) + "\n" + "x".repeat(1_000_000));
        tail.read();
        Files.writeString(file, "y".repeat(1_000_000) + "\n" + metrics("train", random, 3) + "\n", StandardOpenOption.APPEND);
        tail.read();
        assertEquals(List.of("train 1", "damaged 2", "train 3"), told.stream().map(each -> each.replaceFirst(" [\\d.]+$", ""))
                .map(each -> each.equals("damaged") ? "damaged 2" : each).toList());
    }

    @Test
    void aLinkIsNotFollowed() throws IOException {
        Path secret = Files.writeString(folder.resolve("secret"), metrics("train", new SplittableRandom(1), 1) + "\n");
        Files.createSymbolicLink(file, secret);
        assertThrows(IOException.class, tail::read);
        assertEquals(List.of(), told);
    }
}
