package duet.train.schedule;

import java.util.Set;

import duet.plan.Placement;

/**
 * How a training cuts its batches, which decides in which order gradients are added: a training that goes on with the same parts, on
 * however many devices or processes, has the same bits.
 *
 * @param placement {@code data} or {@code hybrid}
 * @param parts     of a batch
 * @param rounds    of the fully connected layers
 */
public record Parts(String placement, int parts, int rounds) {
    /** Labels of placements whose parts may be more than the devices. */
    private static final Set<String> FREE = Set.of("data", "hybrid");

    /**
     * {@return the parts of a placement; null where it has a part for each of its devices, so that nothing is to be remembered}
     *
     * @param placement of a training
     */
    public static Parts of(Placement placement) {
        return FREE.contains(placement.label()) ? new Parts(placement.label(), placement.lanes(), placement.rounds()) : null;
    }

    /** {@return in words, such as {@code 4 parts of hybrid in 2 rounds}} */
    public String words() {
        return parts + (parts == 1 ? " part of " : " parts of ") + placement + (rounds == 1 ? "" : " in " + rounds + " rounds");
    }
}
