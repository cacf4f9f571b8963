package duet.kernels;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

import duet.bindings.KernelCode;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.io.TempDir;

/**
 * What ptxas makes of each kernel stays within native/cuda/budgets.csv: registers (they decide how many blocks fit on a multiprocessor), no
 * spills, no stack, no local memory, and in the main loops of the products nearly nothing but multiply-adds.
 */
@Tag("sim")
class KernelBudgetTest {
    private static final Path BUDGETS = Path.of("../native/cuda/budgets.csv");
    private static final String CARD = "sm_80";
    private static final Pattern KERNEL = Pattern.compile("Compiling entry function '(\\w+)'");
    private static final Pattern STACK = Pattern.compile("(\\d+) bytes stack frame, (\\d+) bytes spill stores, (\\d+) bytes spill loads");
    private static final Pattern REGISTERS = Pattern.compile("Used (\\d+) registers");

    /**
     * @param fmaShare    the least share of multiply-adds in the main loop; 0 for any
     * @param tensorShare the least share of products on tensor cores there
     */
    private record Budget(Pattern kernels, int registers, double fmaShare, double tensorShare) {}

    @TempDir
    Path folder;

    private static List<Budget> budgets() throws IOException {
        return Files.readAllLines(BUDGETS).stream().filter(line -> !line.startsWith("#") && !line.isBlank()).skip(1).map(line -> {
            String[] cells = line.split(",");
            return new Budget(Pattern.compile(cells[0].strip()), Integer.parseInt(cells[1].strip()), Double.parseDouble(cells[2].strip()),
                    Double.parseDouble(cells[3].strip()));
        }).toList();
    }

    /** The assembler lies beside nvcc. */
    private static Optional<Path> ptxas() {
        List<Path> folders = new ArrayList<>(Stream.of(System.getenv("PATH").split(":")).map(Path::of).toList());
        folders.add(Path.of("/usr/local/cuda/bin"));
        for (Path candidate : folders) {
            try {
                Path nvcc = candidate.resolve("nvcc");
                if (Files.isExecutable(candidate.resolve("ptxas"))) {
                    return Optional.of(candidate.resolve("ptxas"));
                }
                if (Files.exists(nvcc) && Files.isExecutable(nvcc.toRealPath().resolveSibling("ptxas"))) {
                    return Optional.of(nvcc.toRealPath().resolveSibling("ptxas"));
                }
            } catch (IOException e) {
                // the next folder may do
            }
        }
        return Optional.empty();
    }

    @TestFactory
    Stream<DynamicTest> modules() {
        Map<String, String> modules = KernelCode.load().modules();
        assumeTrue(!modules.isEmpty(), "this build has no CUDA kernels: no nvcc was found");
        Optional<Path> ptxas = ptxas();
        assumeTrue(ptxas.isPresent(), "there is no ptxas");
        return modules.keySet().stream().sorted()
                .map(name -> DynamicTest.dynamicTest(name, () -> check(ptxas.get(), name, modules.get(name))));
    }

    private void check(Path ptxas, String name, String ptx) throws Exception {
        Path source = Files.writeString(folder.resolve(name + ".ptx"), ptx);
        Path cubin = folder.resolve(name + ".cubin");
        Process process = new ProcessBuilder(ptxas.toString(), "-arch=" + CARD, "-v", "-warn-spills", "-warn-lmem-usage",
                source.toString(), "-o", cubin.toString()).redirectErrorStream(true).start();
        String log = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertEquals(0, process.waitFor(), log);
        Cubin code = new Cubin(Files.readAllBytes(cubin));
        List<String> excesses = new ArrayList<>();
        String kernel = null;
        for (String line : log.lines().toList()) {
            Matcher entry = KERNEL.matcher(line);
            Matcher stack = STACK.matcher(line);
            Matcher registers = REGISTERS.matcher(line);
            if (entry.find()) {
                kernel = entry.group(1);
            } else if (stack.find() && !line.strip().startsWith("0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads")) {
                excesses.add(kernel + ": " + line.strip());
            } else if (registers.find()) {
                excesses.addAll(compare(kernel, Integer.parseInt(registers.group(1)), code));
            }
        }
        assertEquals(List.of(), excesses);
    }

    private static List<String> compare(String kernel, int registers, Cubin code) throws IOException {
        List<String> excesses = new ArrayList<>();
        Optional<Budget> budget = budgets().stream().filter(b -> b.kernels().matcher(kernel).matches()).findFirst();
        if (budget.isEmpty()) {
            return List.of(kernel + " has no line in " + BUDGETS);
        }
        if (registers > budget.get().registers()) {
            excesses.add(kernel + ": " + registers + " registers, the budget is " + budget.get().registers());
        }
        int local = code.count(kernel, Cubin.LDL) + code.count(kernel, Cubin.STL);
        if (local > 0) {
            excesses.add(kernel + ": " + local + " accesses to local memory");
        }
        requireShare(kernel, "multiply-adds", code.mainLoopShare(kernel, Cubin.FFMA), budget.get().fmaShare(), excesses);
        requireShare(kernel, "products on tensor cores", code.mainLoopShare(kernel, Cubin.HMMA), budget.get().tensorShare(), excesses);
        return excesses;
    }

    private static void requireShare(String kernel, String what, double share, double budget, List<String> excesses) {
        if (share < budget) {
            excesses.add(String.format(Locale.ROOT, "%s: %.3f of the main loop are %s, the budget is %.3f", kernel, share, what, budget));
        }
    }

    /** The judge can say no: a kernel with an array that is indexed at run time has local memory. */
    @Test
    void localMemoryIsNoticed() throws Exception {
        Optional<Path> ptxas = ptxas();
        assumeTrue(ptxas.isPresent(), "there is no ptxas");
        Path source = Files.writeString(folder.resolve("local.ptx"), """
                .version 7.4
                .target sm_80
                .address_size 64
                .visible .entry local_array(.param .u64 out, .param .u32 index) {
                  .local .align 4 .b8 depot[256];
                  .reg .b64 %rd<8>; .reg .b32 %r<4>; .reg .f32 %f<3>;
                  ld.param.u64 %rd1, [out]; ld.param.u32 %r1, [index];
                  mov.u64 %rd2, depot; mul.wide.u32 %rd3, %r1, 4; add.s64 %rd4, %rd2, %rd3;
                  mov.f32 %f1, 0f3F800000; st.local.f32 [%rd4], %f1; ld.local.f32 %f2, [depot+8];
                  cvta.to.global.u64 %rd5, %rd1; st.global.f32 [%rd5], %f2; ret;
                }
                """);
        Path cubin = folder.resolve("local.cubin");
        assertEquals(0, new ProcessBuilder(ptxas.get().toString(), "-arch=" + CARD, source.toString(), "-o", cubin.toString()).inheritIO()
                .start().waitFor());
        Cubin code = new Cubin(Files.readAllBytes(cubin));
        assertTrue(code.count("local_array", Cubin.STL) > 0 && code.count("local_array", Cubin.LDL) > 0);
        assertEquals(0, code.mainLoopShare("local_array", Cubin.FFMA));
    }
}
