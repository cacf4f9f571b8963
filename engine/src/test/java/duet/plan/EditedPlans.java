package duet.plan;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import java.util.function.Predicate;

import duet.device.Operation;
import duet.device.Region;
import duet.device.Step;
import duet.device.StreamSteps;
import duet.device.StreamSteps.Kind;
import duet.device.Tensor;

/** A plan of two towers that trains, and copies of it with a change somewhere. */
final class EditedPlans {
    static final Plan TOWERS = AlexNetPlanTest.plan("alexnet-small", Placement.TWO_TOWERS, Mode.TRAINING);

    private EditedPlans() {}

    static Plan with(List<StreamSteps> streams) {
        return with(streams, TOWERS.regions());
    }

    static Plan with(List<StreamSteps> streams, Map<Tensor, Region> regions) {
        return new Plan(TOWERS.network(), TOWERS.placement(), TOWERS.mode(), TOWERS.batch(), TOWERS.parameters(), TOWERS.inputs(),
                TOWERS.outputs(), streams, regions, TOWERS.persistentBytes(), TOWERS.transientBytes(), TOWERS.preparedBytes(),
                TOWERS.checkedLayers());
    }

    static Plan with(Tensor tensor, Region region) {
        Map<Tensor, Region> regions = new HashMap<>(TOWERS.regions());
        regions.put(tensor, region);
        return with(TOWERS.streams(), regions);
    }

    static Plan edited(int stream, Consumer<List<Step>> edit) {
        List<StreamSteps> streams = new ArrayList<>(TOWERS.streams());
        List<Step> steps = new ArrayList<>(streams.get(stream).steps());
        edit.accept(steps);
        streams.set(stream, new StreamSteps(streams.get(stream).device(), streams.get(stream).kind(), steps));
        return with(streams);
    }

    static int stream(int device, Kind kind) {
        for (int i = 0; i < TOWERS.streams().size(); i++) {
            if (TOWERS.streams().get(i).device() == device && TOWERS.streams().get(i).kind() == kind) {
                return i;
            }
        }
        throw new AssertionError();
    }

    static int first(int stream, Predicate<Step> which) {
        List<Step> steps = TOWERS.streams().get(stream).steps();
        return steps.indexOf(steps.stream().filter(which).findFirst().orElseThrow());
    }

    static boolean launches(Step step, Class<? extends Operation> kind) {
        return step instanceof Step.Launch launch && kind.isInstance(launch.operation());
    }
}
