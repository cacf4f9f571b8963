package duet.json;

import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.Function;

import com.fasterxml.jackson.databind.JsonNode;
import duet.text.Suggestion;

/** A JSON object whose fields are all known; every message begins with where it stands. */
public final class JsonFields {
    private final JsonNode node;
    private final String where;
    private final Function<String, RuntimeException> failure;

    /**
     * Checks that there are no other fields.
     *
     * @param node    the object
     * @param where   it stands, such as {@code net.json: conv1}
     * @param allowed every other field is an error
     * @param failure makes an exception of a sentence
     */
    public JsonFields(JsonNode node, String where, List<String> allowed, Function<String, RuntimeException> failure) {
        this.node = node;
        this.where = where;
        this.failure = failure;
        if (!node.isObject()) {
            throw new JsonValue(node, where, "", failure).expectedObject(allowed.getFirst());
        }
        for (String field : node.propertyStream().map(Map.Entry::getKey).toList()) {
            if (!allowed.contains(field)) {
                throw error("unknown field \"" + field + "\"; " + Suggestion.of(field, allowed));
            }
        }
    }

    /**
     * {@return what the reader of the file throws}
     *
     * @param message a sentence without its beginning
     */
    public RuntimeException error(String message) {
        return failure.apply(where + ": " + message);
    }

    /**
     * {@return whether there is such a field}
     *
     * @param field its name
     */
    public boolean has(String field) {
        return node.has(field);
    }

    JsonValue value(String field) {
        if (!node.has(field)) {
            throw error("the field \"" + field + "\" is missing");
        }
        return new JsonValue(node.get(field), where, "\"" + field + "\"", failure);
    }

    /**
     * {@return a field as it stands}
     *
     * @param field must be there
     */
    public JsonNode required(String field) {
        return value(field).node();
    }

    /**
     * {@return a text}
     *
     * @param field must be there
     */
    public String text(String field) {
        return value(field).text();
    }

    /**
     * {@return a list of texts}
     *
     * @param field must be there
     */
    public List<String> texts(String field) {
        return value(field).list().stream().map(JsonValue::text).toList();
    }

    /**
     * {@return a whole number}
     *
     * @param field must be there
     */
    public int integer(String field) {
        return value(field).integer();
    }

    /**
     * {@return a whole number}
     *
     * @param field     may be missing
     * @param otherwise what it is then
     */
    public int integer(String field, int otherwise) {
        return has(field) ? integer(field) : otherwise;
    }

    /**
     * {@return a finite number}
     *
     * @param field must be there
     */
    public double number(String field) {
        return value(field).number();
    }

    /**
     * {@return a finite number}
     *
     * @param field     may be missing
     * @param otherwise what it is then
     */
    public double number(String field, double otherwise) {
        return has(field) ? number(field) : otherwise;
    }

    /**
     * {@return true or false}
     *
     * @param field     may be missing
     * @param otherwise what it is then
     */
    public boolean flag(String field, boolean otherwise) {
        return has(field) ? value(field).flag() : otherwise;
    }

    /**
     * {@return one of the names, in small letters, of an enum}
     *
     * @param field must be there
     * @param type  the enum
     * @param <E>   the enum
     */
    public <E extends Enum<E>> E choice(String field, Class<E> type) {
        return value(field).choice(type, JsonFields::name);
    }

    /**
     * {@return one of the names, in small letters, of an enum}
     *
     * @param field     may be missing
     * @param type      the enum
     * @param otherwise what it is then
     * @param <E>       the enum
     */
    public <E extends Enum<E>> E choice(String field, Class<E> type, E otherwise) {
        return has(field) ? choice(field, type) : otherwise;
    }

    /**
     * {@return an object in a field}
     *
     * @param field   must be there
     * @param allowed its fields
     */
    public JsonFields object(String field, String... allowed) {
        return value(field).object(allowed);
    }

    /**
     * {@return how JSON spells an enum constant: in small letters}
     *
     * @param constant any
     */
    public static String name(Enum<?> constant) {
        return constant.name().toLowerCase(Locale.ROOT);
    }
}
