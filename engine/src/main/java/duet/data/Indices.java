package duet.data;

import java.util.LinkedHashMap;
import java.util.Map;

import duet.device.Philox;

/** Orders of images as functions of (seed, purpose, step): what an epoch looks at, and when. */
public final class Indices {
    private Indices() {}

    /**
     * {@return a permutation of 0 .. size - 1 (Fisher and Yates, from the end); every draw is one element of Philox}
     *
     * @param seed    of the training
     * @param purpose see {@link duet.device.Philox}
     * @param step    such as the epoch
     * @param size    how many numbers
     */
    public static int[] permutation(long seed, int purpose, long step, int size) {
        int[] order = identity(size);
        for (int i = size - 1; i > 0; i--) {
            int j = Philox.below(seed, purpose, step, i, i + 1);
            int kept = order[i];
            order[i] = order[j];
            order[j] = kept;
        }
        return order;
    }

    static int[] identity(int size) {
        int[] order = new int[size];
        for (int i = 0; i < size; i++) {
            order[i] = i;
        }
        return order;
    }

    /** The orders of the epochs. Batches that are in the making at once span few epochs, so the latest few orders are kept. */
    static final class EpochOrders {
        private static final int KEPT = 4;
        private final long seed;
        private final int[] unshuffled;
        private final int size;
        private final Map<Long, int[]> latest = new LinkedHashMap<>(KEPT, 0.75f, true) {
            private static final long serialVersionUID = 1;

            @Override
            protected boolean removeEldestEntry(Map.Entry<Long, int[]> eldest) {
                return size() > KEPT;
            }
        };

        EpochOrders(long seed, boolean shuffle, int size) {
            this.seed = seed;
            this.size = size;
            this.unshuffled = shuffle ? null : identity(size);
        }

        /** Not to be written to. */
        synchronized int[] order(long epoch) {
            return unshuffled != null ? unshuffled
                    : latest.computeIfAbsent(epoch, e -> permutation(seed, Philox.SHUFFLE, e, size));
        }
    }
}
