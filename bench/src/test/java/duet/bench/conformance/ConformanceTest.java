package duet.bench.conformance;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;

import duet.bindings.KernelCode;
import duet.device.VirtualGpu;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The virtual GPU against what real cards have answered, as far as anyone has recorded that, and against what it answered itself. */
@Tag("sim")
class ConformanceTest {
    private static final String DEVICE = System.getProperty("duet.test.devices", "virtual:0").split(",")[0];
    private static final Path ANSWERS = Path.of(System.getProperty("duet.answers", "gpu/answers"));

    @TempDir
    Path folder;

    @BeforeEach
    void somethingToAsk() {
        assumeTrue(!KernelCode.load().modules().isEmpty(), "this build has no CUDA kernels: no nvcc was found");
        assumeTrue(!Card.virtual(DEVICE) || VirtualGpu.problem().isEmpty(), () -> VirtualGpu.problem().orElse(""));
    }

    private static List<Path> files(boolean cards) throws IOException {
        try (Stream<Path> files = Files.list(ANSWERS)) {
            return files.filter(file -> file.toString().endsWith(".txt")).filter(file -> virtual(file) != cards).sorted().toList();
        }
    }

    private static boolean virtual(Path file) {
        try {
            return Answers.read(file).header().getOrDefault("kind", "").startsWith("virtual");
        } catch (IOException e) {
            throw new IllegalStateException(file + " cannot be read", e);
        }
    }

    @Test
    void everyFormOfTheKernelsIsAsked() {
        assertEquals(List.of(), Conformance.uncovered());
    }

    @Test
    void asTheCards() throws Exception {
        List<Path> files = files(true);
        assumeTrue(!files.isEmpty(), "no card's answers have been recorded under bench/gpu/answers yet");
        for (Path file : files) {
            assertEquals(List.of(), Conformance.compare(file, DEVICE, true), file.toString());
        }
    }

    @Test
    void asBefore() throws Exception {
        assumeTrue(Card.virtual(DEVICE), "not on a card: run.sh lists what it answers differently from the virtual GPU");
        for (Path file : files(false)) {
            assertEquals(List.of(), Conformance.compare(file, DEVICE, true), file.toString());
        }
    }

    /** The comparison can say no: an exact form with one other bit, an approximation too far off, another error code. */
    @Test
    void differencesAreNoticed() throws Exception {
        Path file = Files.write(folder.resolve("answers.txt"), List.of("# kind: virtual", "misuse free-null = 999",
                "form add.f32", "3f800000 3f800000 = 40000000", "3f800000 3f800000 = 40000001",
                "form rcp.approx.ftz.f32", "40400000 = 3eaaaaac", "40400000 = 3eaaaaaf", "7fc00000 = 7fc00001"));
        List<String> differences = Conformance.compare(file, DEVICE, true);
        assertEquals(3, differences.size(), differences.toString());
        assertTrue(differences.get(0).contains("add.f32 of 3f800000 3f800000: recorded 40000001, now 40000000"), differences.toString());
        assertTrue(differences.get(1).contains("rcp.approx.ftz.f32 of 40400000: recorded 3eaaaaaf"), differences.toString());
        assertTrue(differences.get(2).contains("free-null"), differences.toString());
    }

    @Test
    void stepsBetweenFloats() {
        assertTrue(Answers.close(1, 0x80000001, 2));
        assertFalse(Answers.close(1, 0x80000002, 2));
        assertTrue(Answers.close(0x7fc00000, 0x7fffffff, 1));
        assertFalse(Answers.close(0x7f800000, 0xff800000, 9));
        assertFalse(Answers.close(0x7f7fffff, 0x7f800000, 9));
    }

    @Test
    void formsAreFound() {
        assertEquals(List.of("bra.uni", "fma.rn.f32", "ld.global.v2.f32", "mov.u32", "mov.u32 %tid.x", "setp.lt.s32"),
                List.copyOf(Forms.in(List.of("""
                        .reg .b32 %r<4>; // add.s32 in a comment
                        mov.u32 \t%r1, %tid.x;
                        \t@%p1 bra.uni \t$L__BB0_1;
                        { fma.rn.f32 %f1, %f2, %f3, %f4;
                        @!%p2 ld.global.v2.f32 {%f1, %f2}, [%rd1];
                        setp.lt.s32 %p1, %r1, %r2;
                        """))));
    }
}
