package duet.bindings;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;

import duet.bindings.cpu.DuetCpu;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class LibraryFinderTest {
    private final Map<String, String> properties = new HashMap<>();
    private final Map<String, String> environment = new HashMap<>();

    @TempDir
    Path folder;

    private NativeLibrary open(String name) {
        return open(name, CpuVariant.processorFlags());
    }

    private NativeLibrary open(String name, Set<String> flags) {
        environment.putIfAbsent("XDG_CACHE_HOME", folder.toString());
        return new LibraryFinder(key -> properties.getOrDefault(key, System.getProperty(key)), environment::get, flags).open(name);
    }

    @Test
    void theKernelsComeOutOfTheJarIntoTheCache() {
        for (CpuVariant variant : CpuVariant.supported()) {
            properties.put("duet.cpu", variant.label());
            NativeLibrary library = open("duet_cpu");
            assertNull(library.problem());
            assertTrue(library.location().startsWith(folder + "/duet/"), library.location());
            assertTrue(library.location().endsWith("/libduet_cpu-" + variant.label() + ".so"), library.location());
        }
    }

    @Test
    void theEnvironmentChoosesTheInstructionSetAndThePropertyWins() {
        environment.put("DUET_CPU", "portable");
        assertTrue(open("duet_cpu").location().endsWith("libduet_cpu-portable.so"));
        properties.put("duet.cpu", "sse");
        assertTrue(open("duet_cpu").problem().startsWith("duet.cpu=sse is not one of "));
    }

    @Test
    void anInstructionSetThatTheProcessorLacksIsAnError() {
        properties.put("duet.cpu", "avx2");
        assertEquals("duet.cpu=avx2 needs a processor with fma, bmi1, bmi2, f16c, movbe; this one can run portable",
                open("duet_cpu", Set.of("avx2")).problem());
    }

    @Test
    void withoutAWritableCacheAFolderOfTheProcessServes() throws IOException {
        environment.put("XDG_CACHE_HOME", Files.createFile(folder.resolve("file")).toString());
        properties.put("java.io.tmpdir", Files.createDirectory(folder.resolve("temporary")).toString());
        NativeLibrary library = open("duet_cpu");
        assertNull(library.problem());
        assertTrue(library.location().startsWith(folder + "/temporary/duet-"), library.location());
    }

    @Test
    void withoutAnyWritableFolderTheMessageNamesBothAndTheWayOut() throws IOException {
        environment.put("XDG_CACHE_HOME", Files.createFile(folder.resolve("file")).toString());
        properties.put("java.io.tmpdir", folder.resolve("absent").toString());
        String problem = open("duet_cpu").problem();
        assertTrue(problem.contains(folder + "/file/duet") && problem.contains(folder + "/absent") && problem.contains("XDG_CACHE_HOME"),
                problem);
    }

    @Test
    void aCacheThatRunsNoProgramsIsLeftForAFolderOfTheProcess() {
        environment.put("XDG_CACHE_HOME", folder.resolve("noexec").toString());
        LibraryFinder finder = new LibraryFinder(System::getProperty, environment::get, Set.of());
        NativeLibrary library = finder.openUnpacked(new byte[] {1}, LibraryCache.sha256(new byte[] {1}), "lib.so", file -> {
            if (file.contains("noexec")) {
                throw new UnsatisfiedLinkError("failed to map segment from shared object");
            }
            return symbol -> java.util.Optional.empty();
        });
        assertTrue(library.location().startsWith(System.getProperty("java.io.tmpdir")), library.location());
    }

    /** The build writes it beside the library; the folder is named by it. */
    @Test
    void theDigestInTheJarIsThatOfTheLibrary() throws IOException {
        Path library = Path.of(open("duet_cpu").location());
        String digest = library.getParent().getFileName().toString();
        assertEquals(LibraryCache.sha256(Files.readAllBytes(library)), digest);
        String written = "META-INF/duet/linux-" + System.getProperty("os.arch").replace("amd64", "x86_64") + "/" + library.getFileName()
                + ".sha256";
        try (InputStream stream = LibraryFinder.class.getClassLoader().getResourceAsStream(written)) {
            assertNotNull(stream, written);
            assertEquals(digest, new String(stream.readAllBytes(), StandardCharsets.US_ASCII).strip());
        }
    }

    @Test
    void aMissingLibraryIsExplainedInTheLoadersWords() {
        assertEquals(
                "The library duet_absent cannot be opened: libduet_absent.so: cannot open shared object file: No such file or directory",
                open("duet_absent").problem());
        Path file = folder.resolve("absent.so");
        properties.put("duet.lib.turbojpeg", file.toString());
        assertEquals("duet.lib.turbojpeg names a file that cannot be opened: " + file
                + ": cannot open shared object file: No such file or directory", open("turbojpeg").problem());
    }

    @Test
    void aFileThatIsNoLibraryIsExplained() throws IOException {
        Path file = Files.writeString(folder.resolve("text.so"), "This is a text, and no shared object, that is long enough for a header.");
        properties.put("duet.lib.duet_cpu", file.toString());
        assertTrue(open("duet_cpu").problem().endsWith("invalid ELF header"), open("duet_cpu").problem());
    }

    @Test
    void anotherVersionOfTheKernelsIsRefused() throws Exception {
        properties.put("duet.lib.duet_cpu", Compiler.library(folder, "extern \"C\" int duet_abi() { return 99; }").toString());
        String problem = open("duet_cpu").problem();
        assertTrue(problem.contains("has version 99 of the kernels' interface, but this program needs " + DuetCpu.DUET_CPU_ABI()), problem);
    }

    @Test
    void anotherLibraryInTheirPlaceIsRefused() throws Exception {
        properties.put("duet.lib.duet_cpu", Compiler.library(folder, "extern \"C\" int another() { return 1; }").toString());
        assertTrue(open("duet_cpu").problem().endsWith("it has no duet_abi"), open("duet_cpu").problem());
    }

    @Test
    void symbolsOfAnUnusableLibraryThrowTheSentence() {
        assertEquals(NativeLibraries.problem("duet_absent").orElseThrow(),
                assertThrows(UnsatisfiedLinkError.class, () -> NativeLibraries.lookup("duet_absent").find("f")).getMessage());
    }

    @Test
    void generatedFunctionsReachTheKernels() {
        assertTrue(NativeLibraries.problem("duet_cpu").isEmpty());
        assertEquals(DuetCpu.DUET_CPU_ABI(), DuetCpu.duet_abi());
        assertTrue(Set.of(4, 8, 16).contains(DuetCpu.duet_vector_width()));
    }

    /** Whether the machine has NCCL or not: a library that a property names comes first. */
    @Test
    void ncclIsFoundByAPropertyOrByTheSystem() throws Exception {
        properties.put("duet.lib.nccl", Compiler.library(folder, "extern \"C\" int ncclGetVersion(int *) { return 0; }").toString());
        NativeLibrary library = open("nccl");
        assertNull(library.problem());
        assertTrue(library.find("ncclGetVersion").isPresent() && library.find("ncclSend").isEmpty());
        properties.clear();
        NativeLibrary system = open("nccl");
        assertTrue(system.problem() == null ? system.location().contains("libnccl.so.2")
                : system.problem().endsWith("; pip install nvidia-nccl-cu13, and name the folder of libnccl.so.2 in LD_LIBRARY_PATH"),
                system.toString());
    }

    /** Jars have the part of an MPI that was there when they were made. */
    @Test
    void aBuildWithoutAnMpiSaysHowToGetIt() {
        properties.put("os.arch", "riscv64");
        assertEquals("this build of Duet has no libduet_mpi_openmpi.so: it is built where Open MPI is installed (apt-get install "
                + "libopenmpi-dev); install it and build again with mvn package -DskipTests", open("duet_mpi_openmpi").problem());
        assertTrue(open("duet_mpi_mpich").problem().contains("libmpich-dev"));
        assertEquals("MPICH is not installed here: apt-get install libmpich-dev", MpiLibrary.missing("duet_mpi_mpich"));
    }
}
