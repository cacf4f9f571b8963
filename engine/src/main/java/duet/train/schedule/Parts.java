package duet.train.schedule;

import java.util.Set;
import java.util.TreeSet;

import com.fasterxml.jackson.annotation.JsonInclude;
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
public record Parts(String placement, int parts, int rounds,
        @Nullable @JsonInclude(JsonInclude.Include.NON_NULL) Integer group) {
    private static final String GROUPED_HYBRID = "data,hybrid";
    /** Labels of placements whose parts may be more than the devices. */
    private static final Set<String> FREE = Set.of("data", "hybrid", "data,towers", "data,halves", GROUPED_HYBRID);

    /** Checks what a damaged file may say. */
    public Parts {
        if (!FREE.contains(placement)) {
            throw new IllegalArgumentException("parts are those of " + String.join(", ", new TreeSet<>(FREE)) + ", not of " + placement);
        }
        if (parts < 1 || rounds < 1 || group != null && group < 1) {
            throw new IllegalArgumentException("there are 1 and more parts, rounds and devices of a group, not " + parts + ", " + rounds
                    + " and " + group);
        }
        if (placement.equals(GROUPED_HYBRID) != (group != null)) {
            throw new IllegalArgumentException("of " + GROUPED_HYBRID + ", and of it alone, the devices of a group must be given");
        }
    }

    /**
     * {@return the parts of a placement; null where it has a fixed number, so that nothing is to be remembered}
     *
     * @param placement of a training
     */
    public static Parts of(Placement placement) {
        String label = placement.label();
        return !FREE.contains(label) ? null
                : new Parts(label, placement.parts(), placement.rounds(),
                        label.equals(GROUPED_HYBRID) ? placement.group().devices() : null);
    }

    /**
     * {@return the placement that has these parts}
     *
     * @param units devices, or groups of them
     * @throws duet.net.NetworkException if the parts cannot be shared out among so many
     */
    public Placement on(int units) {
        return switch (placement) {
            case "hybrid" -> Placement.hybrid(units, parts, rounds);
            case "data,towers" -> Placement.data(Placement.TWO_TOWERS, units, parts);
            case "data,halves" -> Placement.data(Placement.HALVES, units, parts);
            case GROUPED_HYBRID -> Placement.data(Placement.hybrid(group, group, rounds), units, parts);
            default -> Placement.data(units, parts);
        };
    }

    /** {@return devices of a group; 1 where each is one by itself} */
    public int devicesOfGroup() {
        return placement.startsWith("data,") ? on(1).group().devices() : 1;
    }

    /**
     * {@return the same in another number of parts}
     *
     * @param number of parts
     */
    public Parts in(int number) {
        return new Parts(placement, number, rounds, group);
    }

    /** {@return in words, such as {@code 4 parts of hybrid in 2 rounds}} */
    public String words() {
        return parts + (parts == 1 ? " part of " : " parts of ") + placement + (group == null ? "" : " in groups of " + group)
                + (rounds == 1 ? "" : " in " + rounds + " rounds");
    }
}
