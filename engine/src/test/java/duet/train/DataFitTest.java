package duet.train;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;

import org.junit.jupiter.api.Test;

/** When labels mean the same classes to a network and to data. */
class DataFitTest {
    @Test
    void namesOfTheSameClass() {
        List<String> archives = List.of("n01440764 tench, Tinca tinca", "n01443537 goldfish");
        assertTrue(DataFit.sameClasses(archives, List.of("n01440764", "n01443537")));
        assertTrue(DataFit.sameClasses(List.of("class 0", "class 1"), archives));
        assertFalse(DataFit.sameClasses(archives, List.of("n01443537", "n01440764")));
        assertFalse(DataFit.sameClasses(List.of("cat", "dog"), List.of("dog", "cat")));
        assertFalse(DataFit.sameClasses(List.of("class 1", "class 0"), archives));
        assertFalse(DataFit.sameClasses(List.of("cat"), List.of("cat", "dog")));
    }
}
