package duet.train.output;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;

import duet.net.Network;
import duet.net.Shape;
import duet.train.schedule.TrainingState;

/**
 * A network with its weights and, when it comes from a training, all that is needed to go on with it. A safetensors file:
 * tensors {@code conv1.weight}, {@code conv1.bias}, {@code momentum.conv1.weight}, ..., {@code input.mean}
 * [channels][stored height][stored width], with colour noise {@code input.colours} [axis][channel]
 * ({@link duet.data.PrincipalColours#deviations}); everything else is JSON in the metadata.
 *
 * @param network    with its weights in {@code tensors}
 * @param classNames a label is an index into them
 * @param stored     size of the images that it was trained on
 * @param tensors    by name, canonical order
 * @param state      null for a bare model
 */
public record Checkpoint(Network network, List<String> classNames, Shape stored, Map<String, float[]> tensors, TrainingState state) {
    /** Name of the mean image. */
    public static final String MEAN = "input.mean";
    /** Name of the principal colours of the training set, there if the training has colour noise: [axis][channel], in levels. */
    public static final String COLOURS = "input.colours";

    /**
     * Reads a checkpoint. A damaged file is a {@link duet.train.schedule.TrainingException} or a {@link duet.model.SafetensorsException};
     * in a folder it is passed over, with a warning to the system's log.
     *
     * @param path a checkpoint file, or a training's output folder (its latest good checkpoint)
     * @return the checkpoint
     */
    public static Checkpoint read(Path path) {
        return read(path, message -> System.getLogger(Checkpoint.class.getName()).log(System.Logger.Level.WARNING, message));
    }

    /**
     * Reads a checkpoint, and says what is wrong with others.
     *
     * @param path    a checkpoint file, or a training's output folder (its latest good checkpoint)
     * @param warning told in a sentence of each damaged checkpoint of a folder that was passed over
     * @return the checkpoint
     * @throws duet.train.schedule.TrainingException if there is none, naming the file or folder
     */
    public static Checkpoint read(Path path, Consumer<String> warning) {
        return Files.isDirectory(path) ? OutputFolder.readLatest(path, warning) : CheckpointFile.read(path);
    }

    /**
     * Writes to a temporary file beside it, syncs, renames. A failure is a {@link duet.train.schedule.TrainingException} that names the
     * file and the reason; then whatever was there before is unharmed. Parameters that are not finite are never written.
     *
     * @param file replaced if it is there
     */
    public void write(Path file) {
        CheckpointFile.write(file, network, classNames, stored, state, tensors::get);
    }
}
