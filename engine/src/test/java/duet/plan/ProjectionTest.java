package duet.plan;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Collections;
import java.util.List;
import java.util.stream.Stream;

import duet.device.Layout;
import duet.device.Operation;
import duet.device.Step;
import duet.model.Networks;
import duet.net.Layer;
import duet.net.Network;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

/** The steps of the way back from a layer to the image. */
class ProjectionTest {
    private static Plan plan(Network network, String layer) {
        return Planner.plan(network, Placement.ONE_DEVICE, Mode.EVALUATION, 2, new StoredImages(256, 256), true, Requests.projection(layer),
                Layout.PLAIN);
    }

    private static List<Operation> operations(Plan plan) {
        return plan.streams().stream().flatMap(stream -> stream.steps().stream()).filter(Step.Launch.class::isInstance)
                .map(step -> ((Step.Launch) step).operation()).toList();
    }

    private static List<String> kinds(Plan plan, String... which) {
        return operations(plan).stream().map(Operation::kind).filter(List.of(which)::contains).toList();
    }

    static Stream<Network> chains() {
        return Networks.names().stream().map(Networks::create).filter(Network::isChain);
    }

    /** Nothing is chosen or added where no value has several users: a chain's projection is made of its layers' own steps alone. */
    @ParameterizedTest(name = "{index}") // networks are long in words
    @MethodSource("chains")
    void chainsHaveNothingToChoose(Network network) {
        List<Layer> layers = network.layers();
        for (Layer layer : layers.subList(0, layers.size() - 1)) {
            assertEquals(List.of(), kinds(plan(network, layer.name()), "Stronger", "Add", "AddToSlice"), layer::name);
        }
    }

    @Test
    void theWayBackOfAChain() {
        List<Operation> operations = operations(plan(Networks.create("alexnet"), "conv3"));
        assertEquals(List.of("Scale", "ConvolutionBackwardData", "MaxPoolBackward", "ActivationForward", "ConvolutionBackwardData",
                "MaxPoolBackward", "ActivationForward", "ConvolutionBackwardData", "Scale"),
                operations.subList(operations.size() - 9, operations.size()).stream().map(Operation::kind).toList());
    }

    /** Of each whole Inception module on the way three of four branches are dropped. */
    @ParameterizedTest
    @CsvSource({"googlenet-small, inception-2a, 1", "googlenet-small, inception-3b, 4", "googlenet-small, inception-3b-pool-proj, 3",
            "googlenet, inception-3a-5x5, 0", "googlenet, inception-5b, 9", "googlenet, scores, 9"})
    void modulesChooseBetweenFourBranches(String name, String layer, int modules) {
        Plan plan = plan(Networks.create(name).withoutAuxiliary(), layer);
        assertEquals(Collections.nCopies(3 * modules, "Stronger"), kinds(plan, "Stronger", "Add", "AddToSlice"));
        assertEquals(List.of(), PlanChecker.check(plan));
    }

    /** A gradient is the sum of what all users give back: who chooses instead drops some of it. */
    @Test
    void noTrainingChooses() {
        Plan plan = Planner.plan(Networks.create("googlenet-small"), Placement.ONE_DEVICE, Mode.TRAINING, 2, new StoredImages(32, 32), true,
                Layout.PLAIN);
        assertEquals(List.of(), kinds(plan, "Stronger"));
        Plan chooses = new PlanMutants(plan).operations(Operation.Add.class, add -> add.layer().equals("inception-3b-1x1")
                ? List.of(new Operation.Stronger(add.layer(), add.left(), add.right(), add.output())) : List.of())
                .findFirst().orElseThrow().plan();
        String fault = PlanChecker.check(chooses).getFirst();
        assertTrue(fault.startsWith("Stronger of inception-3b-1x1 on device 0 drops one of the gradient that inception-3b-1x1 gives its "
                + "input (") && fault.contains(" and (the gradient that inception-3b-"), fault);
    }

    /** So that it stays where the others are only as strong. */
    @Test
    void theFirstUserIsTheLeftOneOfTheLastChoice() {
        Plan plan = plan(Networks.create("googlenet-small").withoutAuxiliary(), "inception-2a");
        List<Operation> choices = operations(plan).stream().filter(Operation.Stronger.class::isInstance).toList();
        assertEquals(List.of("inception-2a-5x5-reduce", "inception-2a-3x3-reduce", "inception-2a-1x1"),
                choices.stream().map(Operation::layer).toList());
        Operation.Stronger last = (Operation.Stronger) choices.getLast();
        assertTrue(last.left().name().startsWith("inception-2a-1x1") && last.output().equals(last.left()), last::toString);
    }
}
