package duet.reference;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URISyntaxException;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

import duet.model.Safetensors;

/** A file of numbers that PyTorch made (src/test/python/make_golden.py). */
record Golden(Map<String, float[]> values, Map<String, List<Long>> shapes) {
    static Golden read(String name) {
        try (Safetensors file = Safetensors.open(Path.of(Golden.class.getResource("/golden/" + name).toURI()))) {
            Map<String, float[]> values = new HashMap<>();
            Map<String, List<Long>> shapes = new HashMap<>();
            for (Safetensors.Entry entry : file.entries().values()) {
                values.put(entry.name(), file.floats(entry.name()));
                shapes.put(entry.name(), entry.shape());
            }
            return new Golden(values, shapes);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (URISyntaxException e) {
            throw new IllegalStateException(e);
        }
    }

    float[] floats(String name) {
        return values.get(name);
    }

    int size(String name, int dimension) {
        return shapes.get(name).get(dimension).intValue();
    }

    int[] integers(String name) {
        float[] floats = floats(name);
        int[] integers = new int[floats.length];
        for (int i = 0; i < integers.length; i++) {
            integers[i] = (int) floats[i];
        }
        return integers;
    }

    /** Every element within 1e-4, relative to it or to the root mean square of them all if that is larger. */
    void assertClose(String name, double[] actual) {
        float[] expected = floats(name);
        assertEquals(expected.length, actual.length, name);
        double squares = 0;
        for (float value : expected) {
            squares += (double) value * value;
        }
        double typical = Math.sqrt(squares / expected.length);
        for (int i = 0; i < actual.length; i++) {
            assertEquals(expected[i], actual[i], 1e-4 * Math.max(typical, Math.abs(expected[i])), name + ", element " + i);
        }
    }
}
