package duet.plan;

import java.util.List;

/**
 * What an evaluation gives out besides losses, ranks and probabilities.
 *
 * @param layers    names of layers; each run leaves what they make in {@link Plan.Outputs#layers()}
 * @param projected a layer's name, or null: what the host writes into {@link Plan.Inputs#features()} is projected from this layer back to
 *                  the image, into {@link Plan.Outputs#projection()} (Zeiler and Fergus 2013, section 2.1); on one device only
 */
public record Requests(List<String> layers, String projected) {
    public static final Requests NONE = new Requests(List.of(), null);

    public Requests {
        layers = List.copyOf(layers);
    }

    /** What some layers make. */
    public static Requests layers(List<String> names) {
        return new Requests(names, null);
    }

    /** What a layer makes, and the way back from there. */
    public static Requests projection(String layer) {
        return new Requests(List.of(layer), layer);
    }
}
