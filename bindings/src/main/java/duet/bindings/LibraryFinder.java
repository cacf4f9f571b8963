package duet.bindings;

import static java.lang.foreign.ValueLayout.JAVA_INT;

import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;

import duet.bindings.cpu.DuetCpu;

/** Finds and opens one library: the file that a property names, else the one in the jar, else the system's. */
final class LibraryFinder {
    private static final String CPU = "duet_cpu";
    private static final String VIRTUAL_GPU = "duet_vgpu";
    private static final String PROBE = "duet_probe";

    private final UnaryOperator<String> properties;
    private final UnaryOperator<String> environment;
    private final Set<String> processorFlags;

    LibraryFinder(UnaryOperator<String> properties, UnaryOperator<String> environment, Set<String> processorFlags) {
        this.properties = properties;
        this.environment = environment;
        this.processorFlags = processorFlags;
    }

    NativeLibrary open(String name) {
        try {
            NativeLibrary library = find(name);
            return name.equals(CPU) ? checkVersion(library) : library;
        } catch (IllegalArgumentException | UnsatisfiedLinkError e) {
            return NativeLibrary.unusable(e.getMessage());
        }
    }

    private NativeLibrary find(String name) {
        String file = properties.apply("duet.lib." + name);
        if (file != null) {
            return openFile(name, Path.of(file));
        }
        if (name.equals(CPU)) {
            CpuVariant variant = CpuVariant.choose(Optional.ofNullable(properties.apply("duet.cpu")).orElse(environment.apply("DUET_CPU")),
                    processorFlags);
            Optional<byte[]> content = resource(fileName(variant));
            if (content.isPresent()) {
                return openUnpacked(content.get(), fileName(variant));
            }
        }
        if (name.startsWith(MpiLibrary.FUNCTIONS)) {
            return openMpi(name);
        }
        if (name.equals(VIRTUAL_GPU) || name.equals(PROBE)) {
            Optional<byte[]> content = resource(System.mapLibraryName(name));
            if (content.isPresent()) {
                return openUnpacked(content.get(), System.mapLibraryName(name));
            }
        }
        return openFromSystem(name);
    }

    /** There is no library to fall back on: each is made where its MPI is installed. */
    private NativeLibrary openMpi(String name) {
        String file = System.mapLibraryName(name);
        byte[] content = resource(file).orElseThrow(() -> new UnsatisfiedLinkError(
                "this build of Duet has no " + file + ": " + MpiLibrary.remedy(name)));
        // UCX, which MPICH may load, would take SIGSEGV from Java, which needs it to find nulls.
        DynamicLinker.setEnvironment("UCX_ERROR_SIGNALS", "");
        try {
            return openUnpacked(content, file);
        } catch (UnsatisfiedLinkError e) { // built on a machine that has this MPI, and run on one that has not
            throw e.getMessage().contains("libmpi") ? new UnsatisfiedLinkError(MpiLibrary.missing(name)) : e;
        }
    }

    private NativeLibrary openFile(String name, Path file) {
        Path absolute = file.toAbsolutePath();
        try {
            return NativeLibrary.at(absolute.toString(), DynamicLinker.open(absolute.toString()));
        } catch (UnsatisfiedLinkError e) {
            throw new UnsatisfiedLinkError("duet.lib." + name + " names a file that cannot be opened: " + e.getMessage());
        }
    }

    private NativeLibrary openFromSystem(String name) {
        String file = systemName(name);
        try {
            SymbolLookup symbols = DynamicLinker.open(file);
            return NativeLibrary.at(mappedFile(file), symbols);
        } catch (UnsatisfiedLinkError e) {
            String hint = switch (name) {
                case "turbojpeg" -> "; apt-get install libturbojpeg0";
                case CPU -> "; the jar has no kernels for " + platform() + " either";
                case "cuda" -> "; it comes with NVIDIA's driver";
                case NcclLibrary.FUNCTIONS -> "; pip install nvidia-nccl-cu13, and name the folder of libnccl.so.2 in LD_LIBRARY_PATH";
                case VIRTUAL_GPU, PROBE -> "; the jar has none for " + platform() + " either";
                default -> "";
            };
            throw new UnsatisfiedLinkError("The library " + name + " cannot be opened: " + e.getMessage() + hint);
        }
    }

    private NativeLibrary openUnpacked(byte[] content, String name) {
        return openUnpacked(content, digest(name, content), name, DynamicLinker::open);
    }

    /** As the build wrote it beside the library: Java computes it slowly before it has been compiled. */
    private String digest(String name, byte[] content) {
        return resource(name + ".sha256").map(text -> new String(text, StandardCharsets.US_ASCII).strip())
                .filter(text -> text.matches("[0-9a-f]{64}")).orElseGet(() -> LibraryCache.sha256(content));
    }

