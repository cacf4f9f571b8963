package duet.plan;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import java.util.stream.LongStream;

import duet.device.RunParameters;
import duet.device.Storage;
import duet.device.Tensor;
import duet.net.Layer;
import duet.net.Network;
import duet.net.Shape;
import duet.reference.PlanRun;
import duet.reference.ReferenceBackend;
import duet.reference.Schedule;
import duet.train.Tiny;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * A network computes the same under any placement and in any order that streams and events allow: random networks on reference
 * devices in double precision, three training steps and an evaluation. -Dduet.seed chooses other networks.
 */
class PlacementEquivalenceTest {
    private static final int NETWORKS = 30;
    private static final int BATCH = 4;
    private static final int STORED = 11;

    static LongStream seeds() {
        System.out.println("random networks from -Dduet.seed=" + RandomNetworks.SEED);
        return LongStream.range(0, NETWORKS).map(i -> RandomNetworks.SEED * 1000 + i);
    }

    @ParameterizedTest
    @MethodSource("seeds")
    void sameResults(long seed) {
        Network network = RandomNetworks.create(seed);
        boolean dropout = seed % 5 != 0;
        Map<String, double[]> one = run(network, Placement.ONE_DEVICE, dropout, seed, Schedule.firstStream());
        List<Placement> others = Placements.all().filter(placement -> Planner.canPlace(network, placement)).toList();
        assertTrue(others.contains(Placement.TWO_TOWERS));
        for (Placement placement : others) {
            Map<String, double[]> cut = run(network, placement, dropout, seed, Schedule.firstStream());
            assertEquals(one.keySet(), cut.keySet());
            one.forEach((name, values) -> {
                double largest = Arrays.stream(values).map(Math::abs).max().orElse(0);
                assertArrayEquals(values, cut.get(name), 1e-9 * Math.max(largest, 1e-3),
                        () -> placement + ": " + name + " of " + network);
            });
        }
        Placement drawn = others.get((int) (seed % others.size()));
        for (Placement placement : List.of(Placement.TWO_TOWERS, drawn)) {
            Plans plans = Plans.of(network, placement, BATCH, dropout);
            Map<String, double[]> first = plans.run(seed, Schedule.firstStream());
            for (Schedule schedule : Schedule.adversarial(seed)) {
                Map<String, double[]> again = plans.run(seed, schedule);
                first.forEach(
                        (name, values) -> assertArrayEquals(values, again.get(name), () -> placement + ": " + name + " of " + network));
            }
        }
    }

    /** The same parts on another number of devices are the same sums. */
    @ParameterizedTest
    @MethodSource("seeds")
    void sameBitsOnAnyNumberOfDevices(long seed) {
        Network network = RandomNetworks.create(seed);
        for (List<Placement> same : List.of(List.of(Placement.data(1, 4), Placement.data(2, 4), Placement.data(4, 4)),
                List.of(Placement.hybrid(1, 4), Placement.hybrid(2, 4), Placement.hybrid(4, 4)),
                List.of(Placement.hybrid(1, 4, 2), Placement.hybrid(2, 4, 2), Placement.hybrid(4, 4, 2)),
                List.of(Placement.hybrid(1, 2, 4), Placement.hybrid(2, 2, 4)), groups(Placement.TWO_TOWERS, 1, 2, 4),
                groups(Placement.HALVES, 1, 2, 4), groups(Placement.hybrid(2, 2), 1, 2), groups(Placement.hybrid(2, 2, 2), 1, 2))) {
            if (Planner.canPlace(network, same.getFirst())) {
                int batch = Math.max(BATCH, Replicas.smallestBatch(same.getFirst()));
                Map<String, double[]> first = run(network, same.getFirst(), batch, true, seed, Schedule.firstStream());
                for (Placement placement : same) {
                    Map<String, double[]> other = run(network, placement, batch, true, seed, Schedule.firstStream());
                    first.forEach(
                            (name, values) -> assertArrayEquals(values, other.get(name), () -> placement + ": " + name + " of " + network));
                }
            }
        }
    }

    private static List<Placement> groups(Placement group, int... groups) {
        int parts = groups[groups.length - 1];
        return Arrays.stream(groups).mapToObj(count -> Placement.data(group, count, parts)).toList();
    }

    /** Shares of updates, of which the random networks are too small to have any. */
    @Test
    void sharesUnderEachSchedule() {
        for (Placement group : List.of(Placement.ONE_DEVICE, Placement.TWO_TOWERS, Placement.HALVES)) {
            Map<String, double[]> one = run(Tiny.wide(), Placement.data(group, 1, 4), true, RandomNetworks.SEED, Schedule.firstStream());
            for (int groups : new int[] {2, 4}) {
                Plans plans = Plans.of(Tiny.wide(), Placement.data(group, groups, 4), BATCH, true);
                for (Schedule schedule : Schedule.adversarial(RandomNetworks.SEED)) {
                    Map<String, double[]> other = plans.run(RandomNetworks.SEED, schedule);
                    one.forEach((name, values) -> assertArrayEquals(values, other.get(name), () -> groups + " groups: " + name));
                }
            }
        }
    }

    private static Map<String, double[]> run(Network network, Placement placement, boolean dropout, long seed, Schedule schedule) {
        return run(network, placement, BATCH, dropout, seed, schedule);
    }

    private static Map<String, double[]> run(Network network, Placement placement, int batch, boolean dropout, long seed,
            Schedule schedule) {
        return Plans.of(network, placement, batch, dropout).run(seed, schedule);
    }

    /** Of a network under a placement; checked. */
    private record Plans(Plan training, Plan evaluation) {
        static Plans of(Network network, Placement placement, int batch, boolean dropout) {
            return new Plans(plan(network, placement, Mode.TRAINING, batch, dropout),
                    plan(network, placement, Mode.EVALUATION, batch, dropout));
        }

