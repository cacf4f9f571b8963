package duet.fuzz;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;

import duet.fuzz.Fuzz.Target;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.io.TempDir;

/** Every reader reads its sound files, and a few changed ones; {@code -Dduet.fuzz=1000000} tries more, {@link Fuzz} one reader alone. */
class FuzzTest {
    private static final int FILES = Integer.getInteger("duet.fuzz", 300);
    private static final long SEED = Long.getLong("duet.seed", System.nanoTime());

    @TempDir
    private static Path folder;

    @TestFactory
    Stream<DynamicTest> isReadOrRefused() throws Exception {
        System.out.println("FuzzTest: -Dduet.seed=" + SEED);
        List<Target> targets = Fuzz.targets(folder);
        return targets.stream().map(target -> DynamicTest.dynamicTest(target.name(), () -> {
            for (byte[] sound : target.corpus()) {
                target.reader().read(sound);
            }
            assertEquals(List.of(), Fuzz.run(target, FILES, SEED).findings());
        }));
    }
}
