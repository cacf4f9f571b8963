package duet.device;

import java.util.List;

/**
 * What one stream of one device does in a run.
 *
 * @param device index of the device
 * @param kind   which of its streams
 * @param steps  in their order
 */
public record StreamSteps(int device, Kind kind, List<Step> steps) {
    /** Copies the list. */
    public StreamSteps {
        steps = List.copyOf(steps);
    }

    /** Each device has one stream of either kind. */
    public enum Kind {
        /** operations */
        COMPUTE,
        /** copies to other devices */
        COPY
    }

    /** {@return the stream in words, such as {@code device 0 copy}} */
    public String label() {
        return "device " + device + " " + kind.name().toLowerCase(java.util.Locale.ROOT);
    }
}
