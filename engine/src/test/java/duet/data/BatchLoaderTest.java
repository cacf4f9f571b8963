package duet.data;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.stream.IntStream;

import duet.device.Philox;
import duet.net.Shape;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.parallel.Isolated;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@Isolated("the process's loader threads are counted and interrupted")
class BatchLoaderTest {
    private static final Shape STORED = NumberedImages.STORED;
    private static final Shape INPUT = new Shape(1, 6, 6);

    /** A copy, for the loader reuses its arrays; of each image, all of whose pixels must be equal, the level. */
    private record Seen(long number, List<Integer> levels, List<Integer> crops, List<Integer> labels, int count) {
        static Seen of(Batch batch) {
            List<Integer> levels = new ArrayList<>();
            for (int start = 0; start < batch.images().length; start += 64) {
                byte level = batch.images()[start];
                byte[] image = Arrays.copyOfRange(batch.images(), start, start + 64);
                for (byte pixel : image) {
                    assertEquals(level, pixel);
                }
                levels.add((int) level);
            }
            return new Seen(batch.number(), levels,
                    Arrays.stream(batch.crops()).boxed().toList(), Arrays.stream(batch.labels()).boxed().toList(), batch.count());
        }
    }

    private static List<Seen> take(int count, BatchLoader loader) {
        try (loader) {
            List<Seen> seen = new ArrayList<>();
            for (int i = 0; i < count; i++) {
                seen.add(Seen.of(loader.next()));
            }
            return seen;
        }
    }

    private static BatchLoader training(int size, int batch, long firstBatch, int threads) {
        return BatchLoader.training(new NumberedImages(size), INPUT, batch, 42, true, Augmentation.STANDARD, firstBatch, threads);
    }

    @ParameterizedTest
    @ValueSource(ints = {2, 3, 7})
    void batchesDoNotDependOnTheNumberOfThreads(int threads) {
        assertEquals(take(40, training(23, 5, 0, 1)), take(40, training(23, 5, 0, threads)));
    }

    @Test
    void resumingGivesTheTail() {
        List<Seen> whole = take(30, training(23, 5, 0, 2));
        for (int first : new int[] {1, 4, 17}) {
            assertEquals(whole.subList(first, 30), take(30 - first, training(23, 5, first, 3)));
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 5, 23, 64})
    void everyImageIsSeenOnceAnEpochInTheOrderOfTheEpoch(int batch) {
        int size = 23;
        List<Integer> labels = take(3 * size / batch + 2, training(size, batch, 0, 2)).stream()
                .flatMap(seen -> seen.labels().stream()).toList();
        for (int epoch = 0; epoch < 3; epoch++) {
            List<Integer> seen = labels.subList(epoch * size, (epoch + 1) * size);
            assertEquals(size, new HashSet<>(seen).size());
            assertEquals(Arrays.stream(Indices.permutation(42, Philox.SHUFFLE, epoch, size)).boxed().toList(), seen);
        }
        assertNotEquals(labels.subList(0, size), labels.subList(size, 2 * size));
    }

    @Test
    void ordersAndCropsArePinned() {
        // From a second implementation of Philox and of the shuffle, in Python.
        assertArrayEquals(new int[] {2, 3, 5, 9, 4, 7, 0, 1, 6, 8}, Indices.permutation(1, Philox.SHUFFLE, 0, 10));
        assertArrayEquals(new int[] {4, 5, 0, 7, 9, 8, 3, 1, 6, 2}, Indices.permutation(1, Philox.SHUFFLE, 1, 10));
        Cropping cropping = new Cropping(new Shape(3, 256, 256), new Shape(3, 227, 227), Augmentation.STANDARD, 1);
        int[] crops = new int[12];
        for (int index = 0; index < 4; index++) {
            cropping.draw(5, index, crops, 3 * index);
        }
        assertArrayEquals(new int[] {12, 27, 1, 17, 28, 1, 20, 22, 0, 13, 18, 0}, crops);
    }

    @Test
    void imagesBelongToTheirLabelsAndCropsToTheirImages() {
        int size = 23;
        Cropping cropping = new Cropping(STORED, INPUT, Augmentation.STANDARD, 42);
        int place = 0;
        for (Seen seen : take(20, training(size, 5, 0, 3))) {
            for (int i = 0; i < 5; i++, place++) {
                int index = seen.labels().get(i);
                assertEquals(index, seen.levels().get(i));
                int[] crops = new int[3];
                cropping.draw(place / size, index, crops, 0);
                assertEquals(Arrays.stream(crops).boxed().toList(), seen.crops().subList(3 * i, 3 * i + 3));
            }
        }
    }

