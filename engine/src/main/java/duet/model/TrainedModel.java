package duet.model;

import java.util.List;
import java.util.Map;

import duet.net.Network;

/**
 * What other programs exchange: a network, its weights, what is taken off the pixels first.
 *
 * @param network    what to compute
 * @param classNames a label is an index into them
 * @param parameters by name ({@code conv1.weight} [filters][channels / groups][kernel][kernel], {@code fc6.weight} [outputs][inputs],
 *                   {@code conv1.bias}), for pixels in the order red, green, blue
 * @param mean       levels (0 to 255), red first
 */
public record TrainedModel(Network network, List<String> classNames, Map<String, float[]> parameters, MeanLevels mean) {
    /** Throws a {@link ModelFileException} if there are not as many names as classes. */
    public TrainedModel {
        classNames = List.copyOf(classNames);
        if (classNames.size() != network.classes()) {
            throw new ModelFileException("there are %d names of classes, but %s has %d classes".formatted(
                    classNames.size(), network.name(), network.classes()));
        }
    }

    /**
     * {@return what a class is called of which only the label is known}
     *
     * @param label index of the class
     */
    public static String numbered(int label) {
        return "class " + label;
    }
}
