package duet.plan;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.Set;
import java.util.function.UnaryOperator;
import java.util.stream.Collectors;
import java.util.stream.Stream;

import duet.device.ConvolutionGeometry;
import duet.device.Layout;
import duet.device.Operation;
import duet.device.Operation.Activation;
import duet.device.Tensor;
import duet.model.Networks;
import duet.net.Initialization;
import duet.net.Layer;
import duet.net.Network;
import duet.net.Node;
import duet.net.Rounding;
import duet.net.Shape;
import duet.plan.PlanMutants.Mutant;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Plans mean what their networks say; each fault that is put into one is found. */
class PlanMeaningTest {
    private static final int BATCH = 4;
    private static final int STORED = 16;
    /** Others than those that the placements' test computes. */
    private static final int FIRST = 100;
    private static final int NETWORKS = 30;
    private static final Placement DATA = Placement.data(2, 4);
    private static final List<Placement> TRAINED = List.of(Placement.ONE_DEVICE, Placement.TWO_TOWERS, DATA,
            Placement.data(Placement.TWO_TOWERS, 2, 2), Placement.data(Placement.HALVES, 1, 2));

    /** Every kind of layer that each placement can cut; what branch-a makes is taken twice, and so are pool1 and join. */
    private static final Network SMALL = new Network("small", new Shape(2, 12, 12), 1, List.of(
            node(convolution("conv1", 8, 3, 1, 1, 0), Network.IMAGE),
            node(new Layer.Nonlinearity("relu1", Activation.RELU), "conv1"),
            node(new Layer.LocalResponseNorm("norm1", 3, 0.1, 0.75, 1, 4), "relu1"),
            node(new Layer.Pooling("pool1", Layer.Pooling.Kind.MAX, 3, 2, 0, Rounding.FLOOR), "norm1"),
            node(convolution("branch-a", 8, 1, 0, 1, 0), "pool1"),
            node(convolution("branch-b", 8, 3, 1, 1, 0), "pool1"),
            node(new Layer.Nonlinearity("tanh", Activation.TANH), "branch-b"),
            node(new Layer.Addition("add"), "branch-a", "tanh"),
            node(new Layer.Concatenation("join"), "add", "branch-a"),
            node(new Layer.Pooling("pool2", Layer.Pooling.Kind.AVERAGE, 3, 2, 1, Rounding.FLOOR), "join"),
            node(new Layer.FullyConnected("aux", 3, true, Initialization.PAPER), "pool2"),
            node(new Layer.SoftmaxCrossEntropy("aux-loss", 0.3), "aux"),
            node(convolution("conv2", 8, 3, 1, 2, 0.01), "pool2"),
            node(new Layer.Dropout("drop1", 0.3, false), "conv2"),
            node(new Layer.FullyConnected("fc", 8, true, Initialization.PAPER), "drop1"),
            node(new Layer.Nonlinearity("relu2", Activation.RELU), "fc"),
            node(new Layer.Dropout("drop2", 0.5, true), "relu2"),
            node(new Layer.Dropout("drop3", 0.2, false), "drop2"),
            node(new Layer.FullyConnected("scores", 3, true, Initialization.PAPER), "drop3"),
            node(new Layer.SoftmaxCrossEntropy("loss"), "scores")));

    private static Node node(Layer layer, String... inputs) {
        return new Node(layer, List.of(inputs));
    }

    private static Layer convolution(String name, int filters, int kernel, int padding, int groups, double maximumRms) {
        return new Layer.Convolution(name, filters, kernel, 1, padding, groups, Rounding.FLOOR, true, Initialization.PAPER, maximumRms);
    }

    private static Plan plan(Network network, Placement placement, Mode mode, int batch, int stored, boolean dropout) {
        List<String> main = network.withoutAuxiliary().layers().stream().map(Layer::name).toList();
        Requests requests = mode == Mode.TRAINING ? Requests.NONE : Requests.layers(main.subList(0, main.size() - 1));
        return Planner.plan(network, placement, mode, batch, new StoredImages(stored, stored), dropout, requests, Layout.PLAIN);
    }

    static Plan small(Placement placement, Mode mode) {
        return plan(SMALL, placement, mode, BATCH, STORED, true);
    }

    private static List<String> faults(Plan plan) {
        return PlanMeaning.check(plan, HappensBefore.of(plan.streams()).order());
    }

