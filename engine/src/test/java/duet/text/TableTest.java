package duet.text;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.List;

import org.junit.jupiter.api.Test;

class TableTest {
    @Test
    void columnsAreAsWideAsTheirLongestCell() {
        Table table = new Table("lrl");
        table.row("layer", "parameters", "where");
        table.row("conv1", "34,944", "");
        table.row("a-longer-name", "", "the first");
        assertEquals(List.of(
                "layer          parameters  where",
                "conv1              34,944",
                "a-longer-name              the first"), table.lines());
    }

    @Test
    void wrongTablesAreRefused() {
        assertThrows(IllegalArgumentException.class, () -> new Table("lrx"));
        assertThrows(IllegalArgumentException.class, () -> new Table("lr").row("one"));
    }
}
