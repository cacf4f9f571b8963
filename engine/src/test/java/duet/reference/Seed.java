package duet.reference;

import java.util.SplittableRandom;
import java.util.random.RandomGenerator;

/** The seed of random tests, printed: -Dduet.seed, or always the same one. */
final class Seed {
    private static final long SEED = Long.getLong("duet.seed", 2012);

    static {
        System.out.println("random tests use -Dduet.seed=" + SEED);
    }

    private Seed() {}

    static long get() {
        return SEED;
    }

    static RandomGenerator random(long seed) {
        return new SplittableRandom(seed);
    }
}
