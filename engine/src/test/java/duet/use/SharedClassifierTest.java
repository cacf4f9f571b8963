package duet.use;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.IntStream;

import duet.device.Backend;
import duet.device.DeviceException;
import duet.model.Networks;
import duet.net.NetworkException;
import duet.net.Shape;
import duet.plan.Placement;
import duet.train.Tiny;
import duet.train.output.Checkpoint;
import duet.train.schedule.TrainingException;
import duet.use.SharedClassifier.Limits;
import org.junit.jupiter.api.Test;

/** Many threads ask one network: each gets its own answer, in batches, and nothing that was accepted is lost. */
class SharedClassifierTest {
    private static final Duration NO_DELAY = Duration.ZERO;
    private static final Duration LONG = Duration.ofHours(1);

    private final Checkpoint checkpoint = TestModels.random(Networks.create("alexnet-small"), 5);
    private final Shape stored = checkpoint.stored();

    /** Holds the backend's thread up, so that what is asked meanwhile waits. */
    private static final class Gate {
        private final CountDownLatch open = new CountDownLatch(1);
        private final CompletableFuture<Boolean> held;

        Gate(BackendThread thread) throws InterruptedException {
            CountDownLatch reached = new CountDownLatch(1);
            held = thread.submit(backend -> {
                reached.countDown();
                return waited();
            });
            reached.await();
        }

        private boolean waited() {
            try {
                open.await();
                return true;
            } catch (InterruptedException e) {
                throw new IllegalStateException(e);
            }
        }

        void open() {
            open.countDown();
            assertTrue(held.join());
        }
    }

    private List<byte[]> images(int count) {
        return IntStream.range(0, count).mapToObj(i -> TestModels.image(stored, 1000 + i)).toList();
    }

    private List<float[]> alone(List<byte[]> images) {
        try (Backend backend = Tiny.backend(1);
                Classifier classifier = Classifier.create(checkpoint, Placement.ONE_DEVICE, backend, 1)) {
            return images.stream().map(pixels -> classifier.probabilities(List.of(pixels)).getFirst()).toList();
        }
    }

    @Test
    void manyThreadsGetTheirOwnAnswers() throws Exception {
        List<byte[]> images = images(40);
        List<float[]> expected = alone(images);
        List<Integer> batches = Collections.synchronizedList(new ArrayList<>());
        try (BackendThread thread = BackendThread.open(() -> Tiny.backend(1));
                SharedClassifier shared = SharedClassifier.create(thread, checkpoint, Placement.ONE_DEVICE,
                        new Limits(5, 64, Duration.ofMillis(1)), (count, waited, took) -> batches.add(count));
                ExecutorService askers = Executors.newVirtualThreadPerTaskExecutor()) {
            long seed = new SplittableRandom().nextLong();
            List<Future<?>> all = new ArrayList<>();
            for (int asker = 0; asker < 8; asker++) {
                SplittableRandom random = new SplittableRandom(seed + asker);
                all.add(askers.submit(() -> {
                    for (int round = 0; round < 10; round++) {
                        int from = random.nextInt(images.size() - 6);
                        int count = 1 + random.nextInt(6);
                        List<float[]> answer = shared.probabilities(images.subList(from, from + count)).get();
                        assertEquals(count, answer.size());
                        for (int i = 0; i < count; i++) {
                            assertArrayEquals(expected.get(from + i), answer.get(i), 1e-5f, "seed " + seed);
                        }
                    }
                    return null;
                }));
            }
            for (Future<?> each : all) {
                each.get();
            }
        }
        assertTrue(batches.stream().allMatch(count -> count >= 1 && count <= 5), batches::toString);
    }

    @Test
    void whatWaitsGoesThroughTogether() throws Exception {
        List<Integer> batches = Collections.synchronizedList(new ArrayList<>());
        try (BackendThread thread = BackendThread.open(() -> Tiny.backend(1));
                SharedClassifier shared = SharedClassifier.create(thread, checkpoint, Placement.ONE_DEVICE, new Limits(4, 16, NO_DELAY),
                        (count, waited, took) -> batches.add(count))) {
            List<CompletableFuture<List<float[]>>> answers;
            Gate gate = new Gate(thread);
            answers = images(11).stream().map(pixels -> shared.probabilities(List.of(pixels))).toList();
            assertEquals(11, shared.waiting());
            gate.open();
            answers.forEach(CompletableFuture::join);
            assertEquals(List.of(4, 4, 3), batches);
        }
    }

