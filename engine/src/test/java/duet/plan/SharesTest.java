package duet.plan;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.IntSummaryStatistics;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import java.util.stream.IntStream;
import java.util.stream.Stream;

import duet.device.Layout;
import duet.device.Operation;
import duet.device.Step;
import duet.device.StreamSteps;
import duet.device.StreamSteps.Kind;
import duet.device.Tensor;
import duet.plan.PlanMutants.Mutant;
import duet.train.Tiny;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Under data parallelism each device updates a share of the large weights; what can go wrong with that is found. */
class SharesTest {
    /** By layer, how many numbers its weight has; 130 outputs are three blocks, 384 are six, 200 are four. */
    private static final Map<String, Integer> SHARED = Map.of("conv2", 130 * 64 * 9, "grouped", 384 * 65 * 9, "fc3", 200 * 384);
    private static final long FLOP_OF_UPDATE = 5;

    private static final Plan TWO = plan(2, 2, Mode.TRAINING);

    private static Plan plan(int devices, int parts, Mode mode) {
        return Planner.plan(Tiny.wide(), Placement.data(devices, parts), mode, parts, new StoredImages(12, 12), true, Layout.PLAIN);
    }

    /**
     * Momentum and updates once over all devices, not once on each; what travels is what an exchange of whole gradients would be for two.
     */
    @ParameterizedTest
    @CsvSource({"1,8", "2,8", "4,8", "8,8", "3,12", "6,12"})
    void eachNumberIsUpdatedOnce(int devices, int parts) {
        Plan plan = plan(devices, parts, Mode.TRAINING);
        assertEquals(List.of(), PlanChecker.check(plan));
        assertEquals(plan.parameters(), plan(devices, parts, Mode.EVALUATION).parameters());
        PlanSummary summary = PlanSummary.of(plan);
        SHARED.forEach((layer, elements) -> {
            Plan.Parameter weight = plan.parameters().stream().filter(p -> p.name().equals(layer + ".weight")).findFirst().orElseThrow();
            assertEquals((long) elements * devices, weight.parts().stream().mapToLong(part -> part.tensor().elements()).sum());
            assertEquals(1L * elements, weight.momentum().stream().mapToLong(part -> part.tensor().elements()).sum());
            int outputs = weight.sizes().getFirst();
            long most = weight.momentum().stream().mapToLong(part -> part.tensor().batch()).max().orElseThrow();
            assertEquals(Math.min(outputs, Math.ceilDiv(Math.ceilDiv(outputs, 64), devices) * 64), most);
            PlanSummary.Row row = summary.layers().stream().filter(r -> r.name().equals(layer)).findFirst().orElseThrow();
            assertEquals(FLOP_OF_UPDATE * (elements + (long) devices * outputs), row.flop().get(PlanSummary.Phase.UPDATE));
            long travels = copies(plan, layer).filter(copy -> copy.to().format() == Tensor.Format.FILTER)
                    .mapToLong(copy -> copy.to().dataBytes()).sum();
            assertEquals(2L * (devices - 1) * 4 * elements, travels);
        });
    }

    /** Of layers with fewer shares than devices none has two while another has none. */
    @ParameterizedTest
    @CsvSource({"4", "8", "16"})
    void sharesGoRound(int devices) {
        Plan plan = plan(devices, devices, Mode.TRAINING);
        int[] shares = new int[devices];
        SHARED.keySet().forEach(layer -> plan.parameters().stream().filter(parameter -> parameter.name().equals(layer + ".weight"))
                .flatMap(parameter -> parameter.momentum().stream()).forEach(part -> shares[part.tensor().device()]++));
        IntSummaryStatistics each = Arrays.stream(shares).summaryStatistics();
        assertTrue(each.getSum() >= 10 && each.getMax() - each.getMin() <= 1, () -> Arrays.toString(shares));
    }

    private static Stream<Step.Copy> copies(Plan plan, String layer) {
        return plan.streams().stream().flatMap(stream -> stream.steps().stream())
                .flatMap(step -> step instanceof Step.Copy copy && copy.layer().equals(layer) ? Stream.of(copy) : Stream.empty());
    }

    /** Small layers are updated by all. */
    @Test
    void whatIsNotShared() {
        Plan plan = Planner.plan(Tiny.network(), Placement.data(2, 2), Mode.TRAINING, 2, new StoredImages(12, 12), true, Layout.PLAIN);
        plan.parameters().forEach(parameter -> assertEquals(2L * parameter.elements(),
                parameter.momentum().stream().mapToLong(part -> part.tensor().elements()).sum(), parameter.name()));
    }

