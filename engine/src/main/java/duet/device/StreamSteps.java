package duet.device;

import java.util.List;

/** What one stream of one device does in a run. */
public record StreamSteps(int device, Kind kind, List<Step> steps) {
    public StreamSteps {
        steps = List.copyOf(steps);
    }

    /** Each device has one stream of either kind. */
    public enum Kind { COMPUTE, COPY }

    /** Such as {@code device 0 copy}. */
    public String label() {
        return "device " + device + " " + kind.name().toLowerCase(java.util.Locale.ROOT);
    }
}
