package duet.plan;

import java.util.List;

import duet.net.Network;
import duet.net.NetworkException;

/** Which part of a layer's work each device does, for tables. */
public enum Sharing {
    /** There is one device, or each does all of it. */
    WHOLE,
    /** Each device makes its half of the channels from what it holds. */
    HALF,
    /** Each device makes its half of the outputs from both halves of the inputs, which are exchanged first. */
    HALF_OF_BOTH,
    /** Each device multiplies its half of the inputs, and the sums are exchanged. */
    PARTIAL_SUMS,
    /** The first device does it and hands out the result. */
    FIRST_DEVICE;

    /**
     * {@return for each layer which part of its work each device does}
     *
     * @param network   any
     * @param placement where it is computed
     * @throws NetworkException if the network cannot be cut as the placement asks
     */
    public static List<Sharing> of(Network network, Placement placement) {
        return Division.divide(network, placement).stream().map(division -> of(division, placement)).toList();
    }

    private static Sharing of(Division division, Placement placement) {
        return switch (division.work()) {
            case LOCAL -> division.inputSplit() ? HALF : WHOLE;
            case GROUPS -> HALF;
            case OUTPUTS -> placement == Placement.ONE_DEVICE ? WHOLE : division.gathers() ? HALF_OF_BOTH : HALF;
            case INPUTS -> PARTIAL_SUMS;
            case FIRST_DEVICE -> FIRST_DEVICE;
        };
    }
}
