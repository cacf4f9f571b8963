package duet.data.prepare;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;

import duet.data.DamageReport;
import duet.data.DataException;
import duet.data.shard.PreparationListener;
import duet.device.DeviceException;
import duet.device.RankLostException;
import duet.device.Ranks;
import duet.device.ranks.ThreadRanks;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Several processes that prepare one folder: the same bytes as one, and what stops or fails in one of them ends all. */
class SharedPreparationTest extends PreparationBed {
    private static final int PATIENCE = 60;

    private List<Preparation.Result> prepare(int processes, PreparationOptions options, Path folder) {
        return ThreadRanks.run(processes, 1, PATIENCE, ranks -> Preparation.prepare(SOURCE, folder, options, DamageReport.STRICT,
                PreparationListener.SILENT, ranks));
    }

    @ParameterizedTest
    @CsvSource({"2,0", "3,0", "4,90", "8,0"})
    void sameBytesAsOneProcess(int processes, int quality) throws IOException {
        long seed = Long.getLong("duet.seed", 2012);
        SplittableRandom random = new SplittableRandom(seed);
        for (int trial = 0; trial < 3; trial++) {
            PreparationOptions options = new PreparationOptions(24, quality, random.nextInt(3, 40), 1, 1);
            Path alone = temporary.resolve("alone" + trial);
            Path shared = temporary.resolve("shared" + trial);
            Preparation.Result expected = prepare(1, options, alone).getFirst();
            for (Preparation.Result result : prepare(processes, options, shared)) {
                assertEquals(expected, result, () -> options + ", seed " + seed);
            }
            assertEquals(contents(alone), contents(shared), () -> options + ", seed " + seed);
            for (Preparation.Result result : prepare(processes, options, shared)) {
                assertEquals(expected.shards(), result.verified(), "all shards are there");
            }
        }
    }

    /** The first process hears of all images of all. */
    @Test
    void progressIsThatOfAll() {
        List<Long> told = Collections.synchronizedList(new ArrayList<>());
        ThreadRanks.run(3, 1, PATIENCE, ranks -> Preparation.prepare(SOURCE, out, new PreparationOptions(0, 0, 8, 1, 1),
                DamageReport.STRICT, ranks.first() ? (done, total) -> told.add(done) : PreparationListener.SILENT, ranks));
        assertEquals(told.stream().sorted().toList(), told);
        assertTrue(told.getLast() <= 85, told.toString());
    }

    /** Whoever fails is named; nothing half is left, and the same command with another number of processes ends with the same bytes. */
    @ParameterizedTest
    @ValueSource(ints = {0, 1, 2})
    void whatFailsInOneEndsAll(int which) throws IOException {
        PreparationOptions options = new PreparationOptions(24, 0, 4, 1, 1);
        prepare(1, options, temporary.resolve("alone"));
        List<String> messages = Collections.synchronizedList(new ArrayList<>());
        assertThrows(DataException.class, () -> ThreadRanks.run(3, 1, PATIENCE, ranks -> {
            try {
                return Preparation.prepare(SOURCE, out, options, DamageReport.STRICT, (done, total) -> {
                    if (ranks.rank() == which && done >= 4) {
                        throw new DataException("a picture is damaged");
                    }
                    pause();
                }, ranks);
            } catch (DataException e) {
                messages.add(ranks.rank() + ": " + e.getMessage());
                throw e;
            }
        }));
        for (int rank = 0; rank < 3; rank++) {
            String expected = rank + ": " + (rank == which ? "" : "rank " + which + ": ") + "a picture is damaged";
            assertTrue(messages.contains(expected), messages::toString);
        }
        try (var files = Files.list(out)) {
            assertEquals(List.of(), files.map(file -> file.getFileName().toString())
                    .filter(name -> name.endsWith(".tmp") || name.equals("manifest.json")).toList());
        }
        assertTrue(prepare(2, options, out).getFirst().complete());
        assertEquals(contents(temporary.resolve("alone")), contents(out));
    }