    private static void sound(Network network, Placement placement, int batch, int stored) {
        for (Mode mode : Mode.values()) {
            for (boolean dropout : new boolean[] {true, false}) {
                assertEquals(List.of(), faults(plan(network, placement, mode, batch, stored, dropout)),
                        () -> placement + ", " + mode + ", dropout " + dropout + ": " + network);
            }
        }
    }

    static Stream<String> networks() {
        return Networks.names().stream();
    }

    @ParameterizedTest
    @MethodSource("networks")
    void namedNetworks(String name) {
        Network network = Networks.create(name);
        Placements.all().filter(placement -> Planner.canPlace(network, placement)).forEach(placement -> sound(network, placement, 8, 256));
    }

    @Test
    void randomNetworks() {
        for (long seed = 0; seed < NETWORKS; seed++) {
            Network network = RandomNetworks.create(RandomNetworks.SEED * 1000 + FIRST + seed);
            Placements.all().filter(placement -> Planner.canPlace(network, placement))
                    .forEach(placement -> sound(network, placement, BATCH, STORED));
        }
    }

    @Test
    void projections() {
        Plan plan = Planner.plan(SMALL, Placement.ONE_DEVICE, Mode.EVALUATION, BATCH, new StoredImages(STORED, STORED), true,
                Requests.projection("join"), Layout.PLAIN);
        assertEquals(List.of(), faults(plan));
    }

    static Stream<Plan> plans() {
        Stream<Placement> cut = Stream.of(Placement.HALVES, Placement.hybrid(2, 4), Placement.hybrid(2, 2, 2));
        return Stream.concat(TRAINED.stream().map(one -> small(one, Mode.TRAINING)),
                cut.flatMap(one -> Stream.of(small(one, Mode.TRAINING), small(one, Mode.EVALUATION))));
    }

    /** By the other proofs too, which come first in a check but take longer. */
    private static void assertFound(Plan plan, Stream<Mutant> mutants, int least) {
        List<Mutant> list = mutants.toList();
        assertTrue(list.size() >= least, list.size() + " mutants");
        list.forEach(mutant -> assertTrue(!faults(mutant.plan()).isEmpty() || !PlanChecker.check(mutant.plan()).isEmpty(),
                () -> plan.placement() + ", " + plan.mode() + ": " + mutant.words().get()));
    }

    /** Each number of each operation, geometries included, one more and one less; all but the only scale of the images. */
    @ParameterizedTest(name = "{index}") // plans are long in words
    @MethodSource("plans")
    void everyNumberCounts(Plan plan) {
        assertFound(plan, new PlanMutants(plan).numbers(
                operation -> plan.placement().lanes() > 1 || !(operation instanceof Operation.PrepareInput)), 150);
    }

    @ParameterizedTest(name = "{index}") // plans are long in words
    @MethodSource("plans")
    void everyOrderCounts(Plan plan) {
        assertFound(plan, new PlanMutants(plan).orders(), 5);
    }

    @ParameterizedTest(name = "{index}") // plans are long in words
    @MethodSource("plans")
    void everyPromiseCounts(Plan plan) {
        assertFound(plan, new PlanMutants(plan).promises(), 15);
    }

    @ParameterizedTest(name = "{index}") // plans are long in words
    @MethodSource("plans")
    void everyOperationCounts(Plan plan) {
        assertFound(plan, new PlanMutants(plan).missing(), 20);
    }

    /** But for terms, which may be copies of each other; their order has its own test. */
    @ParameterizedTest(name = "{index}") // plans are long in words
    @MethodSource("plans")
    void everyOperandCounts(Plan plan) {
        PlanMutants mutants = new PlanMutants(plan);
        assertFound(plan, Stream.concat(mutants.operands(operation -> !(operation instanceof Operation.Add)), mutants.copies()), 100);
    }

    /** What is said first of each plan with an operation of a layer changed. */
    static <T extends Operation> Set<String> said(Plan plan, Class<T> kind, String layer, UnaryOperator<T> edit) {
        return new PlanMutants(plan).operations(kind, op -> op.layer().equals(layer) ? List.of(edit.apply(op)) : List.of())
                .flatMap(mutant -> faults(mutant.plan()).stream().limit(1)).collect(Collectors.toSet());
    }

    private static Operation.ConvolutionForward with(Operation.ConvolutionForward op, int paddingTop, int outputHeight) {
        ConvolutionGeometry g = op.geometry();
        return new Operation.ConvolutionForward(op.layer(), new ConvolutionGeometry(g.channels(), g.height(), g.width(), g.filters(),
                g.kernel(), g.stride(), g.padding(), g.paddingTop() + paddingTop, g.groups(), g.outputHeight() + outputHeight,
                g.outputWidth()), op.input(), op.weight(), op.bias(), op.output());
    }