    /** From the user's cache, or from a folder of this process alone if the cache cannot be written or runs no programs ("noexec"). */
    NativeLibrary openUnpacked(byte[] content, String digest, String name, Function<String, SymbolLookup> opener) {
        String failure;
        Path cache = cacheFolder();
        try {
            Path file = LibraryCache.unpack(content, digest, name, cache);
            return NativeLibrary.at(file.toString(), opener.apply(file.toString()));
        } catch (IOException | UnsatisfiedLinkError e) {
            failure = cache + ": " + reason(e);
        }
        Path temporary = Path.of(properties.apply("java.io.tmpdir"));
        try {
            Path folder = Files.createTempDirectory(temporary, "duet-");
            Path file = LibraryCache.unpack(content, digest, name, folder);
            // Deleted in the reverse order; an open library lives on without its file.
            Stream.of(folder, file.getParent(), file).forEach(path -> path.toFile().deleteOnExit());
            return NativeLibrary.at(file.toString(), opener.apply(file.toString()));
        } catch (IOException | UnsatisfiedLinkError e) {
            throw new UnsatisfiedLinkError(
                    "The library " + name + " can be used from neither " + failure + "; nor " + temporary + ": " + reason(e)
                            + "; set XDG_CACHE_HOME to a folder that is writable and not mounted noexec");
        }
    }

    private static String reason(Throwable e) {
        return e instanceof java.nio.file.FileSystemException f
                ? f.getFile() + ": " + Optional.ofNullable(f.getReason()).orElse(f.getClass().getSimpleName()) : e.getMessage();
    }

    /** $XDG_CACHE_HOME/duet or ~/.cache/duet; a relative XDG_CACHE_HOME does not count, as its specification says. */
    private Path cacheFolder() {
        String configured = environment.apply("XDG_CACHE_HOME");
        Path caches = configured != null && Path.of(configured).isAbsolute()
                ? Path.of(configured) : Path.of(properties.apply("user.home"), ".cache");
        return caches.resolve("duet");
    }

    /** linux-x86_64, linux-aarch64, macos-aarch64, ... as in the jar. */
    private String platform() {
        String system = properties.apply("os.name").toLowerCase(Locale.ROOT).startsWith("mac")
                ? "macos" : properties.apply("os.name").toLowerCase(Locale.ROOT);
        String architecture = properties.apply("os.arch");
        return system + "-" + (architecture.equals("amd64") ? "x86_64" : architecture);
    }

    private static String fileName(CpuVariant variant) {
        return System.mapLibraryName(CPU + "-" + variant.label());
    }

    private Optional<byte[]> resource(String file) {
        String path = "META-INF/duet/" + platform() + "/" + file;
        // By class loader, not by class: on the module path the libraries lie in a module of their own.
        try (InputStream stream = LibraryFinder.class.getClassLoader().getResourceAsStream(path)) {
            return stream == null ? Optional.empty() : Optional.of(stream.readAllBytes());
        } catch (IOException e) {
            throw new UnsatisfiedLinkError("A library cannot be read from the jar (" + path + "): " + e.getMessage());
        }
    }

    private static String systemName(String name) {
        return switch (name) {
            case "turbojpeg" -> "libturbojpeg.so.0";
            case "cuda" -> "libcuda.so.1";
            case NcclLibrary.FUNCTIONS -> NcclLibrary.FILE;
            default -> System.mapLibraryName(name);
        };
    }

    /** Where the loader found a library that was opened by a bare name. */
    private static String mappedFile(String name) {
        String stem = name.contains(".so") ? name.substring(0, name.indexOf(".so") + 3) : name;
        try (Stream<String> lines = Files.lines(Path.of("/proc/self/maps"))) {
            return lines.filter(line -> line.contains("/" + stem)).findFirst().map(line -> line.substring(line.indexOf('/'))).orElse(name);
        } catch (IOException e) {
            return name;
        }
    }

    private static NativeLibrary checkVersion(NativeLibrary library) {
        MemorySegment address = library.find("duet_abi").orElseThrow(
                () -> new UnsatisfiedLinkError(library.location() + " is not a library of Duet's CPU kernels: it has no duet_abi"));
        int version;
        try {
            version = (int) Linker.nativeLinker().downcallHandle(address, FunctionDescriptor.of(JAVA_INT)).invokeExact();
        } catch (Throwable e) {
            throw new AssertionError(e); // a downcall throws nothing
        }
        if (version == DuetCpu.DUET_CPU_ABI()) {
            return library;
        }
        throw new UnsatisfiedLinkError(
                library.location() + " has version " + version + " of the kernels' interface, but this program needs "
                        + DuetCpu.DUET_CPU_ABI() + "; build both from the same sources");
    }
}