        private static Plan plan(Network network, Placement placement, Mode mode, int batch, boolean dropout) {
            try (ReferenceBackend backend = new ReferenceBackend(placement.devices(), Schedule.firstStream())) {
                Requests requests = requests(network, mode);
                Plan plan = Planner.plan(network, placement, mode, batch, new StoredImages(STORED, STORED), dropout, requests, backend);
                assertEquals(List.of(), PlanChecker.check(plan, backend), () -> "plan of " + network);
                assertEquals(plan,
                        Planner.plan(network, placement, mode, batch, new StoredImages(STORED, STORED), dropout, requests, backend));
                return plan;
            }
        }

        /** What every device reports, and all parameters, after training and evaluation. */
        Map<String, double[]> run(long seed, Schedule schedule) {
            try (ReferenceBackend backend = new ReferenceBackend(training.placement().devices(), schedule)) {
                long[] scratchBytes = IntStream.range(0, training.placement().devices())
                        .mapToLong(i -> Math.max(training.transientBytes().get(i), evaluation.transientBytes().get(i))).toArray();
                Storage persistent = backend.allocate(training.persistentBytes().stream().mapToLong(Long::longValue).toArray());
                Storage scratch = backend.allocateScratch(scratchBytes);
                PlanRun trainer = new PlanRun(training, backend.load(training.streams(), training.regions(), persistent, scratch));
                PlanRun evaluator = new PlanRun(evaluation, backend.load(evaluation.streams(), evaluation.regions(), persistent, scratch));
                SplittableRandom random = new SplittableRandom(seed);
                for (Plan.Parameter parameter : training.parameters()) {
                    trainer.write(parameter, random.doubles(parameter.elements(), -0.5, 0.5).toArray());
                }
                float[] mean = new float[Math.toIntExact(training.inputs().getFirst().mean().elements())];
                for (int i = 0; i < mean.length; i++) {
                    mean[i] = (float) random.nextDouble(100, 150);
                }
                Map<String, double[]> results = new LinkedHashMap<>();
                for (int step = 0; step < 3; step++) {
                    feed(training, trainer, mean, random);
                    trainer.run(parameters(training, step));
                    results.put("losses " + step, losses(trainer));
                }
                feed(evaluation, evaluator, mean, random);
                evaluator.run(RunParameters.NONE);
                results.put("evaluation losses", losses(evaluator));
                requests(evaluation.network(), Mode.EVALUATION).layers()
                        .forEach(layer -> results.put("output of " + layer, made(evaluation, evaluator, layer)));
                for (Plan.Parameter parameter : training.parameters()) {
                    results.put(parameter.name(), trainer.weights(parameter));
                    results.put("momentum " + parameter.name(), trainer.momentum(parameter));
                }
                return results;
            }
        }
    }

    /** An evaluation gives out what every layer makes. */
    private static Requests requests(Network network, Mode mode) {
        List<Layer> main = network.withoutAuxiliary().layers();
        return mode == Mode.TRAINING ? Requests.NONE
                : Requests.layers(main.stream().map(Layer::name).limit(main.size() - 1).toList());
    }

    /** What a layer has made, from the first device or put together from both. */
    private static double[] made(Plan plan, PlanRun run, String layer) {
        Shape shape = plan.network().shape(layer);
        int image = Math.toIntExact(shape.elements());
        double[] whole = new double[plan.batch() * image];
        int found = 0;
        for (Plan.Outputs outputs : plan.outputs()) {
            for (Plan.Piece piece : outputs.layers().getOrDefault(layer, List.of())) {
                Tensor part = piece.tensor();
                double[] values = run.read(part);
                for (int i = 0; i < values.length; i++) {
                    int x = i % part.width();
                    int y = i / part.width() % part.height() + piece.firstRow();
                    int c = i / part.width() / part.height() % part.channels() + piece.firstChannel();
                    int n = i / part.width() / part.height() / part.channels() + piece.firstImage();
                    whole[n * image + (c * shape.height() + y) * shape.width() + x] = values[i];
                }
                found += values.length;
            }
        }
        assertEquals(whole.length, found, layer + " is there in whole");
        return whole;
    }

    private static RunParameters parameters(Plan plan, int step) {
        float[] rates = new float[plan.parameters().size()];
        float[] decays = new float[plan.parameters().size()];
        for (int i = 0; i < rates.length; i++) {
            rates[i] = 0.05f + 0.01f * i;
            decays[i] = 0.001f * i;
        }
        return new RunParameters(77, step, rates, decays, 0.9f);
    }

    /** Writes one batch, of which an image is absent, to every device. */
    private static void feed(Plan plan, PlanRun run, float[] mean, SplittableRandom random) {
        Tensor stored = plan.inputs().getFirst().images();
        byte[] images = new byte[Math.toIntExact(plan.batch() * stored.elementsPerImage())];
        random.nextBytes(images);
        int[] crops = new int[3 * plan.batch()];
        int[] labels = new int[plan.batch()];
        for (int i = 0; i < plan.batch(); i++) {
            crops[3 * i] = random.nextInt(-1, 3);
            crops[3 * i + 1] = random.nextInt(-1, 3);
            crops[3 * i + 2] = random.nextInt(2);
            labels[i] = i == 1 ? -1 : random.nextInt(plan.network().classes());
        }
        run.feed(images, crops, labels, mean);
    }

    /** Every device must come to the same bits, and find all numbers finite. */
    private static double[] losses(PlanRun run) {
        assertEquals(0, run.notFinite());
        return run.losses();
    }
}
