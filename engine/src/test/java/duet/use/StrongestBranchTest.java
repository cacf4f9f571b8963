package duet.use;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SplittableRandom;

import duet.TestDevices;
import duet.VirtualGpuCondition;
import duet.data.Dataset;
import duet.device.Backend;
import duet.device.Backends;
import duet.net.Layer;
import duet.net.Network;
import duet.net.Node;
import duet.net.ParameterShape;
import duet.net.Shape;
import duet.plan.Placement;
import duet.reference.ReferenceBackend;
import duet.train.Tiny;
import duet.train.output.Checkpoint;
import duet.use.Deconvolution.Unit;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.parallel.ResourceLock;

/** Projections in networks with branches: against a way down in double that takes the strongest branch wherever several meet. */
@ResourceLock(TestDevices.LOCK)
class StrongestBranchTest {
    private static final long SEED = Long.getLong("duet.seed", 2013);
    private static final int NETWORKS = 25;
    private static final Dataset DATA = new Tiny.Patterns(20, Tiny.CLASSES, 3);

    private static Checkpoint checkpoint(Network network, SplittableRandom random) {
        Map<String, float[]> tensors = new HashMap<>();
        for (ParameterShape shape : network.parameters()) {
            float[] values = new float[shape.elements()];
            for (int i = 0; i < values.length; i++) {
                values[i] = (float) random.nextDouble(-0.5, 0.5);
            }
            tensors.put(shape.name(), values);
        }
        float[] mean = new float[144];
        Arrays.fill(mean, 120);
        tensors.put(Checkpoint.MEAN, mean);
        return new Checkpoint(network, Tiny.CLASSES, Tiny.STORED, tensors, null);
    }

    /** What each max-pooling has seen of an image. */
    private static Map<String, float[]> seen(Checkpoint checkpoint, int image, Backend backend) {
        Network network = checkpoint.network();
        byte[] pixels = new byte[144];
        DATA.read(image, pixels, 0);
        Map<String, float[]> seen = new HashMap<>();
        for (Node node : network.nodes()) {
            if (node.layer() instanceof Layer.Pooling) {
                try (Activations activations = Activations.create(checkpoint, node.inputs().getFirst(), Placement.ONE_DEVICE, backend, 1)) {
                    seen.put(node.name(), activations.of(pixels));
                }
            }
        }
        return seen;
    }

    /** How the networks' values were chosen, and how much it would have mattered to add. */
    private static final class Tally {
        private int chosen;
        private int notTheFirst;
        private int differentInABatch;
        private int unlikeTheSum;
    }

    /** Some units of one network in one batch, each of another image. */
    private static void check(long seed, Backend backend, Tally tally) {
        SplittableRandom random = new SplittableRandom(seed);
        Checkpoint checkpoint = checkpoint(RandomModules.create(seed), random);
        Network network = checkpoint.network();
        String layer = network.layers().get(network.layers().size() - 3).name();
        Shape shape = network.shape(layer);
        List<Unit> units = new ArrayList<>();
        for (int image = 0; image < 4; image++) {
            units.add(new Unit(image, random.nextInt(shape.channels()), random.nextInt(shape.height()), random.nextInt(shape.width()),
                    (float) random.nextDouble(0.5, 2)));
        }
        List<float[]> projections = Deconvolution.project(checkpoint, layer, backend, DATA, units);
        Set<Map<Integer, Integer>> ways = new HashSet<>();
        try (Backend exact = new ReferenceBackend(1)) {
            for (int i = 0; i < units.size(); i++) {
                Map<String, float[]> seen = seen(checkpoint, units.get(i).index(), exact);
                WayDown strongest = new WayDown(checkpoint, layer, units.get(i), seen, false);
                double[] expected = strongest.at(-1);
                double[] added = new WayDown(checkpoint, layer, units.get(i), seen, true).at(-1);
                assertArrayEquals(expected, doubles(projections.get(i)), 1e-5,
                        () -> "-Dduet.seed=" + SEED + ", network " + seed + ": " + network);
                tally.chosen += strongest.choices().size();
                tally.notTheFirst += (int) strongest.choices().values().stream().filter(user -> user > 0).count();
                tally.unlikeTheSum += distance(expected, added) > 1e-3 ? 1 : 0;
                ways.add(strongest.choices());
            }
        }
        tally.differentInABatch += ways.size() > 1 ? 1 : 0;
    }

    private static double[] doubles(float[] values) {
        double[] result = new double[values.length];
        for (int i = 0; i < values.length; i++) {
            result[i] = values[i];
        }
        return result;
    }

    private static double distance(double[] a, double[] b) {
        double most = 0;
        for (int i = 0; i < a.length; i++) {
            most = Math.max(most, Math.abs(a[i] - b[i]));
        }
        return most;
    }

    private static void check(Backend opened, int networks) {
        Tally tally = new Tally();
        try (Backend backend = opened) {
            for (int i = 0; i < networks; i++) {
                check(1000 * SEED + i, backend, tally);
            }
        }
        assertTrue(tally.notTheFirst > networks && tally.chosen > tally.notTheFirst + networks, "other branches are chosen too");
        assertTrue(tally.differentInABatch > networks / 3, "images of a batch choose for themselves");
        assertTrue(tally.unlikeTheSum > networks, "sums would be other pictures");
    }

    @Test
    void theReferenceFollowsTheStrongestBranch() {
        check(new ReferenceBackend(1), NETWORKS);
    }

    @Test
    void theCpuFollowsTheStrongestBranch() {
        check(Tiny.backend(1), NETWORKS);
    }

    @Test
    @Tag("sim")
    @ExtendWith(VirtualGpuCondition.class)
    void theCudaBackendFollowsTheStrongestBranch() {
        TestDevices.configure("");
        TestDevices.reset();
        check(Backends.open(TestDevices.one(), 0), 6);
        TestDevices.requireClean("projections through branches");
    }
}
