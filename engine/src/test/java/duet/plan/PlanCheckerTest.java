package duet.plan;

import static duet.plan.EditedPlans.TOWERS;
import static duet.plan.EditedPlans.edited;
import static duet.plan.EditedPlans.first;
import static duet.plan.EditedPlans.launches;
import static duet.plan.EditedPlans.stream;
import static duet.plan.EditedPlans.with;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

import duet.device.Layout;
import duet.device.Operation;
import duet.device.Region;
import duet.device.Region.Area;
import duet.device.Step;
import duet.device.StreamSteps;
import duet.device.StreamSteps.Kind;
import duet.device.Tensor;
import duet.device.Tensor.Role;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.converter.ConvertWith;
import org.junit.jupiter.params.provider.CsvSource;

/** Sound plans pass; each fault that is put into one is found. */
class PlanCheckerTest {
    private static void assertFound(String part, Plan plan) {
        List<String> faults = PlanChecker.check(plan);
        assertTrue(faults.stream().anyMatch(fault -> fault.contains(part)), "\"" + part + "\" is not in " + faults);
    }

    @ParameterizedTest
    @CsvSource({
            "alexnet, ONE_DEVICE, TRAINING", "alexnet, ONE_DEVICE, EVALUATION", "alexnet, TWO_TOWERS, TRAINING",
            "alexnet, TWO_TOWERS, EVALUATION",
            "alexnet-small, ONE_DEVICE, TRAINING", "alexnet-small, ONE_DEVICE, EVALUATION", "alexnet-small, TWO_TOWERS, TRAINING",
            "alexnet-small, TWO_TOWERS, EVALUATION",
    })
    void soundPlans(String network, @ConvertWith(Placements.Named.class) Placement placement, Mode mode) {
        assertEquals(List.of(), PlanChecker.check(AlexNetPlanTest.plan(network, placement, mode)));
    }

    /** A copy must wait for the sender's data, and the receiver's compute stream for the copy. */
    @Test
    void everyWaitForDataIsNeeded() {
        Map<Integer, Integer> recordedBy = new HashMap<>();
        for (int i = 0; i < TOWERS.streams().size(); i++) {
            for (Step step : TOWERS.streams().get(i).steps()) {
                if (step instanceof Step.Record record) {
                    recordedBy.put(record.event(), i);
                }
            }
        }
        int tried = 0;
        for (int i = 0; i < TOWERS.streams().size(); i++) {
            StreamSteps stream = TOWERS.streams().get(i);
            for (int j = 0; j < stream.steps().size(); j++) {
                if (stream.steps().get(j) instanceof Step.Wait wait) {
                    StreamSteps recorder = TOWERS.streams().get(recordedBy.get(wait.event()));
                    boolean data = stream.kind() == Kind.COPY ? recorder.device() != stream.device() : recorder.device() == stream.device();
                    if (data) {
                        int place = j;
                        assertFalse(PlanChecker.check(edited(i, steps -> steps.remove(place))).isEmpty(),
                                stream.label() + " " + j);
                        tried++;
                    }
                }
            }
        }
        assertEquals(2 * 2 * 7, tried);
    }

    @Test
    void everyRecordIsNeeded() {
        int tried = 0;
        for (int i = 0; i < TOWERS.streams().size(); i++) {
            for (int j = 0; j < TOWERS.streams().get(i).steps().size(); j++) {
                if (TOWERS.streams().get(i).steps().get(j) instanceof Step.Record record) {
                    int place = j;
                    assertFound("waits for event " + record.event() + ", which nobody records",
                            edited(i, steps -> steps.remove(place)));
                    tried++;
                }
            }
        }
        assertEquals(2 * 2 * 7, tried);
    }

    @Test
    void eventRecordedTwice() {
        int stream = stream(0, Kind.COMPUTE);
        int record = first(stream, Step.Record.class::isInstance);
        assertFound("is recorded a second time at", edited(stream, steps -> steps.add(steps.get(record))));
    }

    @Test
    void deadlock() {
        int stream = stream(1, Kind.COPY);
        int record = first(stream, Step.Record.class::isInstance);
        assertFound("a deadlock",
                edited(stream, steps -> steps.addFirst(new Step.Wait(((Step.Record) steps.get(record)).event()))));
    }

