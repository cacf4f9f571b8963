package duet.bench;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import duet.device.Backend;
import duet.device.Backends;
import duet.device.CpuOptions;
import duet.device.DeviceException;
import duet.device.Precision;
import duet.device.cuda.model.Card;
import duet.device.cuda.model.Forecast;
import duet.device.cuda.model.KernelModel;
import duet.device.cuda.model.Launches;

/**
 * The slowest kernels of a training step on a CUDA device, each measured by itself and beside what the static model says of it. A run is a
 * graph of one kernel from its start until the host has noticed its end; what the shortest kernel of the step takes so, some
 * microseconds, is taken off. What a kernel in a step finds in L2 from the one before, here it finds from itself.
 */
public final class Profile {
    private static final int RUNS = 21;

    private Profile() {}

    /** @param arguments network, batch, device, precision, how many kernels */
    public static void main(String[] arguments) throws Exception {
        if (arguments.length != 5) {
            System.err.println("usage: Profile NETWORK BATCH DEVICE PRECISION COUNT, such as: Profile alexnet 128 cuda:0 fp32 5");
            System.exit(2);
        }
        try {
            for (ObjectNode kernel : measure(arguments[0], Integer.parseInt(arguments[1]), arguments[2],
                    Precision.named(arguments[3]),
                    Integer.parseInt(arguments[4]))) {
                System.out.println(new ObjectMapper().writeValueAsString(kernel));
            }
        } catch (DeviceException e) {
            System.err.println("Profile: " + e.getMessage());
            System.exit(1);
        }
    }

    /** On the virtual GPU kernels run and no time is told; then they are those with the most floating point operations. */
    static List<ObjectNode> measure(String network, int batch, String device, Precision precision, int count) {
        List<ObjectNode> kernels = new ArrayList<>();
        Optional<KernelModel> model = KernelModel.load();
        try (Backend backend = Backends.open(device, CpuOptions.DEFAULT.withPrecision(precision))) {
            boolean virtual = device.startsWith("virtual");
            Comparator<KernelCatalog.Kernel> flop = Comparator.comparingLong(KernelCatalog.Kernel::flop);
            List<KernelCatalog.Kernel> all = KernelCatalog.of(network, batch, backend).values().stream().sorted(flop.reversed()).toList();
            for (KernelCatalog.Kernel kernel : virtual ? all.subList(0, Math.min(count, all.size())) : all) {
                ObjectNode one = new ObjectMapper().createObjectNode().put("kernel", kernel.name()).put("network", network)
                        .put("batch", batch).put("precision", precision.toString()).put("flop", kernel.flop()).put("bytes", kernel.bytes());
                try (KernelRun run = new KernelRun(kernel, backend)) {
                    run.run();
                    if (!virtual) {
                        one.put("milliseconds", median(run));
                    }
                    model.ifPresent(m -> forecast(m, run, precision, one));
                }
                kernels.add(one);
            }
        }
        double around = kernels.stream().mapToDouble(one -> one.path("milliseconds").asDouble()).min().orElse(0);
        return kernels.stream().sorted(Comparator.comparingDouble((ObjectNode one) -> one.path("milliseconds").asDouble()).reversed())
                .limit(count).map(one -> one.has("milliseconds") ? rates(one, one.path("milliseconds").asDouble() - around) : one).toList();
    }

    private static ObjectNode rates(ObjectNode kernel, double milliseconds) {
        return kernel.put("milliseconds", milliseconds).put("teraflops", kernel.path("flop").asLong() / milliseconds * 1e-9)
                .put("terabytesPerSecond", kernel.path("bytes").asLong() / milliseconds * 1e-9);
    }

    /** The bottleneck is that of the slowest of its launches. */
    private static void forecast(KernelModel model, KernelRun run, Precision precision, ObjectNode kernel) {
        List<Forecast> forecasts = new Launches(Card.H100.multiprocessors(), precision).of(run.streams(), run.regions()).stream()
                .map(model::forecast).toList();
        if (kernel.has("milliseconds")) { // the model's time means something beside a measured one alone
            kernel.put("modelMilliseconds", KernelModel.microseconds(forecasts) * 1e-3);
        }
        forecasts.stream().max(Comparator.comparingDouble(Forecast::microseconds)).ifPresent(slowest -> kernel
                .put("launch", slowest.launch().kernel()).put("binds", slowest.binds().toString().toLowerCase(Locale.ROOT)));
    }

    private static double median(KernelRun run) {
        double[] times = new double[RUNS];
        for (int i = 0; i < RUNS; i++) {
            long start = System.nanoTime();
            run.run();
            times[i] = (System.nanoTime() - start) * 1e-6;
        }
        Arrays.sort(times);
        return times[RUNS / 2];
    }
}