    static <T extends Operation> Set<String> missing(Plan plan, Class<T> kind, String layer) {
        return new PlanMutants(plan).missing(op -> kind.isInstance(op) && op.layer().equals(layer))
                .flatMap(mutant -> faults(mutant.plan()).stream().limit(1)).collect(Collectors.toSet());
    }

    static void assertSaid(String sentence, Set<String> faults) {
        assertTrue(faults.contains(sentence), () -> sentence + " is not in " + faults);
    }

    @Test
    void rowsOfOtherDevices() {
        Plan plan = small(Placement.HALVES, Mode.TRAINING);
        assertSaid(
                "ConvolutionForward of branch-b on device 0 sees rows 0 to 3 of its input, but its windows need row 4 for rows 0 to 3 of "
                        + "its output",
                said(plan, Operation.ConvolutionForward.class, "branch-b", op -> with(op, 0, 1)));
        assertSaid("ConvolutionForward of branch-b on device 0 takes rows 0 to 2 and 4, which are no run", said(plan, Operation.Slice.class,
                "branch-b", op -> new Operation.Slice(op.layer(), op.axis(), op.whole(), Math.abs(op.first() - 1), op.part())));
        assertSaid("AddToSlice of branch-b on device 0 adds the gradient that branch-b gives its input over row 3 alone (images 0 to 3, "
                + "channels 0 to 7, row 2) from row 1 of the gradient that branch-b gives its input in rows 0 to 1, the gradient that "
                + "branch-b gives its input over rows 1 to 2 alone in row 2 (images 0 to 3, channels 0 to 7, rows 0 to 2) on",
                said(plan, Operation.AddToSlice.class, "branch-b", op -> new Operation.AddToSlice(op.layer(), op.axis(), op.part(),
                        op.whole(), Math.abs(op.first() - 1))));
        assertSaid("MaxPoolBackward of pool1 on device 1 takes (the gradient that branch-a gives its input + the gradient that branch-b "
                + "gives its input over rows 3 to 4 alone) in row 3, (the gradient that branch-a gives its input + the gradient that "
                + "branch-b gives its input) in row 4 (images 0 to 3, channels 0 to 7, rows 3 to 4), not the gradient of pool1, which is "
                + "(the gradient that branch-a gives its input + the gradient that branch-b gives its input)",
                missing(plan, Operation.AddToSlice.class, "branch-b"));
    }

    @Test
    void channels() {
        Plan plan = small(Placement.TWO_TOWERS, Mode.TRAINING);
        assertSaid(
                "ConvolutionForward of branch-a on device 1 sees channels 4 to 7 and 0 to 3 of pool1, but its outputs 4 to 7 need channels "
                        + "0 to 7",
                said(plan, Operation.Gather.class, "branch-a", op -> new Operation.Gather(op.layer(), op.axis(),
                        op.parts().reversed(), op.whole())));
        assertSaid(
                "FullyConnectedForward of aux on device 0 sees channels 0 to 3 and 12 to 15 of pool2, but its outputs 0 to 2 need channels "
                        + "0 to 7",
                said(plan, Operation.Slice.class, "aux", op -> new Operation.Slice(op.layer(), op.axis(), op.whole(),
                        4 - op.first(), op.part())));
        assertSaid(
                "Gather of join on device 1 joins branch-a (images 0 to 3, channels 4 to 7, rows 0 to 4) and (branch-a + tanh) (images 0 "
                        + "to 3, channels 4 to 7, rows 0 to 4)",
                said(plan, Operation.Gather.class, "join", op -> new Operation.Gather(op.layer(),
                        op.axis(), op.parts().reversed(), op.whole())));
    }

    @Test
    void partsOfWeights() {
        Plan plan = small(Placement.TWO_TOWERS, Mode.TRAINING);
        assertEquals(List.of("ConvolutionForward of conv2 on device 0 takes the bias of outputs 0 to 3, but makes outputs 4 to 7",
                "ConvolutionForward of conv2 on device 1 takes the bias of outputs 4 to 7, but makes outputs 0 to 3"),
                new PlanMutants(plan).parts("conv2.weight").flatMap(mutant -> faults(mutant.plan()).stream())
                        .filter(fault -> fault.startsWith("ConvolutionForward")).sorted().toList());
    }