    /** Of two steps side by side the second of which reads what the first alone has written. */
    @Test
    void swappedSteps() {
        int tried = 0;
        for (int i = 0; i < TOWERS.streams().size(); i++) {
            List<Step> steps = TOWERS.streams().get(i).steps();
            for (int j = 0; j + 1 < steps.size(); j++) {
                if (steps.get(j) instanceof Step.Launch one && steps.get(j + 1) instanceof Step.Launch other) {
                    List<Step> earlier = steps.subList(0, j);
                    boolean needed = one.operation().writes().stream().anyMatch(tensor -> tensor.role() == Role.TRANSIENT
                            && other.operation().reads().contains(tensor)
                            && earlier.stream()
                                    .noneMatch(step -> step instanceof Step.Launch before && before.operation().writes().contains(tensor)));
                    if (needed) {
                        int place = j;
                        assertFound("is read before it is written", edited(i, list -> list.add(place, list.remove(place + 1))));
                        tried++;
                    }
                }
            }
        }
        assertTrue(tried > 40, tried + " pairs");
    }

    /** A copy that comes too late in its stream: another event then covers for its own. */
    @Test
    void recordBeforeTheCopy() {
        int stream = stream(0, Kind.COPY);
        int copy = first(stream, Step.Copy.class::isInstance);
        assertFound("no event orders", edited(stream, steps -> steps.add(copy, steps.remove(copy + 1))));
    }

    @Test
    void whatOneStepUsesMustNotOverlap() {
        int tried = 0;
        for (StreamSteps stream : TOWERS.streams()) {
            for (Step step : stream.steps()) {
                List<Tensor> tensors = Liveness.tensors(step).stream().distinct().filter(tensor -> !tensor.role().persistent()).toList();
                for (int i = 0; step instanceof Step.Launch && i + 1 < tensors.size(); i++) {
                    Region moved = new Region(Area.TRANSIENT, TOWERS.regions().get(tensors.get(i + 1)).offset(),
                            TOWERS.regions().get(tensors.get(i)).bytes());
                    assertFound("share memory while both are in use", with(tensors.get(i), moved));
                    tried++;
                }
            }
        }
        assertTrue(tried > 100, tried + " pairs");
    }

    @Test
    void persistentTensorsMustNotOverlap() {
        Plan.Parameter parameter = TOWERS.parameters().getFirst();
        assertFound("share memory while both are in use", with(parameter.momentum().getFirst().tensor(),
                TOWERS.regions().get(parameter.parts().getFirst().tensor())));
    }

    @Test
    void inputsLiveForTheWholeRun() {
        Tensor labels = TOWERS.inputs().getFirst().labels();
        Tensor late = TOWERS.regions().keySet().stream()
                .filter(tensor -> tensor.name().equals("conv1.weight.gradient") && tensor.device() == labels.device()).findFirst()
                .orElseThrow();
        assertFound("share memory while both are in use", with(labels, TOWERS.regions().get(late)));
    }

    @Test
    void workspaceInUse() {
        int stream = stream(0, Kind.COMPUTE);
        int launch = first(stream, step -> launches(step, Operation.ConvolutionForward.class));
        assertFound("share memory while both are in use", edited(stream, steps -> {
            Operation operation = ((Step.Launch) steps.get(launch)).operation();
            steps.set(launch, new Step.Launch(operation, TOWERS.regions().get(operation.writes().getFirst())));
        }));
    }

    @Test
    void workspaceMissing() {
        List<String> faults = PlanChecker.check(TOWERS, MemoryPlannerTest.PADDED);
        assertTrue(faults.stream().anyMatch(fault -> fault.contains("needs a workspace of 1000001 bytes")), faults.toString());
    }

    @Test
    void regions() {
        Tensor tensor = TOWERS.outputs().getFirst().losses();
        long end = TOWERS.transientBytes().getFirst();
        assertFound("of an area of " + end + " bytes", with(tensor, new Region(Area.TRANSIENT, Region.align(end), 256)));
        assertFound("not at a multiple of 256", with(tensor, new Region(Area.TRANSIENT, 8, 256)));
        assertFound("needs 16 bytes, but has 12",
                with(tensor, new Region(Area.TRANSIENT, TOWERS.regions().get(tensor).offset(), 12)));
        assertFound("lies in the area PERSISTENT", with(tensor, new Region(Area.PERSISTENT, 0, 256)));
        Map<Tensor, Region> regions = new HashMap<>(TOWERS.regions());
        regions.remove(tensor);
        assertFound("has no memory", with(TOWERS.streams(), regions));
    }

