package duet.data.source;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;

import duet.data.DataException;

/**
 * Reads the part of Python's pickle format (protocols 0 to 5) that holds dictionaries, lists, tuples, numbers, texts and NumPy arrays.
 * A pickle is a program for a stack machine that may call any function; this one calls none: names of functions are compared
 * with the few that stand for an array, and every other one is refused.
 *
 * <p>Texts and bytes both become Strings of ISO 8859-1 characters (a byte each), numbers Longs or Doubles, tuples and lists Lists.
 */
final class Pickle {
    private static final Set<String> RECONSTRUCT = Set.of("numpy.core.multiarray _reconstruct", "numpy._core.multiarray _reconstruct");
    private static final String ARRAY = "numpy ndarray";
    private static final String TYPE = "numpy dtype";
    /** How Python 3 writes bytes in protocols that have none. */
    private static final String ENCODE = "_codecs encode";
    private static final Object MARK = new Object();

    /** The name of something in a Python module; never more than a name. */
    private record Name(String text) {}

    /** @param code such as {@code u1} */
    private record Type(String code) {}

    /** An array of NumPy. */
    static final class Array {
        private List<?> state = List.of(0L, List.of(), "none", true, "");

        /** Such as {@code u1}: unsigned bytes. */
        String type() {
            return state.get(2) instanceof Type type ? type.code() : "unknown";
        }

        List<?> shape() {
            return state.get(1) instanceof List<?> shape ? shape : List.of();
        }

        /** Elements in the order of the last dimension first (C). */
        boolean rowsFirst() {
            return Boolean.FALSE.equals(state.get(3));
        }

        byte[] bytes() {
            return state.get(4) instanceof String text ? text.getBytes(StandardCharsets.ISO_8859_1) : new byte[0];
        }
    }

    private final ByteBuffer in;
    private final List<Object> stack = new ArrayList<>();
    private final Map<Integer, Object> memo = new HashMap<>();

    private Pickle(byte[] bytes) {
        in = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
    }

    /** @param what named in errors */
    static Object read(String what, byte[] bytes) {
        try {
            return new Pickle(bytes).run();
        } catch (PickleScalars.Refused e) {
            throw new DataException(what + ": " + e.getMessage(), e);
        } catch (java.nio.BufferUnderflowException e) {
            throw new DataException(what + " is truncated: the pickle ends within a value", e);
        } catch (RuntimeException e) {
            throw new DataException(what + " is a damaged pickle: its values do not fit together", e);
        }
    }

    private Object run() {
        while (true) {
            int code = in.get() & 0xFF;
            if (code == '.') {
                return pop();
            }
            Object value = PickleScalars.read(code, in);
            if (value != null) {
                push(value);
            } else if (!framing(code) && !container(code) && !memory(code) && !object(code)) {
                throw new PickleScalars.Refused(String.format(Locale.ROOT,
                        "is a pickle with the operation 0x%02x at byte %d, which a CIFAR-10 batch does not need",
                        code, in.position() - 1));
            }
        }
    }

    private boolean framing(int code) {
        switch (code) {
            case 0x80 -> in.get(); // protocol
            case 0x95 -> in.getLong(); // frame
            default -> {
                return false;
            }
        }
        return true;
    }

    private String line() {
        return PickleScalars.line(in);
    }

    private boolean container(int code) {
        switch (code) {
            case '(' -> push(MARK);
            case ')' -> push(List.of());
            case ']' -> push(new ArrayList<>());
            case '}' -> push(new LinkedHashMap<>());
            case 't' -> push(List.copyOf(popToMark()));
            case 'l' -> push(new ArrayList<>(popToMark()));
            case 'd' -> {
                List<Object> items = popToMark();
                push(new LinkedHashMap<>());
                put(items);
            }
            case 0x85 -> push(tuple(1));
            case 0x86 -> push(tuple(2));
            case 0x87 -> push(tuple(3));
            case 'a' -> append(tuple(1));
            case 'e' -> append(popToMark());
            case 's' -> put(tuple(2));
            case 'u' -> put(popToMark());
            default -> {
                return false;
            }
        }
        return true;
    }

    private List<Object> tuple(int size) {
        Object[] items = new Object[size];
        for (int i = size - 1; i >= 0; i--) {
            items[i] = pop();
        }
        return List.of(items);
    }

