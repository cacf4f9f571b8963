package duet.net;

import java.util.List;

/**
 * A layer at its place in a network.
 *
 * @param layer  what is computed
 * @param inputs names of the layers whose outputs it takes, in order; {@link Network#IMAGE} is the image itself. Only a
 *               {@link Layer.Concatenation} and a {@link Layer.Addition} have more than one
 */
public record Node(Layer layer, List<String> inputs) {
    /** Copies the list. */
    public Node {
        inputs = List.copyOf(inputs);
    }

    /** {@return the name of its layer} */
    public String name() {
        return layer.name();
    }
}
