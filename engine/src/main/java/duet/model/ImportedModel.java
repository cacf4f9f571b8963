package duet.model;

import java.util.List;
import java.util.Map;

import duet.net.Network;
import duet.net.Shape;

/**
 * What a file of another program says. Weights are canonical, but the channels of the first layer are in the file's own order.
 *
 * @param network    what to compute
 * @param classNames null where the file has none
 * @param parameters by name, such as {@code conv1.weight}
 * @param mean       levels that are taken off in the file's order of channels; null where the file says nothing of them
 * @param deviation  levels that pixels are divided by, likewise; null for none
 * @param stored     height and width of the images whose centre the network sees; null where the file does not say
 * @param notes      sentences for people: what was assumed or left out
 */
public record ImportedModel(Network network, List<String> classNames, Map<String, float[]> parameters, MeanLevels mean, float[] deviation,
        Shape stored, List<String> notes) {
    /** Copies the lists. */
    public ImportedModel {
        classNames = classNames == null ? null : List.copyOf(classNames);
        notes = List.copyOf(notes);
    }
}
