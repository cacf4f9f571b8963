package duet.train.output;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;

import duet.train.schedule.TrainingException;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class MetricsLogTest {
    @TempDir
    private Path folder;
    private Path file;

    private static Metrics line(long step) {
        return new Metrics("train", step, step / 3.0, 2.5 / step, 0.1, 0.5, 1e-5, 1234.5);
    }

    @BeforeEach
    void threeLines() {
        file = folder.resolve("metrics.jsonl");
        try (MetricsLog log = MetricsLog.open(file, metrics -> true, metrics -> {})) {
            for (int step = 1; step <= 3; step++) {
                log.write(line(step));
            }
        }
    }

    private List<Metrics> reopened(long lastStep) {
        List<Metrics> kept = new ArrayList<>();
        MetricsLog.open(file, metrics -> metrics.step() <= lastStep, kept::add).close();
        return kept;
    }

    @Test
    void oneObjectALine() throws IOException {
        assertEquals("{\"event\":\"train\",\"step\":2,\"epoch\":0.6666666666666666,\"loss\":1.25,\"top1\":0.1,\"top5\":0.5,"
                + "\"learningRate\":1.0E-5,\"imagesPerSecond\":1234.5}", Files.readAllLines(file).get(1));
    }

    @Test
    void keepsWhatBelongsToTheTraining() throws IOException {
        assertEquals(List.of(line(1), line(2), line(3)), reopened(9));
        assertEquals(List.of(line(1), line(2)), reopened(2));
        assertEquals(2, Files.readAllLines(file).size());
        assertEquals(List.of(), reopened(0));
        assertEquals(0, Files.size(file));
    }

    @Test
    void aHalfWrittenLineIsCutOffWhereverItEnds() throws IOException {
        byte[] whole = Files.readAllBytes(file);
        int twoLines = (Files.readAllLines(file).get(0) + Files.readAllLines(file).get(1)).length() + 2;
        for (int length = twoLines; length < whole.length; length++) {
            Files.write(file, java.util.Arrays.copyOf(whole, length));
            assertEquals(List.of(line(1), line(2)), reopened(9));
            assertEquals(twoLines, Files.size(file));
        }
    }

    @Test
    void goesOnAfterTheLastKeptLine() throws IOException {
        try (MetricsLog log = MetricsLog.open(file, metrics -> metrics.step() <= 2, metrics -> {})) {
            log.write(line(7));
            log.sync();
        }
        assertEquals(List.of(line(1), line(2), line(7)), reopened(9));
    }

    @Test
    void aLineThatIsNoneIsNamed() throws IOException {
        Files.writeString(file, "hello\n" + Files.readString(file), StandardOpenOption.TRUNCATE_EXISTING);
        String message = assertThrows(TrainingException.class, () -> reopened(9)).getMessage();
        assertTrue(message.startsWith(file + ": line 1 is not one of a training's metrics"), message);
        assertEquals(4, Files.readAllLines(file).size());
    }
}
