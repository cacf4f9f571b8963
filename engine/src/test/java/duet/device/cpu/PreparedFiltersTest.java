package duet.device.cpu;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.LongStream;
import java.util.stream.Stream;

import duet.bindings.cpu.DuetCpu;
import duet.device.Arithmetic;
import duet.device.Backend;
import duet.device.Backends;
import duet.device.ConvolutionChoice;
import duet.device.CpuOptions;
import duet.device.Operation;
import duet.device.Precision;
import duet.device.Program;
import duet.device.RunParameters;
import duet.device.Storage;
import duet.device.Tensor;
import duet.net.Initialization;
import duet.net.Layer;
import duet.net.Network;
import duet.net.Rounding;
import duet.net.Shape;
import duet.plan.Mode;
import duet.plan.Placement;
import duet.plan.Placements;
import duet.plan.Plan;
import duet.plan.Planner;
import duet.plan.StoredImages;
import org.junit.jupiter.api.parallel.Isolated;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Programs that only read the filters keep them in another form, and notice when they have changed. */
@Isolated("the bytes that the process holds are counted")
class PreparedFiltersTest {
    private static final int BATCH = 2;

    static Stream<Arguments> waysToCompute() {
        return Stream.of(ConvolutionChoice.values())
                .flatMap(choice -> Stream.of(Precision.FP32, Precision.BF16, Precision.BF16_EVERYWHERE).flatMap(precision -> Placements
                        .anyBatch().map(placement -> Arguments.of(new CpuOptions(2, new Arithmetic(choice, precision)), placement))));
    }

    private static Network network() {
        Initialization start = Initialization.PAPER;
        return Network.chain("prepared", new Shape(2, 12, 12), 1 / 64.0, List.of(
                new Layer.Convolution("conv1", 32, 3, 1, 1, 1, Rounding.FLOOR, true, start),
                new Layer.Nonlinearity("relu1", Operation.Activation.RELU),
                new Layer.Convolution("conv2", 64, 5, 1, 2, 2, Rounding.FLOOR, true, start),
                new Layer.Nonlinearity("relu2", Operation.Activation.RELU),
                new Layer.Convolution("conv3", 32, 3, 1, 1, 1, Rounding.FLOOR, true, start),
                new Layer.FullyConnected("fc4", 16, true, start), new Layer.Nonlinearity("relu4", Operation.Activation.RELU),
                new Layer.FullyConnected("fc5", 4, true, start), new Layer.SoftmaxCrossEntropy("loss")));
    }

    /** A backend with a training program, an evaluation that stays, and evaluations made anew; all share the parameters. */
    private static final class Bed implements AutoCloseable {
        final Backend backend;
        final Plan training;
        final Plan evaluation;
        final Storage persistent;
        final Storage scratch;
        final Program trainer;
        final Program evaluator;

        Bed(CpuOptions options, Placement placement) {
            backend = Backends.open(placement.equals(Placement.ONE_DEVICE) ? "cpu" : "cpu,cpu", options);
            training = plan(placement, Mode.TRAINING);
            evaluation = plan(placement, Mode.EVALUATION);
            persistent = backend.allocate(training.persistentBytes().stream().mapToLong(Long::longValue).toArray());
            scratch = backend.allocate(LongStream.range(0, placement.devices())
                    .map(i -> Math.max(training.transientBytes().get((int) i), evaluation.transientBytes().get((int) i))).toArray());
            trainer = backend.load(training.streams(), training.regions(), persistent, scratch);
            evaluator = load();
        }

        private Plan plan(Placement placement, Mode mode) {
            return Planner.plan(network(), placement, mode, BATCH, new StoredImages(12, 12), true, backend);
        }

        Program load() {
            return backend.load(evaluation.streams(), evaluation.regions(), persistent, scratch);
        }

        /** All parameters anew, by way of one of the programs. */
        void write(Program program, long seed) {
            SplittableRandom random = new SplittableRandom(seed);
            for (Plan.Parameter parameter : training.parameters()) {
                for (Plan.Part part : parameter.parts()) {
                    program.write(part.tensor(), floats(part.tensor(), random));
                }
            }
        }

        /** Runs that write nothing but their inputs: only the run itself changes the parameters. */
        void train() {
            feed(trainer, training);
            float[] rates = new float[training.parameters().size()];
            Arrays.fill(rates, 0.05f);
            trainer.run(new RunParameters(1, 0, rates, new float[rates.length], 0.9f));
        }

