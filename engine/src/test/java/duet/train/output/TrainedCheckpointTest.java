package duet.train.output;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

import duet.train.schedule.LearningRate;
import duet.train.schedule.TrainingException;
import org.junit.jupiter.api.Assertions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Reading a checkpoint to use the network. */
class TrainedCheckpointTest {
    @TempDir
    private Path folder;

    private static void assertSame(Checkpoint expected, Checkpoint actual) {
        assertEquals(expected.network(), actual.network());
        assertEquals(expected.state(), actual.state());
        assertEquals(expected.tensors().keySet(), actual.tensors().keySet());
        expected.tensors().forEach((name, values) -> assertArrayEquals(values, actual.tensors().get(name), name));
    }

    @Test
    void allIsReadButTheMomentum() {
        Path file = folder.resolve("checkpoint-00000123.safetensors");
        Checkpoint whole = CheckpointTest.checkpoint(CheckpointTest.state(new LearningRate.Constant(1)));
        whole.write(file);
        Map<String, float[]> kept = new LinkedHashMap<>(whole.tensors());
        assertTrue(kept.keySet().removeIf(name -> name.startsWith("momentum.")));
        Checkpoint expected = new Checkpoint(whole.network(), whole.classNames(), whole.stored(), kept, whole.state());
        for (Path path : List.of(file, folder)) {
            Checkpoint used = Checkpoint.readTrained(path, false, Assertions::fail);
            assertSame(expected, used);
            assertThrows(IllegalArgumentException.class, () -> used.write(folder.resolve("b.safetensors")), "it is not all there");
        }
        assertSame(whole, Checkpoint.read(folder));
        assertThrows(TrainingException.class, () -> Checkpoint.readTrained(folder, true, Assertions::fail), "no validation is the best");
        CheckpointTest.checkpoint(null).write(file);
        assertSame(CheckpointTest.checkpoint(null), Checkpoint.readTrained(file, false, Assertions::fail));
    }

    /** What is not read is checked as far as the header goes: such a file is no checkpoint. */
    @Test
    void aFileWithoutMomentumIsRefused() throws IOException {
        Path file = folder.resolve("a.safetensors");
        CheckpointTest.checkpoint(CheckpointTest.state(new LearningRate.Constant(1))).write(file);
        byte[] content = Files.readAllBytes(file);
        String header = new String(content, StandardCharsets.ISO_8859_1);
        int at = header.indexOf("\"momentum.conv2.weight\"");
        content[at + 1] = 'n';
        Files.write(file, content);
        TrainingException refused = assertThrows(TrainingException.class, () -> Checkpoint.readTrained(file, false, Assertions::fail));
        assertTrue(refused.getMessage().contains("the tensor momentum.conv2.weight"), refused.getMessage());
    }
}
