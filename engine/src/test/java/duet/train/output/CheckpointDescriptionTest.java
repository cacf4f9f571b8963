package duet.train.output;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

import duet.model.SafetensorsException;
import duet.train.schedule.LearningRate;
import duet.train.schedule.TrainingException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a checkpoint says besides its tensors. */
class CheckpointDescriptionTest {
    @TempDir
    private Path folder;

    @Test
    void isReadWithoutTheTensors() throws IOException {
        Path file = folder.resolve("a.safetensors");
        Checkpoint checkpoint = CheckpointTest.checkpoint(CheckpointTest.state(new LearningRate.Constant(0.1)));
        checkpoint.write(file);
        CheckpointFile.Description expected = new CheckpointFile.Description(checkpoint.network(), checkpoint.classNames(),
                checkpoint.stored(), checkpoint.state());
        assertEquals(expected, CheckpointFile.describe(file));
        byte[] bytes = Files.readAllBytes(file);
        bytes[bytes.length - 1] ^= 1;
        Files.write(file, bytes);
        assertThrows(SafetensorsException.class, () -> Checkpoint.read(file));
        assertEquals(expected, CheckpointFile.describe(file), "no tensor is looked at");
    }

    @Test
    void whatIsNoCheckpointIsNamed() throws IOException {
        Path missing = folder.resolve("missing.safetensors");
        String sentence = assertThrows(TrainingException.class, () -> CheckpointFile.describe(missing)).getMessage();
        assertTrue(sentence.startsWith(missing + ": cannot be read: "), sentence);
        Path other = Files.writeString(folder.resolve("other.safetensors"), "no checkpoint at all");
        assertThrows(SafetensorsException.class, () -> CheckpointFile.describe(other));
    }
}
