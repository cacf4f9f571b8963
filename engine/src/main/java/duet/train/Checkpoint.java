package duet.train;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;

import duet.net.Network;
import duet.net.Shape;

/**
 * A network with its weights and, when it comes from a training, all that is needed to go on with it. A safetensors file:
 * tensors {@code conv1.weight}, {@code conv1.bias}, {@code momentum.conv1.weight}, ..., {@code input.mean} [channels][stored height][stored width];
 * everything else is JSON in the metadata.
 *
 * @param tensors    by name, canonical order
 * @param classNames a label is an index into them
 * @param state      null for a bare model
 */
public record Checkpoint(Network network, List<String> classNames, Shape stored, Map<String, float[]> tensors, TrainingState state) {

    /** @param path a checkpoint file, or a training's output folder (its latest good checkpoint) */
    public static Checkpoint read(Path path) {
        throw new IllegalStateException("replaced by the train package");
    }

    /** Writes to a temporary file beside it, syncs, renames. */
    public void write(Path file) {
        throw new IllegalStateException("replaced by the train package");
    }
}
