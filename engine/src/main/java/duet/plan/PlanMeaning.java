package duet.plan;

import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

import duet.device.Operation;
import duet.device.Step;
import duet.net.Layer;
import duet.net.Layer.Pooling.Kind;
import duet.plan.HappensBefore.Point;

/**
 * The part of {@link PlanChecker} about what the numbers mean. It follows a run step by step, and knows of each tensor not its numbers but
 * what they are: which images, channels and rows of which layer's value, gradient or share of a sum ({@link Content}, {@link Term}). So
 * it proves that each layer sees just what its output is computed from, that sums are complete and added up in the order of
 * {@link Sums}, that updates come from complete gradients, and that the host gets what it asks for. One order of the steps stands for
 * all, since accesses that matter to each other are ordered.
 *
 * <p>What it compares with is the {@link Network} alone and what the plan tells the host: it does not ask how the placement has shared
 * out the work. Two things it cannot know: whether dropout was wanted, if no layer does any, and by how much stored images are scaled, if
 * all are alike. The way back of a projection ({@link Requests#projected()}) is no gradient; what is computed from the host's features is
 * not looked at.
 */
final class PlanMeaning {
    private final Plan plan;
    private final Contents contents;
    private final HostMeaning host;
    private final ForwardMeaning forward;
    private final BackwardMeaning backward;
    private final MovedMeaning moved;
    private final Set<String> faults = new LinkedHashSet<>();

    private PlanMeaning(Plan plan) {
        this.plan = plan;
        Terms terms = new Terms(plan.network(), plan.placement().group().lanes(), plan.placement().rounds(),
                plan.placement().replicas());
        Expected expected = new Expected(plan.network(), plan.mode() == Mode.TRAINING, dropout(plan), terms);
        contents = new Contents(expected, terms);
        host = new HostMeaning(plan, expected, terms, contents);
        forward = new ForwardMeaning(expected, terms, contents);
        backward = new BackwardMeaning(plan, expected, terms, contents, forward);
        moved = new MovedMeaning(expected, terms, contents);
    }

    /**
     * What is wrong, a sentence each.
     *
     * @param plan  sound in every other respect
     * @param order of its steps
     */
    static List<String> check(Plan plan, List<Point> order) {
        return new PlanMeaning(plan).run(order);
    }

    /** Whether any dropout layer does something: then all must. */
    private static boolean dropout(Plan plan) {
        Map<String, Layer> layers = new HashMap<>();
        plan.network().layers().forEach(layer -> layers.put(layer.name(), layer));
        return plan.streams().stream().flatMap(stream -> stream.steps().stream()).anyMatch(step -> step instanceof Step.Launch launch
                && (launch.operation() instanceof Operation.Dropout || launch.operation() instanceof Operation.Scale scale
                        && layers.get(scale.layer()) instanceof Layer.Dropout && scale.factor() != 1));
    }

    private List<String> run(List<Point> order) {
        attempt("the plan ", host::written);
        for (Point point : order) {
            switch (plan.streams().get(point.stream()).steps().get(point.step())) {
                case Step.Launch launch -> launch(launch.operation(), plan.streams().get(point.stream()).device());
                case Step.Copy copy -> {
                    if (!contents.known(copy.from()) || !attempt("the copy to " + copy.to() + " ",
                            () -> contents.put(copy.to(), contents.of(copy.from())))) {
                        contents.forget(copy.to());
                    }
                }
                case Step.Record _,Step.Wait _ -> {}
            }
        }
        if (faults.isEmpty()) {
            attempt("the plan ", host::read);
        }
        return List.copyOf(faults);
    }

    private boolean attempt(String who, Runnable what) {
        try {
            what.run();
            return true;
        } catch (MeaningException e) {
            faults.add(who + e.getMessage());
            return false;
        }
    }

    /** Of what is computed from something unknown nothing is said: a fault is told once. */
    private void launch(Operation operation, int device) {
        boolean known = operation.reads().stream().allMatch(contents::known);
        String who = operation.kind() + " of " + operation.layer() + " on device " + device + " ";
        if (!known || !attempt(who, () -> apply(operation))) {
            operation.writes().forEach(contents::forget);
        }
    }

    private void apply(Operation operation) {
        Contents.check(inPlace(operation) || operation.writes().stream().noneMatch(operation.reads()::contains),
                () -> "overwrites what it reads");
        switch (operation) {
            case Operation.PrepareInput op -> forward.prepare(op);
            case Operation.ConvolutionForward op -> forward.convolution(op);
            case Operation.ConvolutionBackwardData op -> backward.convolutionData(op);
            case Operation.ConvolutionBackwardWeights op -> backward.convolutionWeights(op);
            case Operation.FullyConnectedForward op -> forward.fullyConnected(op);
            case Operation.FullyConnectedBackwardData op -> backward.fullyConnectedData(op);
            case Operation.FullyConnectedBackwardWeights op -> backward.fullyConnectedWeights(op);
            case Operation.ActivationForward op -> forward.activation(op);
            case Operation.ActivationBackward op -> backward.activation(op);
            case Operation.ResponseNormForward op -> forward.norm(op);
            case Operation.ResponseNormBackward op -> backward.norm(op);
            case Operation.SpatialNormForward op -> forward.norm(op);
            case Operation.SpatialNormBackward op -> backward.norm(op);
            case Operation.MaxPoolForward op -> forward.pooling(op.layer(), Kind.MAX, op.geometry(), op.input(), op.output(), op.winners());
            case Operation.MaxPoolBackward op -> backward.pooling(op.layer(), Kind.MAX, op.geometry(), op.winners(), op.outputGradient(),
                    op.inputGradient());
            case Operation.AveragePoolForward op -> forward.pooling(op.layer(), Kind.AVERAGE, op.geometry(), op.input(), op.output(), null);
            case Operation.AveragePoolBackward op -> backward.pooling(op.layer(), Kind.AVERAGE, op.geometry(), null, op.outputGradient(),
                    op.inputGradient());
            case Operation.Dropout op -> backward.dropout(op);
            case Operation.Scale op -> forward.scale(op);
            case Operation.SoftmaxCrossEntropy op -> backward.loss(op);
            case Operation.Gather op -> moved.gather(op);
            case Operation.Slice op -> moved.slice(op);
            case Operation.AddToSlice op -> moved.addToSlice(op);
            case Operation.Add op -> moved.add(op);
            case Operation.Stronger op -> throw moved.stronger(op);
            case Operation.FiniteCheck op -> host.checked(op);
            case Operation.SgdUpdate op -> backward.update(op);
            case Operation.FilterRenormalise op -> backward.scaleBack(op);
        }
    }

    /** What may write where it reads, element by element. */
    private static boolean inPlace(Operation operation) {
        return operation instanceof Operation.ActivationForward || operation instanceof Operation.ActivationBackward
                || operation instanceof Operation.Dropout || operation instanceof Operation.Scale || operation instanceof Operation.Add
                || operation instanceof Operation.AddToSlice || operation instanceof Operation.Stronger
                || operation instanceof Operation.SgdUpdate
                || operation instanceof Operation.FilterRenormalise;
    }
}
