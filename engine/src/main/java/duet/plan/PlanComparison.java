package duet.plan;

import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.function.ToLongFunction;

import duet.device.Tensor.Role;
import duet.net.NetworkException;
import duet.plan.PlanSummary.Phase;
import duet.text.Table;
import duet.text.Text;

/**
 * A network under every placement that it allows, in numbers: for a user who chooses.
 *
 * @param rows    one for each placement that can be planned
 * @param refused the others, and why
 */
public record PlanComparison(List<Row> rows, Map<String, String> refused) {
    /**
     * A placement.
     *
     * @param placement      its name for {@code --placement}, and the {@code --rounds} if there are several
     * @param devices        how many
     * @param memoryBytes    of the device that needs most
     * @param parameterBytes parameters on the device that has most of them
     * @param momentumBytes  likewise
     * @param forwardBytes   that the device that receives most in the forward pass of one step receives there
     * @param backwardBytes  likewise
     * @param updateFlop     floating point operations of one update, of the device that has most to update
     * @param busiest        share of the floating point operations of the device that has most to do
     */
    public record Row(String placement, int devices, long memoryBytes, long parameterBytes, long momentumBytes, long forwardBytes,
            long backwardBytes, long updateFlop, double busiest) {}

    /** Copies the list and the map. */
    public PlanComparison {
        rows = List.copyOf(rows);
        refused = Collections.unmodifiableMap(new LinkedHashMap<>(refused));
    }

    /**
     * {@return the placements that there are for a number of devices}
     *
     * @param devices of those that work with any number
     * @param parts   of a batch
     * @param rounds  more than 1: also the hybrid in that many
     */
    public static List<Placement> placements(int devices, int parts, int rounds) {
        List<Placement> all = new ArrayList<>(List.of(Placement.ONE_DEVICE, Placement.TWO_TOWERS, Placement.HALVES,
                Placement.data(devices, parts), Placement.hybrid(devices, parts)));
        if (rounds > 1) {
            all.add(Placement.hybrid(devices, parts, rounds));
        }
        return all;
    }

    /**
     * {@return a comparison}
     *
     * @param placements to compare
     * @param planner    makes a plan, or throws a {@link NetworkException}
     */
    public static PlanComparison of(List<Placement> placements, Function<Placement, Plan> planner) {
        List<Row> rows = new ArrayList<>();
        Map<String, String> refused = new LinkedHashMap<>();
        for (Placement placement : placements) {
            try {
                rows.add(row(placement, PlanSummary.of(planner.apply(placement))));
            } catch (NetworkException e) {
                refused.put(name(placement), e.getMessage());
            }
        }
        return new PlanComparison(rows, refused);
    }

    private static String name(Placement placement) {
        return placement.label() + (placement.rounds() == 1 ? "" : " --rounds " + placement.rounds());
    }

    private static Row row(Placement placement, PlanSummary summary) {
        return new Row(name(placement), placement.devices(), most(summary, PlanSummary.Memory::bytes),
                most(summary, memory -> memory.persistent().getOrDefault(Role.PARAMETER, 0L)),
                most(summary, memory -> memory.persistent().getOrDefault(Role.MOMENTUM, 0L)),
                summary.received(Phase.FORWARD), summary.received(Phase.BACKWARD), most(summary, PlanSummary.Memory::updateFlop),
                summary.busiest());
    }

    private static long most(PlanSummary summary, ToLongFunction<PlanSummary.Memory> what) {
        return summary.devices().stream().mapToLong(what).max().orElseThrow();
    }

    /** {@return a table, and below it why other placements are not in it} */
    public List<String> lines() {
        Table table = new Table("lrrrrrrrr");
        table.row("placement", "devices", "memory", "parameters", "momentum", "in forward", "in backward", "update", "busiest device");
        for (Row row : rows) {
            table.row(row.placement(), Integer.toString(row.devices()), Text.bytes(row.memoryBytes()), Text.bytes(row.parameterBytes()),
                    row.momentumBytes() == 0 ? "" : Text.bytes(row.momentumBytes()),
                    row.forwardBytes() == 0 ? "" : Text.bytes(row.forwardBytes()),
                    row.backwardBytes() == 0 ? "" : Text.bytes(row.backwardBytes()),
                    row.updateFlop() == 0 ? "" : Text.flop(row.updateFlop()), Text.percent(row.busiest()));
        }
        List<String> lines = new ArrayList<>(table.lines());
        lines.add("Each figure is that of the device with most of it; \"in\" is what it receives in a step.");
        refused.forEach((placement, reason) -> lines.add("not " + placement + ": " + reason));
        return lines;
    }
}
