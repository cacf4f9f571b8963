package duet.use;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.concurrent.atomic.AtomicInteger;

import duet.data.Dataset;
import duet.data.SharedOut;
import duet.device.Backend;
import duet.device.DeviceException;
import duet.device.ranks.ThreadRanks;
import duet.plan.Placement;
import duet.train.Tiny;
import duet.train.Trainer;
import duet.train.output.Checkpoint;
import duet.train.output.TrainingListener;
import duet.use.Neighbours.Neighbour;
import duet.use.Neighbours.Query;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What several processes make of images that they share out: the same file, and the same neighbours, as one alone. */
class SharedActivationsTest {
    private static final int PATIENCE = 60;

    private static Checkpoint checkpoint;

    @TempDir
    private Path folder;

    @BeforeAll
    static void train() {
        try (Backend backend = Tiny.backend(1);
                Trainer trainer = Trainer.create(
                        Tiny.network(), Placement.ONE_DEVICE, backend, Tiny.data(), Tiny.options().toBuilder().steps(4).build())) {
            trainer.train(TrainingListener.SILENT);
            checkpoint = trainer.snapshot();
        }
    }

    private byte[] written(Dataset data, int batch, int processes, long seed, String name) throws IOException {
        Path file = folder.resolve(name);
        ThreadRanks.run(processes, seed, PATIENCE, ranks -> {
            try (Backend backend = Tiny.backend(1);
                    Activations activations = Activations.create(checkpoint, "relu3", Placement.ONE_DEVICE, backend, batch, ranks)) {
                Features.write(ranks.first() ? file : folder.resolve("of another"), activations, data, 1, TrainingListener.SILENT);
            }
            return 0;
        });
        assertTrue(Files.notExists(folder.resolve("of another")), "only the first process writes");
        return Files.readAllBytes(file);
    }

    @ParameterizedTest
    @ValueSource(ints = {2, 3, 4, 7})
    void sameBytesAsOneProcess(int processes) throws IOException {
        long seed = Long.getLong("duet.seed", 2012);
        SplittableRandom random = new SplittableRandom(seed);
        for (int trial = 0; trial < 4; trial++) {
            int size = random.nextInt(1, 60);
            int batch = random.nextInt(1, 9);
            Dataset data = new Tiny.Patterns(size, Tiny.CLASSES, 3).damaged(random.nextInt(size));
            assertArrayEquals(written(data, batch, 1, seed, "one"), written(data, batch, processes, seed, "several"),
                    () -> size + " images in batches of " + batch + ", seed " + seed);
        }
    }

    @Test
    void sameNeighboursAsOneProcess() {
        Dataset data = new Tiny.Patterns(33, Tiny.CLASSES, 3);
        List<List<List<Neighbour>>> found = ThreadRanks.run(3, 1, PATIENCE, ranks -> neighbours(data, ranks));
        assertEquals(ThreadRanks.run(1, 1, PATIENCE, ranks -> neighbours(data, ranks)).getFirst(), found.getFirst());
        assertEquals(List.of(List.of()), found.get(1));
    }

    private static List<List<Neighbour>> neighbours(Dataset data, ThreadRanks ranks) {
        try (Backend backend = Tiny.backend(1);
                Activations activations = Activations.create(checkpoint, "relu3", Placement.ONE_DEVICE, backend, 4, ranks)) {
            return Neighbours.find(activations, List.of(Query.of(data, 0)), data, 5, 1, TrainingListener.SILENT);
        }
    }

    @Test
    void whoHasOtherImagesIsNamed() {
        String message = assertThrows(DeviceException.class, () -> ThreadRanks.run(2, 1, PATIENCE, ranks -> {
            try (Backend backend = Tiny.backend(1);
                    Activations activations = Activations.create(checkpoint, "relu3", Placement.ONE_DEVICE, backend, 4, ranks)) {
                Dataset data = new Tiny.Patterns(8 + ranks.rank(), Tiny.CLASSES, 3);
                activations.forEach(data, 1, TrainingListener.SILENT, (index, label, values, from) -> {});
            }
            return 0;
        })).getMessage();
        assertTrue(message.startsWith("the images must be the same for all processes: rank 0 has ") && message.contains("but rank 1 has "),
                message);
    }

    /** The failure of whoever receives the images ends its own process; nothing waits for what was sent. */
    @Test
    void aReceiverMayFail() {
        AtomicInteger failed = new AtomicInteger();
        Dataset data = new Tiny.Patterns(40, Tiny.CLASSES, 3);
        assertThrows(IllegalStateException.class, () -> ThreadRanks.run(2, 1, 5, ranks -> {
            try (Backend backend = Tiny.backend(1);
                    Activations activations = Activations.create(checkpoint, "relu3", Placement.ONE_DEVICE, backend, 4, ranks)) {
                activations.forEach(data, 1, TrainingListener.SILENT, (index, label, values, from) -> {
                    failed.incrementAndGet();
                    throw new IllegalStateException("of the test");
                });
            }
            return 0;
        }));
        assertEquals(1, failed.get());
    }

    /** Every image is one process's, and keeps its place in its batch. */
    @Test
    void imagesAreSharedOut() {
        long seed = Long.getLong("duet.seed", 2012);
        SplittableRandom random = new SplittableRandom(seed);
        for (int trial = 0; trial < 200; trial++) {
            int size = random.nextInt(0, 100);
            int batch = random.nextInt(1, 12);
            int processes = random.nextInt(1, 9);
            String what = size + " images, batch " + batch + ", " + processes + " processes, seed " + seed;
            Dataset data = new Tiny.Patterns(size, Tiny.CLASSES, 3);
            Set<Integer> seen = new HashSet<>();
            for (int process = 0; process < processes; process++) {
                SharedOut share = new SharedOut(data, batch, process, processes);
                for (int i = 0; i < share.size(); i++) {
                    assertTrue(seen.add(share.whole(i)) && share.whole(i) < size, what);
                    assertEquals(i % batch, share.whole(i) % batch, what);
                    assertEquals(process, share.whole(i) / batch % processes, what);
                }
            }
            assertEquals(size, seen.size(), what);
        }
    }
}
