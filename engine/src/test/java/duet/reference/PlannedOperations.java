package duet.reference;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.IntStream;

import duet.device.Layout;
import duet.device.Operation;
import duet.device.Step;
import duet.device.StreamSteps;
import duet.device.Tensor;
import duet.model.Networks;
import duet.net.Network;
import duet.plan.Mode;
import duet.plan.Placement;
import duet.plan.Placements;
import duet.plan.Planner;
import duet.plan.StoredImages;

/** What device 0 computes for a named network under every placement and mode: each operation once for each set of shapes. */
final class PlannedOperations {
    /**
     * Larger tensors are left out, which are the weights of fc6 and fc7: drawing and converting them takes minutes, and the fully
     * connected trials of random shapes and fc8 go the same ways through the kernels.
     */
    private static final long LARGEST = 5_000_000;
    private static final long LARGEST_ELEMENTWISE = 2_000_000;

    private PlannedOperations() {}

    /** Each operation with one of the batches, in turn from a drawn one on: all with each would take too long. */
    static List<Operation> ofBatches(String name, int least, int most) {
        List<List<Operation>> batches = IntStream.rangeClosed(least, most).mapToObj(batch -> of(name, batch)).toList();
        int first = Seed.random(Seed.get()).nextInt(batches.size());
        return IntStream.range(0, batches.getFirst().size()).mapToObj(i -> batches.get((first + i) % batches.size()).get(i)).toList();
    }

    private static List<Operation> of(String name, int batch) {
        Network network = name.equals("alexnet") ? Networks.create(name, 3, 1000) : Networks.create(name, 1, 10);
        StoredImages stored = new StoredImages(network.input().height() + 5, network.input().width() + 4);
        Map<String, Operation> distinct = new LinkedHashMap<>();
        for (Placement placement : Placements.ANY_BATCH) {
            for (Mode mode : Mode.values()) {
                for (StreamSteps stream : Planner.plan(network, placement, mode, batch, stored, true, Layout.PLAIN).streams()) {
                    for (Step step : stream.steps()) {
                        if (stream.device() == 0 && step instanceof Step.Launch launch && fits(launch.operation())) {
                            Operation operation = anonymous(launch.operation());
                            distinct.putIfAbsent(operation.toString().replaceAll("layer=[^,]*,|purpose=\\d+|Index=\\d+|index=\\d+", ""),
                                    operation);
                        }
                    }
                }
            }
        }
        return new ArrayList<>(distinct.values());
    }

    private static boolean fits(Operation operation) {
        boolean elementwise = operation instanceof Operation.SgdUpdate || operation instanceof Operation.FiniteCheck;
        List<Tensor> tensors = new ArrayList<>(operation.reads());
        tensors.addAll(operation.writes());
        return tensors.stream().allMatch(tensor -> tensor.elements() <= (elementwise ? LARGEST_ELEMENTWISE : LARGEST));
    }

    /** Tensors numbered and named by their place in the operation, so that equal shapes make equal operations. */
    private static Operation anonymous(Operation operation) {
        Map<Tensor, Tensor> renamed = new HashMap<>();
        Operation bound = Rebinding.rebind(operation, tensor -> renamed.computeIfAbsent(tensor, t -> new Tensor(renamed.size(),
                t.format().name().toLowerCase(Locale.ROOT) + renamed.size(), 0, t.format(), t.role(), t.batch(), t.channels(),
                t.height(), t.width(), t.groups())));
        // One check fills one of several status words; here there is one.
        return !(bound instanceof Operation.FiniteCheck check) ? bound : new Operation.FiniteCheck(check.layer(), check.tensor(),
                new Tensor(renamed.size(), "status", 0, Tensor.Format.INTEGERS, Tensor.Role.OUTPUT, 1, 1, 1, 1), 0);
    }
}
