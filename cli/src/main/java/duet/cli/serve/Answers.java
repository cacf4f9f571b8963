package duet.cli.serve;

import java.util.List;

import duet.net.Shape;
import duet.use.Classifier;

/** What the page is answered in JSON, and what other programs that ask the same paths can rely on. */
public final class Answers {
    private Answers() {}

    /**
     * What GET /models answers.
     *
     * @param models in the order in which they are offered; the first is the one that is chosen at first
     */
    public record Models(List<Model> models) {
        /** Copies the list. */
        public Models {
            models = List.copyOf(models);
        }
    }

    /**
     * A model.
     *
     * @param name    by which it is asked for
     * @param version of its weights, the newest
     * @param network the name of its network
     * @param classes how many
     * @param input   the images that it takes; files of any size are made fit
     * @param state   {@link #READY}, or in a word why it does not answer now
     */
    public record Model(String name, String version, String network, int classes, Input input, String state) {
        /** The state of a model that answers. */
        public static final String READY = "ready";
    }

    /**
     * The size of an image.
     *
     * @param channels 1: grey, 3: red, green, blue
     * @param height   in pixels
     * @param width    in pixels
     */
    public record Input(int channels, int height, int width) {
        /** {@return the size of a network's input} */
        public static Input of(Shape shape) {
            return new Input(shape.channels(), shape.height(), shape.width());
        }
    }

    /**
     * What POST /predict answers.
     *
     * @param image       where it was
     * @param model       that has answered
     * @param version     of its weights
     * @param predictions the most probable class first
     */
    public record Predictions(String image, String model, String version, List<Classifier.Prediction> predictions) {
        /** Copies the list. */
        public Predictions {
            predictions = List.copyOf(predictions);
        }
    }
}
