package duet.pictures;

import java.awt.image.BufferedImage;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.function.Function;

import duet.data.Dataset;
import duet.net.Layer;
import duet.net.Network;
import duet.train.output.Checkpoint;
import duet.train.schedule.TrainingException;
import duet.use.Activations;
import duet.use.Evaluation;

/**
 * Pictures of a trained network, as PNG files or to be put elsewhere. What goes wrong with a file is a {@link TrainingException} that names
 * it.
 */
public final class PictureOf {
    private PictureOf() {}

    /**
     * Draws the filters of the first convolution (the paper's figure 3): red, green and blue where it sees colours, else grey; the two
     * towers of a network apart.
     *
     * @param file       replaced if it is there
     * @param checkpoint the trained network
     */
    public static void filters(Path file, Checkpoint checkpoint) {
        Network network = checkpoint.network();
        BufferedImage picture = filters(network, checkpoint.tensors()::get);
        if (picture == null) {
            throw new TrainingException(network.name() + ": its first layer is no convolution, so there are no filters to draw");
        }
        Pictures.writeTo(file, picture);
    }

    /**
     * {@return the same picture of a network that need not be a checkpoint yet; null if its first layer with weights is no convolution}
     *
     * @param network    any
     * @param parameters gives a parameter by its name, in canonical order
     */
    public static BufferedImage filters(Network network, Function<String, float[]> parameters) {
        Layer first = network.layers().stream().filter(Layer.Weighted.class::isInstance).findFirst().orElseThrow();
        return first instanceof Layer.Convolution ? FilterSheet.draw(network, parameters.apply(first.name() + ".weight")).image() : null;
    }

    /**
     * {@return which classes are taken for which: a matrix, or with many classes the pairs that were confused most often}
     *
     * @param evaluation only its images, names and confusion count
     */
    public static BufferedImage confusion(Evaluation evaluation) {
        return EvaluationPictures.confusion(evaluation).image();
    }

    /**
     * {@return the images that were taken for something else, the most confident first, each with its class, what it was taken for and how
     * probable that seemed}
     *
     * @param evaluation with the mistakes that are to be shown
     * @param data       what was evaluated
     */
    public static BufferedImage mistakes(Evaluation evaluation, Dataset data) {
        return EvaluationPictures.mistakes(evaluation, data).image();
    }

    /**
     * Draws what a layer makes of one image: a numbered tile for each channel, black for 0.
     *
     * @param file        replaced if it is there
     * @param activations the layer
     * @param values      from {@link Activations#of(Path)}
     */
    public static void activations(Path file, Activations activations, float[] values) {
        Pictures.writeTo(file, ActivationSheet.draw(activations.checkpoint().network(), activations.layer(), values).image());
    }

    /**
     * {@return the channels of a layer with the highest values for an image, the highest first}
     *
     * @param activations the layer
     * @param values      from {@link Activations#of(Path)}
     * @param count       how many at most
     */
    public static List<Integer> strongestChannels(Activations activations, float[] values, int count) {
        return Arrays.stream(ActivationSheet.strongest(activations.shape(), values, count)).boxed().toList();
    }
}
