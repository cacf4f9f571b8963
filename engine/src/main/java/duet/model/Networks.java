package duet.model;

import java.util.List;

import duet.net.Network;

/** The named networks. */
public final class Networks {
    private Networks() {}

    public static List<String> names() {
        throw new IllegalStateException("replaced by the model package");
    }

    /**
     * @param name     {@code alexnet} or {@code alexnet-small}
     * @param channels of the images: 3 for colour, 1 for grey
     * @param classes  outputs of the last fully connected layer
     */
    public static Network create(String name, int channels, int classes) {
        throw new IllegalStateException("replaced by the model package");
    }

    /** In one line, for lists. */
    public static String description(String name) {
        throw new IllegalStateException("replaced by the model package");
    }
}
