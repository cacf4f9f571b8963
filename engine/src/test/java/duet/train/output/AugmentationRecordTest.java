package duet.train.output;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Path;
import java.util.function.UnaryOperator;

import duet.data.Augmentation;
import duet.data.Patches;
import duet.train.schedule.LearningRate;
import duet.train.schedule.TrainingException;
import duet.train.schedule.TrainingState;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a checkpoint says of patches and photometric distortion. */
class AugmentationRecordTest {
    @TempDir
    private Path folder;

    private Path withState(UnaryOperator<String> change) throws IOException {
        return CheckpointTest.changed(folder, metadata -> {
            String state = metadata.get("state");
            String changed = change.apply(state);
            assertFalse(changed.equals(state), state);
            metadata.put("state", changed);
            return metadata;
        }, blocks -> blocks);
    }

    @Test
    void comesBackAsItWas() {
        Path file = folder.resolve("patches.safetensors");
        TrainingState state = CheckpointTest.state(new LearningRate.Constant(1));
        Augmentation augmentation = Augmentation.GOOGLENET.withPatches(new Patches(1 / 3.0, 1.7)).withPhotometric(0.123);
        CheckpointTest.checkpoint(
                state.continued(state.options().toBuilder().augmentation(augmentation).build(), state.arithmetic(), state.parts()))
                .write(file);
        assertEquals(augmentation, Checkpoint.read(file).state().options().augmentation());
    }

    /** Checkpoints of before there were any go on without. */
    @Test
    void absentMeansNone() throws IOException {
        Path file = withState(state -> state.replaceFirst(",\"patches\":\\{[^}]*\\},\"photometric\":[0-9.]+", ""));
        assertEquals(Augmentation.STANDARD, Checkpoint.read(file).state().options().augmentation());
    }

    @Test
    void nonsenseIsRefused() throws IOException {
        Path file = withState(state -> state.replace("\"leastShare\":0.0", "\"leastShare\":1.5"));
        String message = assertThrows(TrainingException.class, () -> Checkpoint.read(file)).getMessage();
        assertTrue(message.contains("the least share of a patch must be from 0 (no patches) to 1, not 1.5"), message);
    }
}
