package duet.net;

import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;

import com.fasterxml.jackson.databind.JsonNode;

/** A JSON object whose fields are all known; every message begins with where it stands. */
final class JsonFields {
    private final JsonNode node;
    private final String where;

    /**
     * @param where   such as {@code net.json: conv1}
     * @param allowed every other field is an error
     */
    JsonFields(JsonNode node, String where, List<String> allowed) {
        this.node = node;
        this.where = where;
        if (!node.isObject()) {
            throw error("must be a JSON object such as {\"" + allowed.getFirst() + "\": ...}, not " + shown(node));
        }
        for (String field : node.propertyStream().map(Map.Entry::getKey).toList()) {
            if (!allowed.contains(field)) {
                throw error("unknown field \"" + field + "\"; " + Suggestion.of(field, allowed));
            }
        }
    }

    NetworkException error(String message) {
        return new NetworkException(where + ": " + message);
    }

    boolean has(String field) {
        return node.has(field);
    }

    JsonNode required(String field) {
        if (!node.has(field)) {
            throw error("the field \"" + field + "\" is missing");
        }
        return node.get(field);
    }

    String text(String field) {
        JsonNode value = required(field);
        if (!value.isTextual()) {
            throw error("\"" + field + "\" must be a text in quotes, not " + shown(value));
        }
        return value.textValue();
    }

    int integer(String field) {
        JsonNode value = required(field);
        if (!value.isIntegralNumber() || !value.canConvertToInt()) {
            throw error("\"" + field + "\" must be a whole number up to " + Integer.MAX_VALUE + ", not " + shown(value));
        }
        return value.intValue();
    }

    int integer(String field, int otherwise) {
        return has(field) ? integer(field) : otherwise;
    }

    double number(String field) {
        JsonNode value = required(field);
        if (!value.isNumber()) {
            throw error("\"" + field + "\" must be a number, not " + shown(value));
        }
        return value.doubleValue();
    }

    double number(String field, double otherwise) {
        return has(field) ? number(field) : otherwise;
    }

    boolean flag(String field, boolean otherwise) {
        if (!has(field)) {
            return otherwise;
        }
        JsonNode value = node.get(field);
        if (!value.isBoolean()) {
            throw error("\"" + field + "\" must be true or false, not " + shown(value));
        }
        return value.booleanValue();
    }

    /** One of the names, in small letters, of an enum. */
    <E extends Enum<E>> E choice(String field, Class<E> type) {
        String text = text(field);
        List<E> constants = List.of(type.getEnumConstants());
        List<String> names = constants.stream().map(JsonFields::name).toList();
        if (!names.contains(text)) {
            throw error("\"" + field + "\" cannot be \"" + text + "\"; " + Suggestion.of(text, names));
        }
        return constants.get(names.indexOf(text));
    }

    <E extends Enum<E>> E choice(String field, Class<E> type, E otherwise) {
        return has(field) ? choice(field, type) : otherwise;
    }

    JsonFields object(String field, String... allowed) {
        return new JsonFields(required(field), where + ": \"" + field + "\"", Arrays.asList(allowed));
    }

    /** How JSON spells an enum constant. */
    static String name(Enum<?> constant) {
        return constant.name().toLowerCase(Locale.ROOT);
    }

    private static String shown(JsonNode value) {
        String text = value.toString();
        return text.length() <= 40 ? text : text.substring(0, 37) + "...";
    }
}
