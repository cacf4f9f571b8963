package duet.json;

import java.lang.reflect.Array;
import java.lang.reflect.Constructor;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.ParameterizedType;
import java.lang.reflect.RecordComponent;
import java.lang.reflect.Type;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;

import duet.text.Suggestion;

/**
 * Makes records of JSON objects: a field for each component, enums by the names of their constants.
 *
 * @param variants interfaces that are several records
 */
record JsonRecords(Map<Class<?>, Variants> variants) {
    private static final Set<Class<?>> BOXED = Set.of(Integer.class, Long.class, Double.class, Boolean.class);

    /** @param names the records by what the field {@code property} says */
    record Variants(String property, Map<String, Class<?>> names) {}

    Object read(JsonValue value, Type type) {
        if (type instanceof ParameterizedType list && list.getRawType() == List.class) {
            return value.list().stream().map(element -> read(element, list.getActualTypeArguments()[0])).toList();
        }
        Class<?> plain = (Class<?>) type;
        if (plain == String.class) {
            return value.text();
        } else if (plain == int.class || plain == Integer.class) {
            return value.integer();
        } else if (plain == long.class || plain == Long.class) {
            return value.whole();
        } else if (plain == double.class || plain == Double.class) {
            return value.number();
        } else if (plain == boolean.class || plain == Boolean.class) {
            return value.flag();
        } else if (plain.isArray()) {
            return array(value, plain.getComponentType());
        } else if (plain.isEnum()) {
            return constant(value, plain);
        } else if (variants.containsKey(plain)) {
            return variant(value, variants.get(plain));
        } else if (plain.isRecord()) {
            return record(value, plain, List.of());
        }
        throw value.error("cannot be given here");
    }

    private Object array(JsonValue value, Class<?> element) {
        List<JsonValue> values = value.list();
        Object array = Array.newInstance(element, values.size());
        for (int i = 0; i < values.size(); i++) {
            Array.set(array, i, read(values.get(i), element));
        }
        return array;
    }

    @SuppressWarnings({"unchecked", "rawtypes"})
    private static Object constant(JsonValue value, Class<?> type) {
        return value.choice((Class) type, constant -> ((Enum<?>) constant).name());
    }

    private Object variant(JsonValue value, Variants possible) {
        String property = possible.property();
        if (!value.node().isObject()) {
            throw value.expectedObject(property);
        }
        JsonValue name = new JsonValue(value.node().path(property), value.inside(), "\"" + property + "\"", value.failure());
        Class<?> type = name.node().isTextual() ? possible.names().get(name.text()) : null;
        if (type == null) {
            List<String> names = possible.names().keySet().stream().sorted().toList();
            throw name.error("cannot be " + name.node() + "; " + Suggestion.of(name.node().asText(), names));
        }
        return record(value, type, List.of(property));
    }

    /** @param more fields that are known already */
    private Object record(JsonValue value, Class<?> type, List<String> more) {
        List<RecordComponent> components = Stream.of(type.getRecordComponents()).toList();
        List<String> names = Stream.concat(components.stream().map(RecordComponent::getName), more.stream()).toList();
        JsonFields fields = value.object(names);
        Object[] values = components.stream().map(component -> component(fields, component)).toArray();
        try {
            Constructor<?> constructor = type
                    .getDeclaredConstructor(components.stream().map(RecordComponent::getType).toArray(Class<?>[]::new));
            constructor.setAccessible(true);
            return constructor.newInstance(values);
        } catch (InvocationTargetException e) {
            if (e.getCause() instanceof IllegalArgumentException unfit) {
                throw fields.error(unfit.getMessage());
            }
            throw new IllegalStateException(type + " of " + Arrays.toString(values), e.getCause());
        } catch (ReflectiveOperationException e) {
            throw new IllegalStateException(e);
        }
    }

    private Object component(JsonFields fields, RecordComponent component) {
        String name = component.getName();
        boolean absent = !fields.has(name) || fields.value(name).node().isNull();
        boolean optional = BOXED.contains(component.getType()) || component.isAnnotationPresent(Nullable.class);
        return absent && optional ? null : read(fields.value(name), component.getGenericType());
    }
}
