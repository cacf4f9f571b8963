package duet.device.cuda.lowering;

import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.lang.foreign.Arena;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

import duet.bindings.KernelCode;
import duet.device.Operation;
import duet.device.Precision;
import duet.device.cuda.driver.KernelCall;
import duet.model.Networks;
import duet.net.Network;
import duet.net.NetworkException;
import duet.plan.Mode;
import duet.plan.Placement;
import duet.plan.Placements;
import duet.plan.Plan;
import duet.plan.Planner;
import duet.plan.Requests;
import duet.plan.StoredImages;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Whatever plans put side by side, of bf16 or of float, there is a kernel for it in bf16. */
class StoredPlansTest {
    private static final CudaLayout LAYOUT = new CudaLayout(_ -> 132, Precision.BF16);
    private static final Pattern ENTRY = Pattern.compile("\\.entry (\\w+)\\(");

    private static Stream<String> networks() {
        return Networks.names().stream();
    }

    private static Set<String> kernels() {
        Set<String> kernels = new HashSet<>();
        for (String ptx : KernelCode.load().modules().values()) {
            for (Matcher matcher = ENTRY.matcher(ptx); matcher.find();) {
                kernels.add(matcher.group(1));
            }
        }
        return kernels;
    }

    private static void check(Plan plan, Set<String> kernels) {
        try (Arena arena = Arena.ofConfined()) {
            Site site = new Site(arena, tensor -> tensor == null ? 0 : 1 << 20, 1 << 20, 1 << 20, 132, LAYOUT);
            plan.streams().forEach(stream -> Stream.concat(Fusion.none(stream.steps()).stream(), Fusion.plan(LAYOUT, stream.steps(),
                    Fusion.readers(plan.streams()), (a, b) -> false).stream())
                    .filter(fusion -> fusion != null && !(fusion.first() instanceof Operation.Product)).forEach(fusion -> {
                        for (KernelCall call : CudaLowering.lower(fusion, site)) {
                            assertTrue(kernels.contains(call.kernel()), () -> fusion.label() + ": " + call.kernel());
                        }
                    }));
        }
    }

    @ParameterizedTest
    @MethodSource("networks")
    void haveKernels(String name) {
        Set<String> kernels = kernels();
        assumeTrue(!kernels.isEmpty(), "this build has no CUDA kernels: no nvcc was found");
        Network network = Networks.create(name, 3, 10);
        StoredImages images = new StoredImages(network.input().height(), network.input().width());
        List<String> layers = network.layers().stream().map(layer -> layer.name()).filter(layer -> gives(network, layer)).toList();
        for (Placement placement : Placements.all().toList()) {
            for (Mode mode : Mode.values()) {
                Requests requests = mode == Mode.TRAINING ? Requests.NONE : Requests.layers(layers);
                try {
                    check(Planner.plan(network, placement, mode, 4, images, true, requests, LAYOUT), kernels);
                } catch (NetworkException e) {
                    assertTrue(!placement.equals(Placement.ONE_DEVICE), e::getMessage); // not every network can be cut in every way
                }
            }
        }
        check(Planner.plan(network, Placement.ONE_DEVICE, Mode.EVALUATION, 4, images, true, Requests.projection(layers.getLast()), LAYOUT),
                kernels);
    }

    private static boolean gives(Network network, String layer) {
        try {
            Planner.requireGiving(network, layer);
            return true;
        } catch (NetworkException e) {
            return false;
        }
    }
}
