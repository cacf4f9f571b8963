package duet.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;

import duet.data.Dataset;
import duet.train.schedule.TrainingException;
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

    /** Labels of data are the network's, whatever order the data have them in and how many. */
    @Test
    void classesAreFoundByName() {
        Dataset data = new Tiny.Patterns(8, List.of("checks", "bars"), 1);
        Dataset labelled = DataFit.labelled(Tiny.CLASSES, data);
        assertEquals(Tiny.CLASSES, labelled.classNames());
        byte[] image = new byte[144];
        for (int i = 0; i < 8; i++) {
            assertEquals(data.classNames().get(data.read(i, image, 0)), Tiny.CLASSES.get(labelled.read(i, image, 0)));
        }
        Dataset same = new Tiny.Patterns(8, Tiny.CLASSES, 1);
        assertSame(same, DataFit.labelled(Tiny.CLASSES, same));
        assertSame(same, DataFit.labelled(List.of("class 0", "class 1", "class 2", "class 3"), same), "an import without names");
        String message = assertThrows(TrainingException.class,
                () -> DataFit.labelled(Tiny.CLASSES, new Tiny.Patterns(8, List.of("bars", "dots"), 1))).getMessage();
        assertTrue(message.endsWith("has the class dots, which the network does not know; it has bars, columns, checks, blank"), message);
        assertEquals(-1, DataFit.labelled(Tiny.CLASSES, new Tiny.Patterns(8, List.of("checks", "bars"), 1).damaged(3)).read(3, image, 0));
    }
}