    @Test
    void foreignMemory() {
        int stream = stream(0, Kind.COMPUTE);
        int loss = first(stream, step -> launches(step, Operation.SoftmaxCrossEntropy.class));
        assertFound("of another device", edited(stream, steps -> {
            Operation.SoftmaxCrossEntropy own = (Operation.SoftmaxCrossEntropy) ((Step.Launch) steps.get(loss)).operation();
            steps.set(loss, new Step.Launch(new Operation.SoftmaxCrossEntropy(own.layer(), own.logits(), TOWERS.inputs().get(1).labels(),
                    own.losses(), own.ranks(), null, own.inputGradient()), null));
        }));
    }

    @Test
    void copies() {
        int stream = stream(0, Kind.COPY);
        int place = first(stream, Step.Copy.class::isInstance);
        Step.Copy copy = (Step.Copy) TOWERS.streams().get(stream).steps().get(place);
        Tensor other = TOWERS.outputs().getFirst().losses();
        assertFound("does not fit into", edited(stream, steps -> steps.set(place, new Step.Copy("x", copy.from(), other))));
        assertFound("stays on one device", edited(stream, steps -> steps.set(place, new Step.Copy("x", copy.to(), copy.to()))));
        assertFound("must run on the copy stream",
                edited(stream, steps -> steps.set(place, new Step.Copy("x", copy.to(), copy.from()))));
        assertFound("computes on a copy stream", edited(stream,
                steps -> steps.add(new Step.Launch(new Operation.Scale("x", copy.to(), copy.to(), 1), null))));
    }

    @Test
    void updates() {
        int stream = stream(1, Kind.COMPUTE);
        int place = first(stream, step -> launches(step, Operation.SgdUpdate.class));
        assertFound("is updated 0 times in a plan for TRAINING", edited(stream, steps -> steps.remove(place)));
        assertFound("is updated 2 times", edited(stream, steps -> steps.add(place, steps.get(place))));
        assertFound("uses the momentum or learning rate of something else", edited(stream, steps -> {
            Operation.SgdUpdate update = (Operation.SgdUpdate) ((Step.Launch) steps.get(place)).operation();
            steps.set(place, new Step.Launch(
                    new Operation.SgdUpdate(update.layer(), update.gradient(), update.weight(), update.momentum(), update.rateIndex() - 1),
                    null));
        }));
    }

    @Test
    void checksAndOutputs() {
        int stream = stream(1, Kind.COMPUTE);
        int check = first(stream, step -> launches(step, Operation.FiniteCheck.class));
        assertFound("conv1 is checked 0 times", edited(stream, steps -> steps.remove(check)));
        int loss = first(stream, step -> launches(step, Operation.SoftmaxCrossEntropy.class));
        assertFound("is an output, but nothing writes it", edited(stream, steps -> steps.remove(loss)));
        assertFound("but its role is INPUT", edited(stream, steps -> {
            Tensor labels = TOWERS.inputs().get(1).labels();
            steps.add(new Step.Launch(new Operation.Scale("x", labels, labels, 2), null));
        }));
    }

    @Test
    void parts() {
        List<Plan.Parameter> parameters = new ArrayList<>(TOWERS.parameters());
        Plan.Parameter first = parameters.getFirst();
        parameters.set(0, new Plan.Parameter(first.name(), first.layer(), first.bias(), first.sizes(),
                List.of(first.parts().get(0), new Plan.Part(first.parts().get(1).tensor(), 0, 0)), first.momentum()));
        assertFound("its parts do not make up", new Plan(TOWERS.network(), TOWERS.placement(), TOWERS.mode(), TOWERS.batch(), parameters,
                TOWERS.inputs(), TOWERS.outputs(), TOWERS.streams(), TOWERS.regions(), TOWERS.persistentBytes(), TOWERS.transientBytes(),
                TOWERS.preparedBytes(),
                TOWERS.checkedLayers()));
    }

    @Test
    void ids() {
        Tensor losses = TOWERS.outputs().getFirst().losses();
        Map<Tensor, Region> regions = new HashMap<>(TOWERS.regions());
        regions.put(new Tensor(losses.id(), "double", 0, losses.format(), Role.TRANSIENT, 1, 1, 1, 1), new Region(Area.TRANSIENT, 0, 256));
        assertFound("have the same id", with(TOWERS.streams(), regions));
    }

    @Test
    void checkAgainstTheLayoutThatWillRunIt() {
        Plan plan = Planner.plan(TOWERS.network(), TOWERS.placement(), Mode.TRAINING, 4, new StoredImages(28, 28), true,
                MemoryPlannerTest.PADDED);
        assertEquals(List.of(), PlanChecker.check(plan, MemoryPlannerTest.PADDED));
        assertEquals(List.of(), PlanChecker.check(plan, Layout.PLAIN));
    }
}