    /** While weights are handed round the layers below go on: between sending and joining there is another layer's way back. */
    @Test
    void handedRoundMeanwhile() {
        List<Step> steps = TWO.streams().stream().filter(stream -> stream.device() == 0 && stream.kind() == Kind.COMPUTE).findFirst()
                .orElseThrow().steps();
        int updated = place(steps, Operation.SgdUpdate.class, "fc3");
        int joined = place(steps, Operation.Gather.class, "fc3");
        assertTrue(steps.subList(updated, joined).stream().anyMatch(step -> step instanceof Step.Launch(var operation, _, _)
                && operation instanceof Operation.ConvolutionBackwardWeights), () -> steps.subList(updated, joined).toString());
    }

    private static int place(List<Step> steps, Class<? extends Operation> kind, String layer) {
        return IntStream.range(0, steps.size()).filter(i -> steps.get(i) instanceof Step.Launch(var operation, _, _)
                && kind.isInstance(operation) && operation.layer().equals(layer)).findFirst().orElseThrow();
    }

    /** Every operation and copy of the layers in shares missing, every operand another, every order and number changed. */
    @ParameterizedTest
    @CsvSource({"2,4", "3,3"})
    void everyFaultIsFound(int devices, int parts) {
        Plan plan = plan(devices, parts, Mode.TRAINING);
        PlanMutants mutants = new PlanMutants(plan);
        List<Mutant> all = Stream.of(mutants.missing(op -> SHARED.containsKey(op.layer())),
                mutants.operands(op -> updates(op)), mutants.copies(), mutants.orders(),
                mutants.numbers(op -> updates(op)), mutants.promises())
                .flatMap(stream -> stream).toList();
        assertTrue(all.size() > 100, all.size() + " mutants");
        all.forEach(mutant -> assertFalse(PlanChecker.check(mutant.plan()).isEmpty(), () -> mutant.words().get()));
    }

    private static boolean updates(Operation operation) {
        return SHARED.containsKey(operation.layer()) && (operation instanceof Operation.SgdUpdate
                || operation instanceof Operation.FilterRenormalise || operation instanceof Operation.Slice
                || operation instanceof Operation.Gather);
    }

    /** The plan with other steps in the compute stream of device 1. */
    private static Plan edited(Plan plan, Consumer<List<Step>> edit) {
        List<StreamSteps> streams = plan.streams().stream().map(stream -> {
            List<Step> steps = new ArrayList<>(stream.steps());
            if (stream.device() == 1 && stream.kind() == Kind.COMPUTE) {
                edit.accept(steps);
            }
            return new StreamSteps(stream.device(), stream.kind(), steps);
        }).toList();
        return new Plan(plan.network(), plan.placement(), plan.mode(), plan.batch(), plan.parameters(), plan.inputs(), plan.outputs(),
                streams, plan.regions(), plan.persistentBytes(), plan.transientBytes(), plan.preparedBytes(), plan.checkedLayers());
    }

    private static List<String> meaning(Plan plan) {
        return PlanMeaning.check(plan, HappensBefore.of(plan.streams()).order());
    }

    @Test
    void updatedOnce() {
        String momentum = "momentum.fc3.weight@1 72x384x1x1 is updated ";
        assertEquals(List.of(momentum + "0 times in a plan for TRAINING"), PlanChecker.check(edited(TWO,
                steps -> steps.remove(place(steps, Operation.SgdUpdate.class, "fc3")))));
        assertEquals(List.of(momentum + "2 times in a plan for TRAINING"), PlanChecker.check(edited(TWO, steps -> {
            int update = place(steps, Operation.SgdUpdate.class, "fc3");
            steps.add(update, steps.get(update));
        })));
    }

    @Test
    void completeBeforeTheNextRun() {
        String promised = "the plan gives as fc3.weight after its update (outputs 0 to 199, inputs 0 to 383) what is fc3.weight";
        assertEquals(List.of(promised + " (outputs 0 to 199, inputs 0 to 383)"), PlanChecker.check(edited(TWO,
                steps -> steps.remove(place(steps, Operation.Gather.class, "fc3")))));
        assertEquals(List.of(promised + " after its update (outputs 128 to 199 and 0 to 127, inputs 0 to 383)"),
                PlanChecker.check(edited(TWO, steps -> {
                    int joined = place(steps, Operation.Gather.class, "fc3");
                    Operation.Gather gather = (Operation.Gather) ((Step.Launch) steps.get(joined)).operation();
                    steps.set(joined, new Step.Launch(
                            new Operation.Gather(gather.layer(), gather.axis(), gather.parts().reversed(), gather.whole()), null));
                })));
        assertEquals(IntStream.range(0, 2).mapToObj(device -> "Gather of fc3 on device " + device + " joins fc3.weight after its update "
                + "(outputs 0 to 127, inputs 0 to 383) and fc3.weight (outputs 128 to 199, inputs 0 to 383)").toList(),
                meaning(edited(TWO, steps -> steps.remove(place(steps, Operation.SgdUpdate.class, "fc3")))).stream().sorted().toList());
    }