        float[] evaluate(Program program) {
            feed(program, evaluation);
            program.run(RunParameters.NONE);
            float[] losses = new float[BATCH];
            program.read(evaluation.outputs().getFirst().losses(), losses);
            return losses;
        }

        /** The evaluation that was there before the change says the same as one made after it, and not what it said before. */
        float[] requireNoticed(float[] before) {
            float[] now = evaluate(evaluator);
            try (Program fresh = load()) {
                assertArrayEquals(evaluate(fresh), now, 0);
            }
            assertFalse(Arrays.equals(before, now), "nothing has changed");
            return now;
        }

        /** Not the mean, which outlives a run as the parameters do. */
        private static void feed(Program program, Plan plan) {
            for (Plan.Inputs inputs : plan.inputs()) {
                byte[] images = new byte[(int) inputs.images().elements()];
                new SplittableRandom(6).nextBytes(images);
                program.write(inputs.images(), images);
                program.write(inputs.crops(), new int[3 * BATCH]);
                program.write(inputs.labels(), new int[] {1, 3});
            }
        }

        private static float[] floats(Tensor tensor, SplittableRandom random) {
            float[] values = new float[(int) tensor.elements()];
            for (int i = 0; i < values.length; i++) {
                values[i] = (float) random.nextDouble(-0.2, 0.2);
            }
            return values;
        }

        @Override
        public void close() {
            backend.close();
        }
    }

    @ParameterizedTest
    @MethodSource("waysToCompute")
    void changesAreNoticed(CpuOptions options, Placement placement) {
        try (Bed bed = new Bed(options, placement)) {
            bed.write(bed.evaluator, 1);
            float[] losses = bed.requireNoticed(new float[BATCH]);
            bed.write(bed.evaluator, 2);
            losses = bed.requireNoticed(losses);
            bed.write(bed.trainer, 3);
            losses = bed.requireNoticed(losses);
            bed.train();
            losses = bed.requireNoticed(losses);
            bed.train();
            bed.train();
            losses = bed.requireNoticed(losses);
            assertArrayEquals(losses, bed.evaluate(bed.evaluator), 0);
        }
    }

    /** A program that trains uses the filters as they are, one that does not may use them prepared: both forms give nearly the same. */
    @ParameterizedTest
    @MethodSource("waysToCompute")
    void bothFormsComputeTheSame(CpuOptions options, Placement placement) {
        try (Bed bed = new Bed(options, placement)) {
            bed.write(bed.trainer, 1);
            float[] prepared = bed.evaluate(bed.evaluator);
            Bed.feed(bed.trainer, bed.training);
            bed.trainer.run(
                    new RunParameters(1, 0, new float[bed.training.parameters().size()], new float[bed.training.parameters().size()], 0));
            float[] losses = new float[BATCH];
            bed.trainer.read(bed.training.outputs().getFirst().losses(), losses);
            // Where each chooses its own way to convolve, rounding to bf16 differs.
            boolean same = options.arithmetic().convolutions() != ConvolutionChoice.FASTEST
                    || options.arithmetic().precision() == Precision.FP32;
            assertArrayEquals(losses, prepared, same ? 1e-3f : 0.2f);
        }
    }

    /** What the plan says of the memory is what a program takes, and it goes back with it. */
    @ParameterizedTest
    @MethodSource("waysToCompute")
    void memoryIsPlannedAndGoesBack(CpuOptions options, Placement placement) {
        long empty = DuetCpu.duet_allocated();
        try (Bed bed = new Bed(options, placement)) {
            long planned = bed.evaluation.preparedBytes().stream().mapToLong(Long::longValue).sum();
            boolean prepares = options.arithmetic().convolutions() == ConvolutionChoice.WINOGRAD
                    || options.arithmetic().precision() == Precision.BF16_EVERYWHERE;
            assertTrue(planned > 0 || !prepares, "nothing is prepared, so nothing is tested");
            assertEquals(0, bed.training.preparedBytes().stream().mapToLong(Long::longValue).sum());
            long before = DuetCpu.duet_allocated();
            List<Program> programs = new ArrayList<>();
            for (int i = 1; i <= 3; i++) {
                programs.add(bed.load());
                assertEquals(before + i * planned, DuetCpu.duet_allocated());
            }
            programs.forEach(Program::close);
            assertEquals(before, DuetCpu.duet_allocated());
            bed.load();
        }
        assertEquals(empty, DuetCpu.duet_allocated(), "a program that is closed with its backend");
    }
}
