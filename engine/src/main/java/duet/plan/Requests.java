package duet.plan;

import java.util.List;

/**
 * What an evaluation gives out besides losses, ranks and probabilities.
 *
 * @param layers    names of layers; each run leaves what they make in {@link Plan.Outputs#layers()}
 * @param projected a layer's name, or null: what the host writes into {@link Plan.Inputs#features()} is projected from this layer back to
 *                  the image, into {@link Plan.Outputs#projection()} (Zeiler and Fergus 2013, section 2.1), through the strongest
 *                  branch where several meet; on one device only
 */
public record Requests(List<String> layers, String projected) {
    public static final Requests NONE = new Requests(List.of(), null);

    /** Copies the list. */
    public Requests {
        layers = List.copyOf(layers);
    }

    /**
     * {@return a request for what some layers make}
     *
     * @param names of the layers
     */
    public static Requests layers(List<String> names) {
        return new Requests(names, null);
    }

    /**
     * {@return a request for what a layer makes, and the way back from there}
     *
     * @param layer its name
     */
    public static Requests projection(String layer) {
        return new Requests(List.of(layer), layer);
    }
}
