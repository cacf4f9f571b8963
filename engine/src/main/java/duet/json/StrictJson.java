package duet.json;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;

/**
 * Reads JSON from one place, such as a file. Duplicate fields, text after the end, numbers that are not finite, missing and unknown fields
 * are faults; each is a sentence that names the place and the field.
 */
public final class StrictJson {
    private static final JsonMapper MAPPER = JsonMapper.builder().enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
            .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS).disable(StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION).build();

    /** Beginnings of Jackson's messages. */
    private static final Map<String, String> REASONS = Map.of(
            "Trailing token", "there is more after the end",
            "Unexpected end-of-input", "it ends too early",
            "Unexpected character", "another character was expected",
            "Illegal", "a control character that has no place there",
            "Invalid numeric value", "no number",
            "Document nesting depth", "too many objects and lists inside one another",
            "Number value length", "a number of too many digits",
            "String value length", "a text that is too long",
            "Unrecognized character escape", "an unknown escape after \\");
    /** Messages that quote what is wrong and are good up to there. */
    private static final Pattern QUOTED = Pattern.compile("(?:Duplicate field|Unrecognized token|Non-standard token) '[^']{1,40}'");

    private final String origin;
    private final Function<String, RuntimeException> failure;
    private final Map<Class<?>, JsonRecords.Variants> variants = new HashMap<>();

    /**
     * Reads from a place.
     *
     * @param origin  what messages call it, such as a file name
     * @param failure makes an exception of a sentence
     */
    public StrictJson(String origin, Function<String, RuntimeException> failure) {
        this.origin = origin;
        this.failure = failure;
    }

    /**
     * {@return this, to which an interface is several records, told apart by a field}
     *
     * @param type     the interface
     * @param property the field
     * @param names    the records by what the field says
     */
    public StrictJson with(Class<?> type, String property, Map<String, Class<?>> names) {
        variants.put(type, new JsonRecords.Variants(property, Map.copyOf(names)));
        return this;
    }

    /**
     * {@return what a text says}
     *
     * @param text JSON
     */
    public JsonNode tree(String text) {
        try {
            JsonNode tree = MAPPER.readTree(text);
            if (tree.isMissingNode()) {
                throw failure.apply(origin + ": is empty, where JSON should stand");
            }
            return tree;
        } catch (JsonProcessingException e) {
            String place = e.getLocation() == null ? ""
                    : " at line " + e.getLocation().getLineNr() + ", column " + e.getLocation().getColumnNr();
            throw failure.apply(origin + ": not valid JSON" + place + ": " + reason(e));
        }
    }

    /** What is wrong, in words that do not depend on the library's advice to its programmers. */
    private static String reason(JsonProcessingException e) {
        String message = e.getOriginalMessage().lines().findFirst().orElse("");
        return REASONS.entrySet().stream().filter(reason -> message.startsWith(reason.getKey())).map(Map.Entry::getValue).findFirst()
                .orElseGet(() -> {
                    Matcher quoted = QUOTED.matcher(message);
                    return quoted.lookingAt() ? quoted.group() : "what stands there is not JSON";
                });
    }

    /**
     * {@return what is thrown for a fault that the reader of the file has found}
     *
     * @param message a sentence without its beginning
     */
    public RuntimeException error(String message) {
        return failure.apply(origin + ": " + message);
    }

    /**
     * {@return the fields of an object}
     *
     * @param text    JSON
     * @param allowed every other field is an error
     */
    public JsonFields fields(String text, List<String> allowed) {
        return new JsonFields(tree(text), origin, allowed, failure);
    }

    /**
     * {@return a record, or a list or an array of what can be read}
     *
     * @param text JSON
     * @param type a record of numbers, texts, enums, records, lists and arrays
     * @param <T>  the type
     */
    public <T> T read(String text, Class<T> type) {
        return read(tree(text), type);
    }

    /**
     * {@return a record, or a list or an array of what can be read}
     *
     * @param tree JSON
     * @param type a record of numbers, texts, enums, records, lists and arrays
     * @param <T>  the type
     */
    public <T> T read(JsonNode tree, Class<T> type) {
        return type.cast(new JsonRecords(variants).read(new JsonValue(tree, origin, "", failure), type));
    }
}
