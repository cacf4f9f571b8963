package duet.json;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.Function;

import com.fasterxml.jackson.databind.JsonNode;
import duet.text.Suggestion;

/**
 * A value and where it stands. Each method gives it as what is wanted, or throws what the reader of the file throws.
 *
 * @param node    the value
 * @param where   the file and the objects around it, such as {@code net.json: conv1}
 * @param name    what messages call the value, such as {@code "kernel"} in quotes; empty for the whole text
 * @param failure makes an exception of a sentence
 */
record JsonValue(JsonNode node, String where, String name, Function<String, RuntimeException> failure) {
    private static final int MOST_SHOWN = 40;

    RuntimeException error(String message) {
        return failure.apply(where + ": " + (name.isEmpty() ? "" : name + " ") + message);
    }

    private RuntimeException expected(String what) {
        return error("must be " + what + ", not " + shown());
    }

    RuntimeException expectedObject(String field) {
        return expected("a JSON object such as {\"" + field + "\": ...}");
    }

    String text() {
        if (!node.isTextual()) {
            throw expected("a text in quotes");
        }
        return node.textValue();
    }

    int integer() {
        if (!node.isIntegralNumber() || !node.canConvertToInt()) {
            throw expected("a whole number up to " + Integer.MAX_VALUE);
        }
        return node.intValue();
    }

    long whole() {
        if (!node.isIntegralNumber() || !node.canConvertToLong()) {
            throw expected("a whole number");
        }
        return node.longValue();
    }

    double number() {
        if (!node.isNumber()) {
            throw expected("a number");
        }
        if (!Double.isFinite(node.doubleValue())) {
            throw error("must be a finite number; this one is too large");
        }
        return node.doubleValue();
    }

    boolean flag() {
        if (!node.isBoolean()) {
            throw expected("true or false");
        }
        return node.booleanValue();
    }

    /** @param spelling how JSON spells a constant */
    <E extends Enum<E>> E choice(Class<E> type, Function<E, String> spelling) {
        String text = text();
        List<E> constants = List.of(type.getEnumConstants());
        List<String> names = constants.stream().map(spelling).toList();
        if (!names.contains(text)) {
            throw error("cannot be \"" + text + "\"; " + Suggestion.of(text, names));
        }
        return constants.get(names.indexOf(text));
    }

    List<JsonValue> list() {
        if (!node.isArray()) {
            throw expected("a list in [ and ]");
        }
        List<JsonValue> values = new ArrayList<>();
        for (JsonNode element : node) {
            values.add(new JsonValue(element, where, (name.isEmpty() ? "entry " : name + " entry ") + (values.size() + 1), failure));
        }
        return values;
    }

    /** Where things in this object stand. */
    String inside() {
        return name.isEmpty() ? where : where + ": " + name;
    }

    JsonFields object(List<String> allowed) {
        return new JsonFields(node, inside(), allowed, failure);
    }

    JsonFields object(String... allowed) {
        return object(Arrays.asList(allowed));
    }

    private String shown() {
        String text = node.toString();
        return text.length() <= MOST_SHOWN ? text : text.substring(0, MOST_SHOWN - 3) + "...";
    }
}