    private static void pause() {
        try {
            Thread.sleep(20); // until the others hear of it
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
    }

    /** A signal to one of them stops all. */
    @Test
    void oneThatIsStoppedStopsAll() throws IOException {
        PreparationOptions options = new PreparationOptions(24, 0, 4, 1, 1);
        List<Preparation.Result> results = ThreadRanks.run(3, 1, PATIENCE, ranks -> Preparation.prepare(SOURCE, out, options,
                DamageReport.STRICT, new PreparationListener() {
                    private long done;

                    @Override
                    public void progress(long images, long total) {
                        done = images;
                        pause();
                    }

                    @Override
                    public boolean stopped() {
                        return ranks.rank() == 1 && done > 0;
                    }
                }, ranks));
        results.forEach(result -> assertFalse(result.complete()));
        prepare(1, options, temporary.resolve("alone"));
        assertTrue(prepare(4, options, out).getFirst().complete());
        assertEquals(contents(temporary.resolve("alone")), contents(out));
    }

    /** A shard that another process finds damaged: the first one tells. */
    @Test
    void warningsOfAllAreTold() throws IOException {
        PreparationOptions options = new PreparationOptions(0, 0, 16, 1, 1);
        prepare(1, options, out);
        Map<String, List<Byte>> expected = contents(out);
        Files.write(out.resolve("training-00001.shard"), new byte[100]);
        List<String> told = Collections.synchronizedList(new ArrayList<>());
        ThreadRanks.run(2, 1, PATIENCE, ranks -> Preparation.prepare(SOURCE, out, options, DamageReport.STRICT, new PreparationListener() {
            @Override
            public void progress(long done, long total) {}

            @Override
            public void warning(String message) {
                if (ranks.first()) {
                    told.add(message);
                }
            }
        }, ranks));
        assertEquals(1, told.size());
        assertTrue(told.getFirst().startsWith("rank 1: " + out.resolve("training-00001.shard")), told::toString);
        assertEquals(expected, contents(out));
    }

    @Test
    void whoWasToldSomethingElseIsNamed() {
        String message = assertThrows(DeviceException.class, () -> ThreadRanks.run(2, 1, PATIENCE, ranks -> Preparation.prepare(SOURCE, out,
                new PreparationOptions(0, 0, 16 + ranks.rank(), 1, 1), DamageReport.STRICT, PreparationListener.SILENT, ranks)))
                .getMessage();
        assertTrue(message.startsWith("the source and its options must be the same for all processes: rank 0 has ")
                && message.endsWith("17 in a shard"), message);
    }

    @Test
    void aLostProcessIsNoticed() {
        String message = assertThrows(RankLostException.class, () -> ThreadRanks.run(2, 1, 1, ranks -> {
            PreparationListener listener = (done, total) -> {
                try {
                    Thread.sleep(100);
                } catch (InterruptedException e) {
                    throw new AssertionError(e);
                }
            };
            return Preparation.prepare(SOURCE, out, new PreparationOptions(0, 0, 2, 1, 1), DamageReport.STRICT, listener,
                    ranks.first() ? ranks : new Dying(ranks));
        })).getMessage();
        assertTrue(message.contains("rank 1 has not answered about the preparation"), message);
    }

    /** Answers a few times. */
    private static final class Dying implements Ranks {
        private final Ranks ranks;
        private int left = 4;

        Dying(Ranks ranks) {
            this.ranks = ranks;
        }

        @Override
        public int rank() {
            return ranks.rank();
        }

        @Override
        public int size() {
            return ranks.size();
        }

        @Override
        public String description() {
            return ranks.description();
        }

        @Override
        public String name(int rank) {
            return ranks.name(rank);
        }

        @Override
        public Duration patience() {
            return ranks.patience();
        }

        @Override
        public List<byte[]> gather(String what, byte[] own) {
            if (left-- == 0) {
                throw new DeviceException("of the test");
            }
            return ranks.gather(what, own);
        }

        @Override
        public void broadcast(String what, ByteBuffer data, int root) {
            throw new UnsupportedOperationException();
        }

        @Override
        public void exchange(String what, List<Message> sends, List<Message> receives) {
            throw new UnsupportedOperationException();
        }

        @Override
        public void close() {}
    }

    /** Machines that each have a folder of this name. */
    @Test
    void aFolderThatIsNotShared() throws IOException {
        Path here = Files.createDirectory(temporary.resolve("here"));
        Path there = Files.createDirectory(temporary.resolve("there"));
        String message = assertThrows(DataException.class, () -> ThreadRanks.run(2, 1, PATIENCE, ranks -> {
            try {
                if (ranks.first()) {
                    try (var lock = FileChannel.open(here.resolve(CommonFolder.LOCK),
                            StandardOpenOption.CREATE, StandardOpenOption.WRITE)) {
                        CommonFolder.of(lock, here, ranks).requireSeen();
                    }
                } else {
                    CommonFolder.of(there, ranks, 0).requireSeen();
                }
                return 0;
            } catch (IOException e) {
                throw new AssertionError(e);
            }
        })).getMessage();
        assertEquals("does not see in " + there + " what rank 0 has written there: give a folder that all processes share", message);
    }
}
