package duet.bindings;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The CUDA kernels as PTX text, a module for each source file: from the folder that the system property {@code duet.ptx} names, else from
 * the jar. Either has a file modules.txt that lists the modules; it is empty in a build without nvcc.
 */
public final class KernelCode {
    private static final String RESOURCES = "META-INF/duet/cuda/";
    private static final Pattern ENTRY = Pattern.compile("\\.entry\\s+(\\w+)");

    private final Map<String, String> modules;
    private final Map<String, String> moduleOf = new HashMap<>();

    /**
     * Kernels from elsewhere than this build.
     *
     * @param modules PTX text by name of the module
     */
    public KernelCode(Map<String, String> modules) {
        this.modules = Map.copyOf(modules);
        modules.forEach((name, text) -> {
            for (Matcher entry = ENTRY.matcher(text); entry.find();) {
                moduleOf.put(entry.group(1), name);
            }
        });
    }

    /** {@return the kernels of this build, or of the folder that {@code duet.ptx} names} */
    public static KernelCode load() {
        try {
            Map<String, String> modules = new LinkedHashMap<>();
            for (String name : read("modules.txt").lines().filter(line -> !line.isBlank()).toList()) {
                modules.put(name, read(name + ".ptx"));
            }
            return new KernelCode(modules);
        } catch (NoSuchFileException e) {
            return new KernelCode(Map.of());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /**
     * {@return what ptxas made of the kernels for sm_90, by name of the module; empty in a build without nvcc} Not to be run: a static
     * model reads what the kernels cost there.
     */
    public static Map<String, byte[]> loadCubins() {
        try {
            Map<String, byte[]> cubins = new LinkedHashMap<>();
            for (String name : read("modules.txt").lines().filter(line -> !line.isBlank()).toList()) {
                cubins.put(name, bytes(name + ".cubin"));
            }
            return cubins;
        } catch (NoSuchFileException e) {
            return Map.of();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static String read(String file) throws IOException {
        return new String(bytes(file), StandardCharsets.UTF_8);
    }

    private static byte[] bytes(String file) throws IOException {
        String folder = System.getProperty("duet.ptx");
        if (folder != null) {
            return Files.readAllBytes(Path.of(folder, file));
        }
        // By class loader, not by class: on the module path the resource lies in a module of its own.
        try (InputStream stream = KernelCode.class.getClassLoader().getResourceAsStream(RESOURCES + file)) {
            if (stream == null) {
                throw new NoSuchFileException(RESOURCES + file);
            }
            return stream.readAllBytes();
        }
    }

    /** {@return the PTX text by name of the module} */
    public Map<String, String> modules() {
        return modules;
    }

    /**
     * {@return the module that has a kernel, or null}
     *
     * @param kernel name of an entry point
     */
    public String moduleOf(String kernel) {
        return moduleOf.get(kernel);
    }
}