    /** The old weights until the way back is through; the new ones only when they are made. */
    @Test
    void neitherTooEarlyNorTooLate() {
        assertEquals(List.of("FullyConnectedBackwardData of fc3 on device 1 takes fc3.weight after its update (outputs 0 to 199, inputs 0 "
                + "to 383), not fc3.weight"), meaning(edited(TWO, steps -> {
                    Step data = steps.get(place(steps, Operation.FullyConnectedBackwardData.class, "fc3"));
                    steps.add(place(steps, Operation.Gather.class, "fc3") + 1, data);
                })));
        List<String> sentTooEarly = PlanChecker.check(edited(TWO, steps -> {
            int place = place(steps, Operation.SgdUpdate.class, "fc3");
            Step update = steps.remove(place);
            steps.add(place + 1 + steps.subList(place, steps.size()).indexOf(
                    steps.stream().skip(place).filter(Step.Record.class::isInstance).findFirst().orElseThrow()), update);
        }));
        assertTrue(sentTooEarly.stream().anyMatch(fault -> fault.startsWith("fc3.share@1 72x384x1x1: no event orders ")),
                sentTooEarly::toString);
    }

    /** A backend lays out each group by itself, so that the same numbers lie elsewhere in a tensor of other groups. */
    @Test
    void updatedInTheSameGroups() {
        Plan.Parameter weight = weight("grouped.weight");
        Plan.Part second = weight.momentum().getLast();
        Tensor m = second.tensor();
        Tensor grouped = new Tensor(m.id(), m.name(), m.device(), m.format(), m.role(), m.batch(), m.channels(), m.height(), m.width(), 2);
        Plan edited = edited(TWO, steps -> {
            int place = place(steps, Operation.SgdUpdate.class, "grouped");
            Operation.SgdUpdate update = (Operation.SgdUpdate) ((Step.Launch) steps.get(place)).operation();
            assertEquals(m, update.momentum());
            steps.set(place, new Step.Launch(
                    new Operation.SgdUpdate(update.layer(), update.gradient(), update.weight(), grouped, update.rateIndex()), null));
        });
        assertEquals(List.of("SgdUpdate of grouped on device 1 updates 1 groups from 1 with 2"), meaning(with(edited, weight,
                List.of(weight.momentum().getFirst(), new Plan.Part(grouped, second.firstOutput(), second.firstInput())))).subList(0, 1));
    }

    private static Plan.Parameter weight(String name) {
        return TWO.parameters().stream().filter(parameter -> parameter.name().equals(name)).findFirst().orElseThrow();
    }

    /** The plan with other parts of a weight's momentum. */
    private static Plan with(Plan plan, Plan.Parameter weight, List<Plan.Part> momentum) {
        List<Plan.Parameter> parameters = new ArrayList<>(plan.parameters());
        parameters.set(parameters.indexOf(weight), new Plan.Parameter(weight.name(), weight.layer(), weight.bias(), weight.sizes(),
                weight.parts(), momentum));
        return new Plan(plan.network(), plan.placement(), plan.mode(), plan.batch(), parameters, plan.inputs(), plan.outputs(),
                plan.streams(), plan.regions(), plan.persistentBytes(), plan.transientBytes(), plan.preparedBytes(), plan.checkedLayers());
    }

    @Test
    void momentumInParts() {
        Plan.Parameter weight = weight("fc3.weight");
        assertTrue(PlanChecker.check(with(TWO, weight, weight.momentum().subList(0, 1)))
                .contains("fc3.weight: the parts of its momentum do not make up its 76800 elements"));
    }

    /** A backend may store a share in another form than what is no share. */
    @Test
    void copiedAsWhatTheyAre() {
        PlanMutants mutants = new PlanMutants(TWO);
        List<Mutant> others = mutants.copiesOfOtherRoles().toList();
        assertFalse(others.isEmpty());
        others.forEach(
                mutant -> assertTrue(PlanChecker.check(mutant.plan()).stream().anyMatch(fault -> fault.contains("does not fit into")),
                        () -> mutant.words().get()));
    }
}
