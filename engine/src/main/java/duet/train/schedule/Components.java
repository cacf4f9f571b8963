package duet.train.schedule;

import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.RecordComponent;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Copies of records with many components, of which few change: only those need to be named. */
final class Components {
    private Components() {}

    /**
     * A copy of a record in which some components have other values; the constructor checks them all together.
     *
     * @param changes names and values in turn
     */
    static <R extends Record> R with(R record, Object... changes) {
        @SuppressWarnings("unchecked")
        Class<R> type = (Class<R>) record.getClass();
        List<Class<?>> types = new ArrayList<>();
        Map<String, Object> values = new LinkedHashMap<>();
        try {
            for (RecordComponent component : type.getRecordComponents()) {
                types.add(component.getType());
                values.put(component.getName(), component.getAccessor().invoke(record));
            }
            for (int i = 0; i < changes.length; i += 2) {
                String name = (String) changes[i];
                if (!values.containsKey(name)) {
                    throw new IllegalArgumentException(type.getSimpleName() + " has no component " + name);
                }
                values.put(name, changes[i + 1]);
            }
            return type.getConstructor(types.toArray(Class<?>[]::new)).newInstance(values.values().toArray());
        } catch (InvocationTargetException e) {
            throw e.getCause() instanceof RuntimeException refused ? refused : new IllegalStateException(e);
        } catch (ReflectiveOperationException e) {
            throw new IllegalStateException(e);
        }
    }
}
