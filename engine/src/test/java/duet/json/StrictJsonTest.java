package duet.json;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class StrictJsonTest {
    private enum Colour { RED, GREEN }

    private sealed interface Form permits Circle, Box {}

    private record Circle(double radius) implements Form {
        private Circle {
            if (!(radius > 0)) {
                throw new IllegalArgumentException("a radius must be above 0, not " + radius);
            }
        }
    }

    private record Box(int width, int height) implements Form {}

    private record Thing(String name, long count, boolean good, Colour colour, List<Box> boxes, double[][] table, @Nullable String note,
            Integer size, Form form, @Nullable Path file) {}

    private static final String THING = "{\"name\": \"a\", \"count\": 5000000000, \"good\": true, \"colour\": \"GREEN\", \"boxes\": "
            + "[{\"width\": 1, \"height\": 2}], \"table\": [[1, 2.5], []], \"note\": null, \"form\": {\"kind\": \"circle\", "
            + "\"radius\": 2}}";

    private static final class Refusal extends RuntimeException {
        private static final long serialVersionUID = 1;

        Refusal(String message) {
            super(message);
        }
    }

    private static Thing read(String text) {
        return new StrictJson("file.json", Refusal::new).with(Form.class, "kind", Map.of("circle", Circle.class, "box", Box.class))
                .read(text, Thing.class);
    }

    @Test
    void aRecord() {
        Thing thing = read(THING);
        assertEquals("a", thing.name());
        assertEquals(5_000_000_000L, thing.count());
        assertEquals(Colour.GREEN, thing.colour());
        assertEquals(List.of(new Box(1, 2)), thing.boxes());
        assertArrayEquals(new double[][] {{1, 2.5}, {}}, thing.table());
        assertNull(thing.note());
        assertNull(thing.size());
        assertNull(thing.file());
        assertEquals(new Circle(2), thing.form());
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '`', value = {
            "\"a\" | null | \"name\" must be a text in quotes, not null",
            "\"name\": \"a\", | `` | the field \"name\" is missing",
            "\"name\": \"a\" | \"name\": \"a\", \"name\": \"b\" | not valid JSON at line 1, column 21: Duplicate field 'name'",
            "\"name\" | \"nme\" | unknown field \"nme\"; did you mean \"name\"? (it can be name, count, good, colour, boxes, table, "
                    + "note, size, form, file)",
            "5000000000 | 1e3 | \"count\" must be a whole number, not 1000.0",
            "5000000000 | 99999999999999999999 | \"count\" must be a whole number, not 99999999999999999999",
            "true | 1 | \"good\" must be true or false, not 1",
            "GREEN | GREY | \"colour\" cannot be \"GREY\"; it can be RED, GREEN",
            "\"GREEN\" | null | \"colour\" must be a text in quotes, not null",
            "\"width\": 1 | \"width\": \"1\" | \"boxes\" entry 1: \"width\" must be a whole number up to 2147483647, not \"1\"",
            "\"width\": 1 | \"width\": null | \"boxes\" entry 1: \"width\" must be a whole number up to 2147483647, not null",
            "{\"width\": 1, \"height\": 2} | 7 | \"boxes\" entry 1: must be a JSON object such as {\"width\": ...}, not 7",
            "2.5 | null | \"table\" entry 1 entry 2 must be a number, not null",
            "2.5 | 1e999 | \"table\" entry 1 entry 2 must be a finite number; this one is too large",
            "2.5 | NaN | not valid JSON at line 1, column 124: Non-standard token 'NaN'",
            "[] | {} | \"table\" entry 2 must be a list in [ and ], not {}",
            "\"note\": null | \"file\": \"x\" | \"file\" cannot be given here",
            "circle | cirle | \"form\": \"kind\" cannot be \"cirle\"; did you mean \"circle\"? (it can be box, circle)",
            "circle | box | \"form\": unknown field \"radius\"; it can be width, height, kind",
            "\"radius\": 2 | \"radius\": -2 | \"form\": a radius must be above 0, not -2.0",
            "\"kind\": \"circle\" | \"kind\": null | \"form\": \"kind\" cannot be null; it can be box, circle",
            "2}} | 2}} 1 | not valid JSON at line 1, column 187: there is more after the end",
            "2}} | 2} | not valid JSON at line 1, column 185: it ends too early"})
    void faults(String what, String by, String message) {
        String text = THING.replace(what, by);
        String told = assertThrows(Refusal.class, () -> read(text), text).getMessage();
        String start = "file.json: " + message;
        assertEquals(start, told.substring(0, Math.min(told.length(), start.length())), told);
    }

    @Test
    void noJson() {
        assertEquals("file.json: is empty, where JSON should stand", assertThrows(Refusal.class, () -> read("")).getMessage());
        assertEquals("file.json: not valid JSON at line 1, column 1: Unrecognized token 'hello'",
                assertThrows(Refusal.class, () -> read("hello")).getMessage());
        assertEquals("file.json: must be a JSON object such as {\"name\": ...}, not null",
                assertThrows(Refusal.class, () -> read("null")).getMessage());
    }
}
