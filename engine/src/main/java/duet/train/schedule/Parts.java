package duet.train.schedule;

import java.util.Set;

import duet.json.Nullable;
import duet.plan.Placement;

/**
 * How a training cuts its batches, which decides in which order gradients are added: a training that goes on with the same parts, on
 * however many devices or processes, has the same bits.
 *
 * @param placement label of a placement with parts, such as {@code data}, {@code hybrid} or {@code data,towers}
 * @param parts     of a batch
 * @param rounds    of the fully connected layers
 * @param group     devices of a group of {@code data,hybrid}, which are the parts of its outputs; null for another placement
 */
public record Parts(String placement, int parts, int rounds, @Nullable Integer group) {
    private static final String GROUPED_HYBRID = "data,hybrid";
    /** Labels of placements whose parts may be more than the devices. */
    private static final Set<String> FREE = Set.of("data", "hybrid", "data,towers", "data,halves", GROUPED_HYBRID);

    /**
     * {@return the parts of a placement; null where it has a part for each of its devices, so that nothing is to be remembered}
     *
     * @param placement of a training
     */
    public static Parts of(Placement placement) {
        String label = placement.label();
        return !FREE.contains(label) ? null
                : new Parts(label, label.equals("hybrid") ? placement.lanes() : placement.replicas(), placement.rounds(),
                        label.equals(GROUPED_HYBRID) ? placement.group().devices() : null);
    }

    /** {@return in words, such as {@code 4 parts of hybrid in 2 rounds}} */
    public String words() {
        return parts + (parts == 1 ? " part of " : " parts of ") + placement + (group == null ? "" : " in groups of " + group)
                + (rounds == 1 ? "" : " in " + rounds + " rounds");
    }
}
