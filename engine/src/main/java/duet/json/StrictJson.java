package duet.json;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;

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

    /** What is wrong, without the library's advice to its programmers. */
    private static String reason(JsonProcessingException e) {
        String first = e.getOriginalMessage().lines().findFirst().orElse("");
        return first.replaceFirst("(: | to )?enable `.*", "").replaceFirst("^Non-standard token '(.*)'$", "$1 is not a JSON number")
                .replaceFirst("^Trailing token.*", "there is more after the end")
                .replaceAll(" \\((for|class|through) .*", "").replaceAll(" \\(start marker at .*|: was expecting .*", "");
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