    /** Of four lanes on two devices the sum is (0 + 1) + (2 + 3). */
    @Test
    void sums() {
        Plan data = small(DATA, Mode.TRAINING);
        String update = "SgdUpdate of conv1 on device 1 takes ";
        String sum = "(the gradient of conv1.bias over image %d alone + the gradient of conv1.bias over image %d alone)";
        String all = " (outputs 0 to 7), not the gradient of conv1.bias";
        assertSaid(update + sum.formatted(2, 3) + all, missing(data, Operation.Add.class, "conv1"));
        assertSaid(update + "(" + sum.formatted(0, 1) + " + " + sum.formatted(3, 2) + ")" + all, said(data, Operation.Add.class, "conv1",
                op -> new Operation.Add(op.layer(), op.right(), op.left(), op.output())));
        assertSaid(update + "(" + sum.formatted(0, 1) + " + " + sum.formatted(2, 2) + ")" + all, said(data, Operation.Add.class, "conv1",
                op -> new Operation.Add(op.layer(), op.left(), op.left(), op.output())));
    }

    @Test
    void contributionsOfAllUsers() {
        Plan plan = small(Placement.ONE_DEVICE, Mode.TRAINING);
        assertEquals(
                Set.of("MaxPoolBackward of pool1 on device 0 takes the gradient that branch-a gives its input (images 0 to 3, channels "
                        + "0 to 7, rows 0 to 4), not the gradient of pool1, which is (the gradient that branch-a gives its input + the "
                        + "gradient that branch-b gives its input)"),
                missing(plan, Operation.Add.class, "branch-a"));
    }

    @Test
    void losses() {
        Plan plan = small(DATA, Mode.TRAINING);
        List<Tensor> labels = plan.inputs().stream().map(Plan.Inputs::labels).toList();
        assertSaid("SoftmaxCrossEntropy of aux-loss on device 1 divides by 4.0, not by 13.333333",
                said(plan, Operation.SoftmaxCrossEntropy.class, "aux-loss", op -> loss(op, op.labels(), 4)));
        assertSaid("SoftmaxCrossEntropy of loss on device 1 takes the scores of image 2, but the labels of image 3",
                said(plan, Operation.SoftmaxCrossEntropy.class, "loss", op -> loss(op, labels.get(labels.indexOf(op.labels()) ^ 1),
                        op.divisor())));
    }

    static Operation.SoftmaxCrossEntropy loss(Operation.SoftmaxCrossEntropy op, Tensor labels, float divisor) {
        return new Operation.SoftmaxCrossEntropy(op.layer(), op.logits(), labels, op.losses(), op.ranks(), op.probabilities(),
                op.inputGradient(), divisor);
    }

    @Test
    void dropout() {
        assertSaid("Dropout of drop1 on device 1 draws for purpose 13 at rate 0.3, times 1.0, from image 0, channel 0 of 8 and row 0 of 3, "
                + "not for purpose 13 at rate 0.3, times 1.0, from image 3, channel 0 of 8 and row 0 of 3",
                said(small(DATA, Mode.TRAINING), Operation.Dropout.class, "drop1", op -> new Operation.Dropout(op.layer(), op.input(),
                        op.output(), op.purpose(), op.rate(), op.scale(), op.totalChannels(), op.firstChannel(), 0, op.firstRow(),
                        op.totalHeight())));
    }

    @Test
    void updates() {
        Plan plan = small(Placement.HALVES, Mode.TRAINING);
        assertSaid(
                "SgdUpdate of conv1 on device 1 takes the gradient of conv1.weight over rows 0 to 5 alone (outputs 0 to 7, inputs 0 to 1), "
                        + "not the gradient of conv1.weight",
                said(plan, Operation.SgdUpdate.class, "conv1", op -> new Operation.SgdUpdate(op.layer(),
                        received(plan, op.gradient()), op.weight(), op.momentum(), op.rateIndex())));
        assertSaid(
                "the plan gives as conv2.weight after its update, scaled back (outputs 0 to 7, inputs 0 to 7) what is conv2.weight after "
                        + "its update (outputs 0 to 7, inputs 0 to 7)",
                missing(plan, Operation.FilterRenormalise.class, "conv2"));
    }

    /** What has come from the other device to be added. */
    private static Tensor received(Plan plan, Tensor gradient) {
        return plan.regions().keySet().stream().filter(tensor -> tensor.name().equals("conv1.received.gradient")
                && tensor.sizes().equals(gradient.sizes()) && tensor.device() == gradient.device()).findFirst().orElseThrow();
    }
}