    @Test
    void withoutShuffleTheOrderIsThatOfTheData() {
        List<Seen> seen = take(3, BatchLoader.training(new NumberedImages(5), INPUT, 3, 1, false, Augmentation.NONE, 0, 2));
        assertEquals(List.of(0, 1, 2), seen.get(0).labels());
        assertEquals(List.of(3, 4, 0), seen.get(1).labels());
        assertEquals(List.of(1, 2, 3), seen.get(2).labels());
        assertEquals(List.of(1, 1, 0), seen.get(0).crops().subList(0, 3));
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 3, 4, 7, 100})
    void evaluationSeesEveryImageOnceAndFillsUp(int batch) {
        try (BatchLoader loader = BatchLoader.evaluation(new NumberedImages(7), INPUT, batch, 2)) {
            List<Integer> labels = new ArrayList<>();
            int count = 0;
            for (Batch next = loader.next(); next != null; next = loader.next()) {
                assertEquals(batch, next.labels().length);
                assertEquals(Arrays.stream(next.labels()).filter(label -> label >= 0).count(), next.count());
                for (int i = next.count(); i < batch; i++) {
                    assertEquals(-1, next.labels()[i]);
                    assertEquals(0, next.images()[64 * i]);
                }
                Arrays.stream(next.labels()).filter(label -> label >= 0).forEach(labels::add);
                count += next.count();
            }
            assertEquals(7, count);
            assertEquals(List.of(0, 1, 2, 3, 4, 5, 6), labels);
            assertNull(loader.next());
        }
    }

    /** Of a batch that several processes share each has its own images, one after the other, and what is drawn for them. */
    @Test
    void placesAreRead() {
        Dataset data = new NumberedImages(10, STORED, i -> i);
        BitSet places = BitSet.valueOf(new long[] {0b100110});
        List<Seen> whole = take(3, BatchLoader.training(data, INPUT, 6, 3, true, Augmentation.STANDARD, null, epoch -> 0, 0, 2));
        List<Seen> part = take(3,
                BatchLoader.training(data, INPUT, 6, 3, true, Augmentation.STANDARD, null, epoch -> 0, 0, 2, places));
        for (int b = 0; b < 3; b++) {
            assertEquals(places.stream().mapToObj(whole.get(b).levels()::get).toList(), part.get(b).levels());
            for (int i = 0; i < 6; i++) {
                assertEquals(places.get(i) ? whole.get(b).labels().get(i) : -1, part.get(b).labels().get(i));
                assertEquals(places.get(i) ? whole.get(b).crops().subList(3 * i, 3 * i + 3) : List.of(0, 0, 0),
                        part.get(b).crops().subList(3 * i, 3 * i + 3));
            }
            assertEquals(3, part.get(b).count());
        }
        Dataset large = new NumberedImages(10, new Shape(1, 40_000, 20_000), i -> i);
        assertEquals("a batch of 3 images of 1x40000x20000 is more than the 2 GiB that a process can hold; use a smaller batch",
                assertThrows(DataException.class, () -> BatchLoader.evaluation(large, INPUT, 6, 1, places)).getMessage());
        List<Seen> evaluated = take(2, BatchLoader.evaluation(data, INPUT, 6, 1, places));
        assertEquals(List.of(1, 2, 5, 7, 8, 0), evaluated.stream().flatMap(seen -> seen.levels().stream()).toList());
        assertEquals(2, evaluated.getLast().count());
    }

    @Test
    void damagedImagesLeaveTheirPlaceEmpty() {
        Dataset data = new NumberedImages(6, STORED, i -> i == 4 ? -1 : i);
        Seen seen = take(1, BatchLoader.evaluation(data, INPUT, 6, 1)).getFirst();
        assertEquals(List.of(0, 1, 2, 3, -1, 5), seen.labels());
        assertEquals(5, seen.count());
    }

    @Test
    void batchesStayValidUntilTheBatchAfterTheNextIsAskedFor() {
        try (BatchLoader loader = training(200, 3, 0, 4)) {
            Batch previous = loader.next();
            for (int i = 0; i < 100; i++) {
                Batch latest = loader.next();
                for (int place = 0; place < 3; place++) {
                    assertEquals((byte) previous.labels()[place], previous.images()[64 * place]);
                }
                previous = latest;
            }
        }
    }

    @Test
    void buffersAreReused() {
        Set<Integer> identities = new HashSet<>();
        try (BatchLoader loader = training(50, 4, 0, 2)) {
            for (int i = 0; i < 100; i++) {
                identities.add(System.identityHashCode(loader.next().images()));
            }
        }
        assertTrue(identities.size() <= 5, identities.size() + " buffers");
    }

    @Test
    void sizesThatDoNotFitAreNamed() {
        DataException small = assertThrows(DataException.class,
                () -> BatchLoader.evaluation(new NumberedImages(3), new Shape(1, 6, 9), 1, 1));
        assertTrue(small.getMessage().contains("1x8x8") && small.getMessage().contains("1x6x9"), small.getMessage());
        DataException colours = assertThrows(DataException.class,
                () -> BatchLoader.evaluation(new NumberedImages(3), new Shape(3, 6, 6), 1, 1));
        assertTrue(colours.getMessage().contains("3x6x6"), colours.getMessage());
        assertThrows(DataException.class, () -> BatchLoader.evaluation(new NumberedImages(0), INPUT, 1, 1));
        assertThrows(DataException.class, () -> BatchLoader.evaluation(new NumberedImages(3), INPUT, 0, 1));
        assertThrows(DataException.class, () -> training(3, 1, 0, 0));
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 3})
    void aFailureShowsAtItsBatch(int threads) {
        Dataset data = new NumberedImages(20, STORED, i -> {
            if (i == 13) {
                throw new DataException("image 13 is bad");
            }
            return i;
        });
        try (BatchLoader loader = BatchLoader.evaluation(data, INPUT, 2, threads)) {
            for (int i = 0; i < 6; i++) {
                assertEquals(i, loader.next().number());
            }
            DataException thrown = assertThrows(DataException.class, loader::next);
            assertEquals("image 13 is bad", thrown.getMessage());
            assertSame(thrown, assertThrows(DataException.class, loader::next));
        }
    }

    @Test
    void faultsOfTheProgramSurfaceToo() {
        Dataset data = new NumberedImages(20, STORED, i -> {
            throw new StackOverflowError("deep");
        });
        try (BatchLoader loader = BatchLoader.evaluation(data, INPUT, 2, 2)) {
            assertTrue(assertThrows(DataException.class, loader::next).getMessage().contains("batch 0"));
        }
    }

    @Test
    void closingWhileThreadsWaitOrReadEndsThem() {
        CountDownLatch reading = new CountDownLatch(1);
        CountDownLatch release = new CountDownLatch(1);
        Dataset slow = new NumberedImages(20, STORED, i -> {
            reading.countDown();
            try {
                release.await();
            } catch (InterruptedException e) {
                throw new IllegalStateException(e);
            }
            return i;
        });
        Set<Thread> before = Thread.getAllStackTraces().keySet();
        assertTimeoutPreemptively(Duration.ofSeconds(60), () -> {
            training(23, 5, 0, 3).close();
            BatchLoader loader = BatchLoader.evaluation(slow, INPUT, 2, 2);
            reading.await();
            Thread.ofPlatform().start(release::countDown);
            loader.close();
            loader.close();
            assertThrows(IllegalStateException.class, loader::next);
        });
        assertEquals(List.of(), Thread.getAllStackTraces().keySet().stream()
                .filter(thread -> thread.getName().startsWith("duet-loader") && !before.contains(thread)).toList());
    }

    @Test
    void anInterruptedCallerIsToldAndLoadersEnd() {
        Dataset stuck = new NumberedImages(20, STORED, i -> {
            try {
                new CountDownLatch(1).await();
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                throw new DataException("interrupted", e);
            }
            return i;
        });
        assertTimeoutPreemptively(Duration.ofSeconds(60), () -> {
            BatchLoader loader = BatchLoader.evaluation(stuck, INPUT, 2, 1);
            Thread.currentThread().interrupt();
            assertThrows(DataException.class, loader::next);
            assertTrue(Thread.interrupted());
            Thread.getAllStackTraces().keySet().stream().filter(t -> t.getName().startsWith("duet-loader")).forEach(Thread::interrupt);
            String message = assertThrows(DataException.class, loader::next).getMessage();
            assertTrue(message.contains("interrupted"), message);
            loader.close();
        });
    }
}
