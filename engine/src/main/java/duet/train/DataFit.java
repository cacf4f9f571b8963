package duet.train;

import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.IntStream;

import duet.data.Dataset;
import duet.data.RelabelledDataset;
import duet.data.Split;
import duet.model.TrainedModel;
import duet.net.Network;
import duet.net.Shape;
import duet.train.output.Checkpoint;
import duet.train.schedule.TrainingException;
import duet.train.schedule.TrainingState;

/** Whether data and network go together. */
public final class DataFit {
    private static final Pattern WNID = Pattern.compile("n\\d{8}\\b");

    private static final int MOST_NAMED = 12;

    private DataFit() {}

    /**
     * Checks that a network can be trained on data.
     *
     * @param network to be trained
     * @param data    both parts
     * @throws TrainingException in a sentence that says what does not fit
     */
    public static void require(Network network, Split data) {
        require(network, data.training());
        if (data.validation().size() > 0) {
            require(network, data.validation());
            requireStored(data.training().stored(), data.validation());
            requireClasses(data.training().classNames(), data.validation());
        }
    }

    /** Whether the training of a checkpoint can go on with these data. */
    static void requireResumable(Checkpoint checkpoint, Split data) {
        TrainingState state = checkpoint.state();
        Dataset training = data.training();
        if (state == null) {
            throw new TrainingException("the checkpoint is a bare model without the state of a training, so nothing can be resumed");
        }
        require(checkpoint.network(), data);
        requireStored(checkpoint.stored(), training);
        requireClasses(checkpoint.classNames(), training);
        if (state.images() != training.size()) {
            throw new TrainingException(training.description() + ": the training to be resumed had " + state.images()
                    + " training images, now there are " + training.size());
        }
    }

    /**
     * Checks that a network fits the images and the number of classes of a data set.
     *
     * @param network any
     * @param data    may be empty
     * @throws TrainingException in a sentence that says what does not fit
     */
    public static void require(Network network, Dataset data) {
        if (data.size() > 0 && data.classNames().size() != network.classes()) {
            throw new TrainingException(data.description() + ": has " + data.classNames().size() + " classes, but " + network.name()
                    + " has " + network.classes());
        }
        requireImages(network, data);
    }

    /**
     * Checks that a network can look at the images, whatever their classes.
     *
     * @param network any
     * @param data    the images
     * @throws TrainingException in a sentence that says what does not fit
     */
    public static void requireImages(Network network, Dataset data) {
        Shape stored = data.stored();
        Shape input = network.input();
        if (data.size() == 0) {
            throw new TrainingException(data.description() + ": holds no images");
        }
        if (stored.channels() != input.channels()) {
            throw new TrainingException(data.description() + ": images have " + stored.channels() + " channel(s), but " + network.name()
                    + " takes " + input.channels());
        }
        if (stored.height() < input.height() || stored.width() < input.width()) {
            throw new TrainingException(data.description() + ": images are " + stored.height() + "x" + stored.width() + ", but "
                    + network.name() + " takes " + input.height() + "x" + input.width() + "; they must not be smaller");
        }
    }

    /**
     * Checks that the images have the size that a mean image belongs to.
     *
     * @param stored size of the mean image
     * @param data   the images
     * @throws TrainingException if they have another size
     */
    public static void requireStored(Shape stored, Dataset data) {
        if (!data.stored().equals(stored)) {
            throw new TrainingException(data.description() + ": images are stored as " + data.stored()
                    + ", but the mean image belongs to images of " + stored + "; use images of that size");
        }
    }

    /**
     * Checks that a label means the same class to the data as to whoever else counts on these names.
     *
     * @param names a label is an index into them
     * @param data  whose names are compared
     * @throws TrainingException naming the first difference
     */
    public static void requireClasses(List<String> names, Dataset data) {
        for (int label = 0; label < names.size(); label++) {
            if (!sameClass(label, names.get(label), data.classNames().get(label))) {
                throw new TrainingException(data.description() + ": class " + label + " is " + data.classNames().get(label)
                        + ", but the network was trained with " + names.get(label)
                        + " in its place; use data with its classes in their order, "
                        + "or for an imported network './duet import' with --classes");
            }
        }
    }

    /**
     * {@return images with the labels of a network's classes, found by name} Data need not have all classes, nor in the same order; a class
     * of which only the number is known counts by its place.
     *
     * @param names of the network's classes
     * @param data  to be classified
     * @throws TrainingException naming a class that the network has not
     */
    public static Dataset labelled(List<String> names, Dataset data) {
        if (sameClasses(names, data.classNames())) {
            return data;
        }
        List<Integer> labels = new ArrayList<>();
        for (String name : data.classNames()) {
            int label = (int) IntStream.range(0, names.size()).takeWhile(i -> !sameName(names.get(i), name)).count();
            if (label == names.size()) {
                String known = String.join(", ", names.subList(0, Math.min(MOST_NAMED, names.size())))
                        + (names.size() > MOST_NAMED ? " and " + (names.size() - MOST_NAMED) + " more" : "");
                throw new TrainingException(data.description() + ": has the class " + name + ", which the network does not know; it has "
                        + known);
            }
            labels.add(label);
        }
        return new RelabelledDataset(data, names, labels);
    }

    /** Labels mean the same classes. */
    static boolean sameClasses(List<String> one, List<String> other) {
        return one.size() == other.size()
                && IntStream.range(0, one.size()).allMatch(label -> sameClass(label, one.get(label), other.get(label)));
    }

    /** ILSVRC's classes are {@code n01440764 tench, Tinca tinca} from its archives and {@code n01440764} as folders. */
    private static boolean sameName(String one, String other) {
        Matcher first = WNID.matcher(one);
        Matcher second = WNID.matcher(other);
        return one.equals(other) || first.lookingAt() && second.lookingAt() && first.group().equals(second.group());
    }

    /** Imported networks often come without names. */
    private static boolean sameClass(int label, String one, String other) {
        return sameName(one, other) || one.equals(TrainedModel.numbered(label)) || other.equals(TrainedModel.numbered(label));
    }
}
