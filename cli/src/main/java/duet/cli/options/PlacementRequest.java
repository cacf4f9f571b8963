package duet.cli.options;

import java.util.ArrayList;
import java.util.List;

import duet.cli.output.CommandFailure;
import duet.plan.Placement;
import duet.plan.PlanComparison;
import duet.text.Text;

/**
 * What --parts and --rounds ask of the devices that there are.
 *
 * @param devices   of all processes
 * @param there     who has them, in words, such as {@code 2 processes have 4}
 * @param processes that have them
 * @param parts     null for one for each device, or each group
 * @param rounds    null for one
 */
record PlacementRequest(int devices, String there, int processes, Integer parts, Integer rounds) {
    private static final int PAIR = 2;

    /** On these devices, or on those that a placement with another number needs. */
    Placement placement(Way way) {
        return switch (way) {
            case ONE -> Placement.ONE_DEVICE;
            case TOWERS -> Placement.TWO_TOWERS;
            case HALVES -> Placement.HALVES;
            case DATA -> CommandFailure.checked(() -> Placement.data(devices, partsOf(devices)));
            case HYBRID -> hybrid(devices, partsOf(devices));
            case DATA_TOWERS -> groups(Placement.TWO_TOWERS);
            case DATA_HALVES -> groups(Placement.HALVES);
            case DATA_HYBRID -> {
                int each = groupSize(way);
                if (each == 1) {
                    throw CommandFailure
                            .usage("--placement data,hybrid makes a group of the devices of each process, but each has one; name "
                                    + "several --devices, or leave it at --placement hybrid");
                }
                yield groups(hybrid(each, each));
            }
        };
    }

    private int partsOf(int units) {
        return parts == null ? units : parts;
    }

    private Placement hybrid(int count, int pieces) {
        return CommandFailure.checked(() -> Placement.hybrid(count, pieces, rounds == null ? 1 : rounds));
    }

    /** Devices of a group: of {@code data,hybrid} those of a process, or two where there is but one; 1 where there are no groups. */
    private int groupSize(Way way) {
        return switch (way) {
            case ONE, TOWERS, HALVES, DATA, HYBRID -> 1;
            case DATA_TOWERS, DATA_HALVES -> PAIR;
            case DATA_HYBRID -> processes > 1 ? devices / processes : PAIR;
        };
    }

    private Placement groups(Placement shared) {
        if (devices % shared.devices() != 0) {
            throw CommandFailure.usage("--placement data," + shared.label() + " needs groups of " + shared.devices() + " devices, but "
                    + there);
        }
        int count = devices / shared.devices();
        return CommandFailure.checked(() -> Placement.data(shared, count, partsOf(count)));
    }

    /** Checks that the options have a meaning for a placement. */
    void check(Way way, Placement placement, boolean named) {
        if (parts != null && !way.parts()) {
            throw CommandFailure
                    .usage("--parts are those of a batch with --placement data or hybrid, or of groups such as data,towers, not "
                            + placement.label());
        }
        if (rounds != null && !way.rounds()) {
            throw CommandFailure.usage("--rounds are those of --placement hybrid or data,hybrid, not " + placement.label());
        }
        if (named && placement.devices() != devices) {
            Way grouped = way.grouped();
            throw CommandFailure.usage("--placement " + placement.label() + " needs " + Text.count(placement.devices(), "device") + ", but "
                    + there
                    + (grouped != null && devices % placement.devices() == 0 ? "; --placement " + grouped + " makes groups of them" : ""));
        }
    }

    /** All that could be compared, groups where there are several. */
    List<Placement> all() {
        int pieces = partsOf(devices);
        List<Placement> all = new ArrayList<>(
                CommandFailure.checked(() -> PlanComparison.placements(devices, pieces, rounds == null ? 1 : rounds)));
        for (Way way : Way.values()) {
            int size = groupSize(way);
            int count = devices / size;
            if (size > 1 && count > 1 && devices % size == 0 && Placement.goesOn(count, partsOf(count))) {
                if (way.rounds() && rounds != null && rounds > 1) {
                    all.add(new PlacementRequest(devices, there, processes, parts, null).placement(way));
                }
                all.add(placement(way));
            }
        }
        return all;
    }
}
