package duet.plan;

import java.util.List;

import duet.device.Axis;
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
    FIRST_DEVICE,
    /** Each device makes its share of the rows or of the images. */
    SHARE;

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
        if (placement.replicas() > 1 && placement.group().lanes() == 1) {
            return SHARE;
        }
        return switch (division.work()) {
            case LOCAL, REPLICATED -> division.made().whole() ? WHOLE : division.made().along(Axis.CHANNELS) ? HALF : SHARE;
            case GROUPS -> HALF;
            case OUTPUTS -> division.made().whole() ? WHOLE : division.exchanges() ? HALF_OF_BOTH : HALF;
            case INPUTS -> PARTIAL_SUMS;
            case FIRST_DEVICE -> FIRST_DEVICE;
        };
    }

    /** How a value lies, in words. */
    static String words(Distribution distribution, Placement placement) {
        if (placement.replicas() > 1 && distribution.along(Axis.BATCH)) {
            return share(placement.lanes()) + " the images";
        }
        String lies = lies(distribution, placement.group());
        return placement.replicas() == 1 ? lies : placement.group().lanes() == 1 ? images(placement) : lies + "; " + images(placement);
    }

    /** Of a run of the batch. */
    private static String images(Placement placement) {
        return share(placement.replicas()) + " the images";
    }

    private static String lies(Distribution distribution, Placement placement) {
        if (placement.lanes() == 1) {
            return "device 0";
        }
        return distribution.whole() ? "whole on each" : switch (distribution.axis()) {
            case BATCH -> share(placement) + " the images";
            case ROWS -> share(placement) + " the rows";
            case CHANNELS -> placement.lanes() == 2 ? "halves" : share(placement) + " the channels";
        };
    }

    /** What each lane does of a layer, in words. */
    static String words(Division division, Placement placement) {
        Placement group = placement.group();
        String work = (group.lanes() == 1 ? "device 0" : work(division, group))
                + (division.inRounds() ? ", in " + placement.rounds() + " rounds" : "");
        if (placement.replicas() == 1) {
            return work;
        }
        if (division.made().along(Axis.BATCH)) {
            return words(division.made(), placement) + (division.weighted() ? ": adds gradients" : "");
        }
        return (group.lanes() == 1 ? "" : work + "; ") + images(placement)
                + (division.weighted() && !work.endsWith("adds gradients") ? ": adds gradients" : "");
    }

    private static String work(Division division, Placement placement) {
        String share = share(placement);
        return switch (division.work()) {
            case LOCAL -> lies(division.seen(), placement);
            case OUTPUTS -> share + " the outputs, all inputs" + (division.exchanges() ? ": gathers" : "");
            case GROUPS -> share + " the groups";
            case INPUTS -> share + " the inputs: adds partial sums";
            case FIRST_DEVICE -> "device 0, which hands out";
            case REPLICATED -> lies(division.made(), placement) + (division.made().whole() ? "" : ": adds gradients");
        };
    }

    private static String share(Placement placement) {
        return share(placement.lanes());
    }

    private static String share(int parts) {
        return parts == 2 ? "half" : "1/" + parts + " of";
    }
}