    private List<Object> popToMark() {
        int mark = stack.lastIndexOf(MARK);
        if (mark < 0) {
            throw new PickleScalars.Refused("is a damaged pickle: a list ends that has not begun");
        }
        List<Object> tail = stack.subList(mark + 1, stack.size());
        List<Object> items = new ArrayList<>(tail);
        stack.subList(mark, stack.size()).clear();
        return items;
    }

    @SuppressWarnings("unchecked")
    private void append(List<Object> items) {
        if (!(top() instanceof ArrayList<?> list)) {
            throw new PickleScalars.Refused("is a damaged pickle: it appends to what is no list");
        }
        ((List<Object>) list).addAll(items);
    }

    @SuppressWarnings("unchecked")
    private void put(List<Object> items) {
        if (!(top() instanceof Map<?, ?> map) || items.size() % 2 != 0) {
            throw new PickleScalars.Refused("is a damaged pickle: it adds entries to what is no dictionary");
        }
        for (int i = 0; i < items.size(); i += 2) {
            // Lists that contain themselves have no hash.
            if (!(items.get(i) instanceof String key)) {
                throw new PickleScalars.Refused(
                        "is a pickle with a dictionary whose keys are no texts, which a CIFAR-10 batch does not need");
            }
            ((Map<Object, Object>) map).put(key, items.get(i + 1));
        }
    }

    private boolean memory(int code) {
        switch (code) {
            case 'p' -> memo.put(Integer.parseInt(line()), top());
            case 'q' -> memo.put(in.get() & 0xFF, top());
            case 'r' -> memo.put(in.getInt(), top());
            case 0x94 -> memo.put(memo.size(), top());
            case 'g' -> push(recalled(Integer.parseInt(line())));
            case 'h' -> push(recalled(in.get() & 0xFF));
            case 'j' -> push(recalled(in.getInt()));
            case '0' -> pop();
            default -> {
                return false;
            }
        }
        return true;
    }

    private Object recalled(int key) {
        if (!memo.containsKey(key)) {
            throw new PickleScalars.Refused("is a damaged pickle: it refers to value " + key + ", which there is not");
        }
        return memo.get(key);
    }

    private boolean object(int code) {
        switch (code) {
            case 'c' -> push(known(line() + " " + line()));
            case 0x93 -> {
                List<Object> names = tuple(2);
                if (!(names.get(0) instanceof String module && names.get(1) instanceof String name)) {
                    throw new PickleScalars.Refused("is a damaged pickle: a name that is no text");
                }
                push(known(module + " " + name));
            }
            case 'R' -> reduce();
            case 'b' -> build();
            default -> {
                return false;
            }
        }
        return true;
    }

    private static Name known(String name) {
        if (!RECONSTRUCT.contains(name) && !Set.of(ARRAY, TYPE, ENCODE).contains(name)) {
            throw new PickleScalars.Refused("is refused: this pickle would have Python use " + name.replace(' ', '.')
                    + ", and a CIFAR-10 batch holds nothing but arrays, lists and texts; get it again from where you trust it");
        }
        return new Name(name);
    }

    private void reduce() {
        List<?> arguments = pop() instanceof List<?> list ? list : List.of();
        String function = pop() instanceof Name name ? name.text() : "";
        if (RECONSTRUCT.contains(function)) {
            push(new Array());
        } else if (function.equals(TYPE) && !arguments.isEmpty() && arguments.getFirst() instanceof String code) {
            push(new Type(code.replace("|", "")));
        } else if (function.equals(ENCODE) && !arguments.isEmpty() && arguments.getFirst() instanceof String text) {
            push(text);
        } else {
            throw new PickleScalars.Refused("is a damaged pickle: it calls what is no function of arrays");
        }
    }

    private void build() {
        Object state = pop();
        if (top() instanceof Array array) {
            if (!(state instanceof List<?> list) || list.size() != 5) {
                throw new PickleScalars.Refused("is a damaged pickle: an array of NumPy has five parts");
            }
            array.state = list;
        } else if (!(top() instanceof Type)) {
            throw new PickleScalars.Refused("is a damaged pickle: it fills in what is no array");
        }
    }

    private void push(Object value) {
        stack.add(value);
    }

    private Object pop() {
        if (stack.isEmpty() || MARK.equals(stack.getLast())) {
            throw new PickleScalars.Refused("is a damaged pickle: a value is missing");
        }
        return stack.removeLast();
    }

    private Object top() {
        if (stack.isEmpty() || MARK.equals(stack.getLast())) {
            throw new PickleScalars.Refused("is a damaged pickle: a value is missing");
        }
        return stack.getLast();
    }
}
