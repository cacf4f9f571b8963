package duet.device.cuda;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.function.Consumer;
import java.util.function.Predicate;

import duet.device.Backend;
import duet.device.Backends;
import duet.device.Layout;
import duet.device.Operation.Activation;
import duet.device.Program;
import duet.device.Region;
import duet.device.RunParameters;
import duet.device.Step;
import duet.device.Storage;
import duet.device.StreamSteps;
import duet.device.Tensor;
import duet.device.cuda.Fault.Outcome;
import duet.net.Initialization;
import duet.net.Layer;
import duet.net.Network;
import duet.net.Rounding;
import duet.net.Shape;
import duet.plan.Mode;
import duet.plan.Placement;
import duet.plan.Plan;
import duet.plan.PlanChecker;
import duet.plan.Planner;
import duet.plan.StoredImages;

/**
 * A plan of a small network on two towers, with exchanges of activations, partial sums and gradients; faults are edits of its streams
 * and regions.
 */
final class PlanBed {
    static final String TWO_CARDS = "virtual:0,virtual:1";
    static final String ONE_CARD = "virtual:0,virtual:0";
    private static final int BATCH = 2;

    final Plan plan;

    private PlanBed(Plan plan) {
        this.plan = plan;
    }

    static PlanBed towers() {
        Initialization start = Initialization.PAPER;
        Network network = Network.chain("towers", new Shape(1, 8, 8), 1 / 64.0, List.of(
                new Layer.Convolution("conv1", 8, 3, 2, 1, 1, Rounding.FLOOR, true, start),
                new Layer.Nonlinearity("relu1", Activation.RELU),
                new Layer.Convolution("conv2", 8, 3, 1, 1, 1, Rounding.FLOOR, true, start),
                new Layer.Nonlinearity("relu2", Activation.RELU),
                new Layer.FullyConnected("fc3", 8, true, start), new Layer.Nonlinearity("relu3", Activation.RELU),
                new Layer.FullyConnected("fc4", 4, true, start), new Layer.SoftmaxCrossEntropy("loss")));
        try (Backend backend = Backends.open(TWO_CARDS, 0)) {
            return new PlanBed(Planner.plan(network, Placement.TWO_TOWERS, Mode.TRAINING, BATCH, new StoredImages(8, 8), true, backend));
        }
    }

    PlanBed with(List<StreamSteps> streams, Map<Tensor, Region> regions) {
        return new PlanBed(
                new Plan(plan.network(), plan.placement(), plan.mode(), plan.batch(), plan.parameters(), plan.inputs(), plan.outputs(),
                        streams, regions, plan.persistentBytes(), plan.transientBytes(), plan.preparedBytes(), plan.checkedLayers()));
    }

    /** With the steps of one stream changed. */
    PlanBed edited(int stream, Consumer<List<Step>> edit) {
        List<StreamSteps> streams = new ArrayList<>(plan.streams());
        List<Step> steps = new ArrayList<>(streams.get(stream).steps());
        edit.accept(steps);
        streams.set(stream, new StreamSteps(streams.get(stream).device(), streams.get(stream).kind(), steps));
        return with(streams, plan.regions());
    }

    PlanBed without(int stream, int step) {
        return edited(stream, steps -> steps.remove(step));
    }

    /** As many plans as there are waits, each without one of them. */
    List<PlanBed> withoutEachWait() {
        List<PlanBed> plans = new ArrayList<>();
        for (int stream = 0; stream < plan.streams().size(); stream++) {
            for (int step = 0; step < steps(stream).size(); step++) {
                if (steps(stream).get(step) instanceof Step.Wait) {
                    plans.add(without(stream, step));
                }
            }
        }
        return plans;
    }

    PlanBed moved(Tensor tensor, Region region) {
        Map<Tensor, Region> regions = new HashMap<>(plan.regions());
        regions.put(tensor, region);
        return with(plan.streams(), regions);
    }

    int stream(int device, StreamSteps.Kind kind) {
        return find(plan.streams(), s -> s.device() == device && s.kind() == kind);
    }

    List<Step> steps(int stream) {
        return plan.streams().get(stream).steps();
    }

    static <T> int find(List<T> list, Predicate<T> which) {
        return list.indexOf(list.stream().filter(which).findFirst().orElseThrow());
    }

    static <T> int findLast(List<T> list, Predicate<T> which) {
        return list.lastIndexOf(list.reversed().stream().filter(which).findFirst().orElseThrow());
    }

    /** What a look at the plan alone finds. */
    List<String> faults() {
        return PlanChecker.check(plan, Layout.PLAIN);
    }

    /** A step of training; the results are the losses and what the weights have become. */
    Outcome run(Backend backend) {
        return Outcome.of(() -> {
            try (Storage weights = backend.allocate(bytes(plan.persistentBytes()));
                    Storage scratch = backend.allocateScratch(bytes(plan.transientBytes()));
                    Program program = backend.load(plan.streams(), plan.regions(), weights, scratch)) {
                plan.parameters().forEach(p -> p.parts().forEach(part -> program.write(part.tensor(), values(part.tensor()))));
                List<byte[]> results = new ArrayList<>();
                plan.inputs().forEach(inputs -> feed(program, inputs));
                float[] rates = new float[plan.parameters().size()];
                Arrays.fill(rates, 0.1f);
                program.run(new RunParameters(1, 0, rates, rates, 0.5f));
                plan.outputs().forEach(outputs -> results.add(read(program, outputs.losses())));
                plan.parameters().forEach(p -> p.parts().forEach(part -> results.add(read(program, part.tensor()))));
                return results;
            }
        });
    }

    private static long[] bytes(List<Long> sizes) {
        return sizes.stream().mapToLong(Long::longValue).toArray();
    }

    private static float[] values(Tensor tensor) {
        SplittableRandom random = new SplittableRandom(tensor.id());
        float[] values = new float[(int) tensor.elements()];
        for (int i = 0; i < values.length; i++) {
            values[i] = (float) random.nextDouble(-0.5, 0.5);
        }
        return values;
    }

    private static void feed(Program program, Plan.Inputs inputs) {
        byte[] images = new byte[(int) inputs.images().elements()];
        new SplittableRandom(5).nextBytes(images);
        program.write(inputs.images(), images);
        program.write(inputs.crops(), new int[3 * BATCH]);
        program.write(inputs.labels(), new int[] {1, 3});
        program.write(inputs.mean(), new float[(int) inputs.mean().elements()]);
    }

    private static byte[] read(Program program, Tensor tensor) {
        float[] values = new float[(int) tensor.elements()];
        program.read(tensor, values);
        ByteBuffer bytes = ByteBuffer.allocate(4 * values.length);
        bytes.asFloatBuffer().put(values);
        return bytes.array();
    }
}
