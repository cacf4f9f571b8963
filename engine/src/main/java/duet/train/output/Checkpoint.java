package duet.train.output;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;

import duet.data.Views;
import duet.model.MeanLevels;
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
        return Files.isDirectory(path) ? OutputFolder.readLatest(path, true, warning) : CheckpointFile.read(path, true);
    }

    /**
     * {@return where the network looks at a stored image: the views' top, left, mirror} Mirrored only if it may have learned from mirrored
     * images: a training without them says so, an imported network does not.
     *
     * @param views which
     */
    public List<int[]> views(Views views) {
        return views.crops(stored, network.input(), state == null || state.options().augmentation().mirror());
    }

    /**
     * {@return this network for stored images of another size} A mean of one level for each channel belongs to images of any size; a mean
     * image belongs to one, and then this is returned as it is.
     *
     * @param size of the images
     */
    public Checkpoint storedAs(Shape size) {
        MeanLevels mean = new MeanLevels(stored, tensors.get(MEAN)).flattened();
        if (size.equals(stored) || size.channels() != stored.channels() || mean.isImage()) {
            return this;
        }
        Map<String, float[]> resized = new LinkedHashMap<>(tensors);
        resized.put(MEAN, mean.over(size));
        return new Checkpoint(network, classNames, size, resized, state);
    }

    /**
     * Reads the checkpoint of a training's best validation: that with the lowest top-1 error.
     *
     * @param path    a training's output folder; or a checkpoint file, which is taken as it is
     * @param warning told in a sentence if that checkpoint is gone and the best that is left is taken
     * @return the checkpoint
     * @throws duet.train.schedule.TrainingException if there is none, naming the file or folder
     */
    public static Checkpoint readBest(Path path, Consumer<String> warning) {
        return Files.isDirectory(path) ? OutputFolder.readBest(path, true, warning) : CheckpointFile.read(path, true);
    }

    /**
     * Reads a network to be used: without the momentum, half of a checkpoint, which only a training that goes on needs.
     *
     * @param path    a training's output folder, or a checkpoint file
     * @param best    whether of a folder the checkpoint of the best validation is read, as by {@link #readBest}; else the latest good one
     * @param warning told in a sentence of a checkpoint that was passed over
     * @return the checkpoint; a training cannot go on from it
     * @throws duet.train.schedule.TrainingException if there is none, naming the file or folder
     */
    public static Checkpoint readTrained(Path path, boolean best, Consumer<String> warning) {
        return !Files.isDirectory(path) ? CheckpointFile.read(path, false)
                : best ? OutputFolder.readBest(path, false, warning) : OutputFolder.readLatest(path, false, warning);
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
