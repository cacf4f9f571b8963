package duet.kernels;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
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
import duet.device.cuda.model.MachineCode;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.io.TempDir;

/**
 * What ptxas makes of each kernel stays within native/cuda/budgets.csv: registers (they decide how many blocks fit on a multiprocessor), no
 * spills, no stack, no local memory, and in the main loops of the products nearly nothing but multiply-adds. Registers for the oldest
 * target; all else also for Hopper and the newest target.
 */
@Tag("sim")
class KernelBudgetTest {
    private static final Path BUDGETS = Path.of("../native/cuda/budgets.csv");
    private static final String OLDEST = "sm_80";
    private static final String HOPPER = "sm_90";
    private static final Pattern KERNEL = Pattern.compile("Compiling entry function '(\\w+)'");
    private static final Pattern STACK = Pattern.compile("(\\d+) bytes stack frame, (\\d+) bytes spill stores, (\\d+) bytes spill loads");

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

    @TestFactory
    Stream<DynamicTest> modules() throws Exception {
        Map<String, String> modules = KernelCode.load().modules();
        assumeTrue(!modules.isEmpty(), "this build has no CUDA kernels: no nvcc was found");
        Ptxas ptxas = Ptxas.require();
        return Stream.of(OLDEST, HOPPER, ptxas.newest()).flatMap(target -> modules.keySet().stream().sorted()
                .map(name -> DynamicTest.dynamicTest(name + " " + target, () -> check(ptxas, name, modules.get(name), target))));
    }

    private void check(Ptxas ptxas, String name, String ptx, String target) throws Exception {
        Ptxas.Assembled assembled = ptxas.assemble(folder, name, ptx, target);
        List<String> excesses = new ArrayList<>();
        String kernel = null;
        for (String line : assembled.log().lines().toList()) {
            Matcher entry = KERNEL.matcher(line);
            Matcher stack = STACK.matcher(line);
            if (entry.find()) {
                kernel = entry.group(1);
            } else if (stack.find() && !line.strip().startsWith("0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads")) {
                excesses.add(kernel + ": " + line.strip());
            }
        }
        for (String each : assembled.cubin().kernels()) {
            excesses.addAll(compare(each, assembled.cubin().kernel(each), target.equals(OLDEST)));
        }
        assertEquals(List.of(), excesses);
    }

    private static List<String> compare(String kernel, MachineCode code, boolean registers) throws IOException {
        List<String> excesses = new ArrayList<>();
        Optional<Budget> budget = budgets().stream().filter(b -> b.kernels().matcher(kernel).matches()).findFirst();
        if (budget.isEmpty()) {
            return List.of(kernel + " has no line in " + BUDGETS);
        }
        if (code.registers() == 0 || registers && code.registers() > budget.get().registers()) {
            excesses.add(kernel + ": " + code.registers() + " registers, the budget is " + budget.get().registers());
        }
        if (code.localAccesses() > 0) {
            excesses.add(kernel + ": " + code.localAccesses() + " accesses to local memory");
        }
        requireShare(kernel, "multiply-adds", code.mainLoopShare(), budget.get().fmaShare(), excesses);
        requireShare(kernel, "products on tensor cores", code.mainLoopTensorShare(), budget.get().tensorShare(), excesses);
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
        MachineCode code = Ptxas.require().assemble(folder, "local", """
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
                """, OLDEST).cubin().kernel("local_array");
        assertEquals(2, code.localAccesses());
        assertEquals(0, code.mainLoopShare());
    }
}
