package duet.bench.probe;

import java.util.Arrays;
import java.util.Locale;
import java.util.SplittableRandom;

import com.fasterxml.jackson.databind.node.ObjectNode;

/** Device memory, L2 and shared memory. */
final class MemoryProbes {
    private static final int VECTOR = 16;
    private static final int WORDS = 4;
    private static final int LANES = 32;

    private MemoryProbes() {}

    private static int[] random(int count) {
        return new SplittableRandom(1).ints(count).toArray();
    }

    /** Far more than L2 holds; on a card it is filled in pieces. */
    static void copy(ProbeCard card, ObjectNode answer) {
        int piece = card.virtual ? 1 << 12 : 1 << 20;
        int pieces = card.virtual ? 1 : 64;
        int vectors = piece * pieces;
        int[] pattern = random(piece * WORDS);
        long bytes = (long) vectors * VECTOR;
        long from = card.allocate(bytes);
        long to = card.allocate(bytes);
        for (int i = 0; i < pieces; i++) {
            pattern[0] = i;
            card.write(from + (long) i * piece * VECTOR, pattern);
        }
        Runnable run = () -> card.run("probe_copy", 4 * card.multiprocessors, 512, to, from, vectors);
        run.run();
        boolean correct = true;
        for (int i : new int[] {0, pieces / 2, pieces - 1}) {
            pattern[0] = i;
            correct &= Arrays.equals(pattern, card.ints(to + (long) i * piece * VECTOR, pattern.length));
        }
        answer.put("correct", correct).put("bytes", 2 * bytes).put("replaces", "Card.memoryTerabytes");
        if (!card.virtual) {
            double terabytes = 2 * bytes / card.milliseconds(run) * 1e-9;
            answer.put("terabytesPerSecond", terabytes)
                    .put("found", String.format(Locale.ROOT, "a copy reads and writes %.2f TB/s", terabytes));
        }
    }

    /** All multiprocessors read the same 16 MB, so that one partition of L2 holds it. */
    static void l2(ProbeCard card, ObjectNode answer) {
        int vectors = card.virtual ? 1 << 11 : 1 << 20;
        int turns = card.virtual ? 1 : 21; // odd: an even number of turns would leave nothing of an exclusive or
        int blocks = card.virtual ? 3 : card.multiprocessors;
        int threads = 1024;
        int[] values = random(vectors * WORDS);
        long from = card.upload(values);
        long out = card.allocate(4L * blocks * threads);
        long clocks = card.allocate(16L * blocks);
        Runnable run = () -> card.run("probe_l2", blocks, threads, out, clocks, from, vectors, turns);
        run.run();
        boolean correct = true;
        for (int block : new int[] {0, blocks / 2, blocks - 1}) {
            int[] expected = new int[threads];
            for (int i = 0; i < vectors; i++) {
                int at = (block * (vectors / blocks) + i) % vectors * WORDS;
                expected[i % threads] ^= values[at] ^ values[at + 1] ^ values[at + 2] ^ values[at + 3];
            }
            correct &= Arrays.equals(expected, card.ints(out + 4L * block * threads, threads));
        }
        answer.put("correct", correct).put("bytes", (long) blocks * turns * vectors * VECTOR).put("replaces", "Card.l2BytesPerCycle");
        if (!card.virtual) {
            double terabytes = (double) blocks * turns * vectors * VECTOR / card.milliseconds(run) * 1e-9;
            double bytes = (double) turns * vectors * VECTOR / card.cycles(clocks, blocks);
            answer.put("terabytesPerSecond", terabytes).put("bytesPerCycle", bytes * blocks).put("found", String.format(Locale.ROOT,
                    "L2 delivers %.1f bytes a cycle to each multiprocessor, %.2f TB/s in all", bytes, terabytes));
        }
    }

    /** Which vector each lane of a warp reads. */
    enum Lanes {
        /** Each its own. */
        DISTINCT {
            @Override
            int vector(int lane) {
                return lane;
            }
        },
        /** The rows of 8 lanes down, 4 across, as tile.cuh has them: neighbours agree. */
        DOWN {
            @Override
            int vector(int lane) {
                return lane / 4;
            }
        },
        /** Its columns: every fourth lane agrees, neighbours do not. */
        ACROSS {
            @Override
            int vector(int lane) {
                return lane % 4;
            }
        },
        /** Bits 1, 3 and 4 of the lane are the row, bits 0 and 2 the column: lanes i and i ^ 1 agree. */
        DOWN_INTERLEAVED {
            @Override
            int vector(int lane) {
                return lane >> 1 & 1 | lane >> 3 << 1;
            }
        },
        /** The columns of that: lanes i and i ^ 2 agree. */
        ACROSS_INTERLEAVED {
            @Override
            int vector(int lane) {
                return lane & 1 | lane >> 2 & 1 << 1;
            }
        };

        abstract int vector(int lane);

        int[] table() {
            int[] table = new int[LANES];
            Arrays.setAll(table, this::vector);
            return table;
        }
    }

    static void shared(ProbeCard card, ObjectNode answer) {
        int blocks = card.virtual ? 1 : card.multiprocessors;
        int threads = card.virtual ? 64 : 1024;
        int turns = card.virtual ? 3 : 2000;
        long out = card.allocate(4L * blocks * threads);
        long clocks = card.allocate(16L * blocks);
        boolean correct = true;
        StringBuilder found = new StringBuilder();
        for (Lanes lanes : Lanes.values()) {
            card.run("probe_lds", blocks, threads, out, clocks, card.upload(lanes.table()), turns);
            int[] results = card.ints(out, threads);
            for (int lane = 0; lane < LANES; lane++) {
                int right = expected(lanes.vector(lane), turns);
                for (int thread = lane; thread < threads; thread += LANES) {
                    correct &= results[thread] == right;
                }
            }
            if (!card.virtual) {
                double cycles = card.cycles(clocks, blocks) / (16.0 * turns * threads / LANES);
                String name = lanes.name().toLowerCase(Locale.ROOT).replace('_', '-');
                answer.put(name, cycles);
                found.append(String.format(Locale.ROOT, "%s%s %.2f", found.isEmpty() ? "LDS.128, cycles a warp: " : ", ", name, cycles));
            }
        }
        answer.put("correct", correct).put("replaces", "cycles of LDS.128 in Tile: 4, or 2 where lanes i and i ^ 1, or i and i ^ 2, agree");
        if (!card.virtual) {
            answer.put("found", found.toString());
        }
    }

    private static int expected(int vector, int turns) {
        int[] sum = new int[WORDS];
        for (int turn = 0; turn < turns; turn++) {
            for (int row = 0; row < 16; row++) {
                for (int word = 0; word < WORDS; word++) {
                    sum[word] ^= ((row * LANES + vector) * WORDS + word) * (int) 2654435761L;
                }
            }
            sum[0] = Integer.rotateLeft(sum[0], 1);
        }
        return sum[0] ^ sum[1] ^ sum[2] ^ sum[3];
    }
}