    /** An hour's delay is not waited for once a batch is full. */
    @Test
    void aFullBatchWaitsForNobody() {
        try (BackendThread thread = BackendThread.open(() -> Tiny.backend(1));
                SharedClassifier shared = SharedClassifier.create(thread, checkpoint, Placement.ONE_DEVICE, new Limits(4, 16, LONG))) {
            assertEquals(4, shared.probabilities(images(4)).join().size());
        }
    }

    @Test
    void tooManyAreRefusedAllTogether() throws Exception {
        try (BackendThread thread = BackendThread.open(() -> Tiny.backend(1));
                SharedClassifier shared = SharedClassifier.create(thread, checkpoint, Placement.ONE_DEVICE, new Limits(2, 5, NO_DELAY))) {
            CompletableFuture<List<float[]>> accepted;
            Gate gate = new Gate(thread);
            accepted = shared.probabilities(images(4));
            BusyException refused = assertThrows(BusyException.class, () -> shared.probabilities(images(2)));
            assertEquals("4 image(s) wait already, and at most 5 may", refused.getMessage());
            assertEquals(4, shared.waiting());
            gate.open();
            assertEquals(4, accepted.join().size());
            assertEquals(5, shared.probabilities(images(5)).join().size());
        }
    }

    @Test
    void whoGivesUpIsLeftOut() throws Exception {
        List<Integer> batches = Collections.synchronizedList(new ArrayList<>());
        try (BackendThread thread = BackendThread.open(() -> Tiny.backend(1));
                SharedClassifier shared = SharedClassifier.create(thread, checkpoint, Placement.ONE_DEVICE, new Limits(4, 16, NO_DELAY),
                        (count, waited, took) -> batches.add(count))) {
            CompletableFuture<List<float[]>> other;
            Gate gate = new Gate(thread);
            assertTrue(shared.probabilities(images(3)).cancel(false));
            other = shared.probabilities(images(2));
            gate.open();
            assertEquals(2, other.join().size());
            assertEquals(List.of(2), batches);
        }
    }

    @Test
    void closingAnswersWhatWasAccepted() throws Exception {
        BackendThread thread = BackendThread.open(() -> Tiny.backend(1));
        SharedClassifier shared = SharedClassifier.create(thread, checkpoint, Placement.ONE_DEVICE, new Limits(4, 16, LONG));
        CompletableFuture<List<float[]>> accepted = shared.probabilities(images(3));
        assertFalse(accepted.isDone());
        shared.close();
        assertEquals(3, accepted.join().size());
        assertThrows(IllegalStateException.class, () -> shared.probabilities(images(1)));

        SharedClassifier another = SharedClassifier.create(thread, checkpoint, Placement.ONE_DEVICE, new Limits(4, 16, LONG));
        CompletableFuture<List<float[]>> last = another.probabilities(images(1));
        thread.close();
        assertEquals(1, last.join().size());
        assertThrows(IllegalStateException.class, () -> another.probabilities(images(1)));
        assertThrows(IllegalStateException.class, () -> thread.submit(backend -> 1));
        another.close();
        thread.close();
    }

    @Test
    void failuresGoToWhoHasAsked() {
        DeviceException cause = new DeviceException("no such device");
        assertEquals(cause, assertThrows(DeviceException.class, () -> BackendThread.open(() -> {
            throw cause;
        })));
        try (BackendThread thread = BackendThread.open(() -> Tiny.backend(1))) {
            assertEquals(cause, assertThrows(DeviceException.class, () -> thread.call(backend -> {
                throw cause;
            })));
            Error error = new OutOfMemoryError("Java heap space");
            CompletionException failed = assertThrows(CompletionException.class, () -> thread.submit(backend -> {
                throw error;
            }).join());
            assertEquals(error, failed.getCause());
            assertEquals(1, (int) thread.call(backend -> backend.devices().size()));
            IllegalStateException itself = assertThrows(IllegalStateException.class, () -> thread.call(backend -> thread.call(b -> 1)));
            assertInstanceOf(String.class, itself.getMessage());
            try (SharedClassifier shared = SharedClassifier.create(thread, checkpoint, Placement.ONE_DEVICE, new Limits(1, 1, NO_DELAY))) {
                assertThrows(IllegalArgumentException.class, () -> shared.classify(new byte[3]));
                assertEquals(checkpoint.network().classes(), shared.classify(images(1).getFirst()).size());
            }
        }
    }

    /** No answer is better than one that means nothing; the next image is answered. */
    @Test
    void whatIsNoNumberIsNoAnswer() throws Exception {
        Map<String, float[]> tensors = new HashMap<>();
        checkpoint.tensors().forEach((name, values) -> {
            float[] large = new float[values.length]; // a black image, like biases and mean, is 0
            for (int i = 0; i < values.length && name.endsWith(".weight"); i++) {
                large[i] = values[i] * 1e12f;
            }
            tensors.put(name, large);
        });
        byte[] black = new byte[Math.toIntExact(stored.elements())];
        byte[] picture = images(1).getFirst();
        try (BackendThread thread = BackendThread.open(() -> Tiny.backend(1));
                SharedClassifier shared = SharedClassifier.create(thread, with(tensors), Placement.ONE_DEVICE,
                        new Limits(2, 2, NO_DELAY))) {
            TrainingException failed = assertThrows(TrainingException.class, () -> shared.classify(picture));
            assertTrue(failed.getMessage().endsWith(": gives NaN or infinity with these weights"), failed.getMessage());
            assertEquals(checkpoint.network().classes(), shared.classify(black).size());
            Gate gate = new Gate(thread); // both in one batch
            CompletableFuture<List<float[]>> bad = shared.probabilities(List.of(picture));
            CompletableFuture<List<float[]>> good = shared.probabilities(List.of(black));
            gate.open();
            assertEquals(checkpoint.network().classes(), good.join().getFirst().length);
            assertInstanceOf(TrainingException.class, assertThrows(CompletionException.class, bad::join).getCause());
            tensors.get("conv1.weight")[0] = Float.NaN;
            TrainingException broken = assertThrows(TrainingException.class,
                    () -> SharedClassifier.create(thread, with(tensors), Placement.ONE_DEVICE, new Limits(2, 2, NO_DELAY)));
            assertTrue(broken.getMessage().endsWith(": gives NaN or infinity with these weights"), broken.getMessage());
        }
    }

    private Checkpoint with(Map<String, float[]> tensors) {
        return new Checkpoint(checkpoint.network(), checkpoint.classNames(), stored, tensors, null);
    }

    /** A placement that cuts a batch in parts has no use for a batch of one image, but answers about one. */
    @Test
    void batchesThatAreCutInParts() {
        try (BackendThread thread = BackendThread.open(() -> Tiny.backend(2));
                SharedClassifier shared = SharedClassifier.create(thread, checkpoint, Placement.data(2, 4), new Limits(8, 8, NO_DELAY))) {
            List<byte[]> images = images(5);
            List<float[]> expected = alone(images);
            assertArrayEquals(expected.getFirst(), shared.probabilities(images.subList(0, 1)).join().getFirst(), 1e-5f);
            List<float[]> all = shared.probabilities(images).join();
            IntStream.range(0, 5).forEach(i -> assertArrayEquals(expected.get(i), all.get(i), 1e-5f));
            NetworkException uneven = assertThrows(NetworkException.class,
                    () -> SharedClassifier.create(thread, checkpoint, Placement.data(2, 4), new Limits(6, 8, NO_DELAY)));
            assertEquals("a batch of 6 images cannot be cut into 4 equal parts; use a multiple of 4 or another placement",
                    uneven.getMessage());
            try (SharedClassifier groups = SharedClassifier.create(thread, checkpoint, Placement.data(Placement.TWO_TOWERS, 1, 2),
                    new Limits(4, 8, NO_DELAY))) {
                List<float[]> again = groups.probabilities(images).join();
                IntStream.range(0, 5).forEach(i -> assertArrayEquals(expected.get(i), again.get(i), 1e-5f));
            }
        }
    }

    @Test
    void limitsMustMakeSense() {
        assertThrows(IllegalArgumentException.class, () -> new Limits(0, 1, NO_DELAY));
        assertThrows(IllegalArgumentException.class, () -> new Limits(2, 1, NO_DELAY));
        assertThrows(IllegalArgumentException.class, () -> new Limits(1, 1, Duration.ofMillis(-1)));
    }
}
