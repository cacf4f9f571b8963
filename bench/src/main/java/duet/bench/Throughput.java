package duet.bench;

import java.util.Arrays;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import duet.device.CpuOptions;
import duet.device.DeviceException;
import duet.device.Precision;

/**
 * Training throughput on CUDA devices: the median time of a step, with the batch resident on the device. Steps are timed in blocks, so
 * that what the host does between steps is in the figure once a step and reading the result once a block, as for PyTorch in
 * bench/gpu/pytorch.py; and in which Duet waits for each step before it starts the next. Prints one JSON object.
 */
public final class Throughput {
    private static final int BLOCK = 5;
    private static final int WARM_UP = 10;

    private Throughput() {}

    /** @param arguments network, batch, devices, number of timed steps and, unless fp32, the precision */
    public static void main(String[] arguments) throws Exception {
        if (arguments.length < 4 || arguments.length > 5) {
            System.err.println(
                    "usage: Throughput NETWORK BATCH DEVICES STEPS [PRECISION], such as: Throughput alexnet 128 cuda:0,cuda:0 100");
            System.exit(2);
        }
        try {
            Precision precision = Precision.named(arguments.length == 5 ? arguments[4] : "fp32");
            System.out.println(new ObjectMapper().writeValueAsString(measure(arguments[0], Integer.parseInt(arguments[1]), arguments[2],
                    Integer.parseInt(arguments[3]), precision)));
        } catch (DeviceException e) {
            System.err.println("Throughput: " + e.getMessage());
            System.exit(1);
        }
    }

    /** On the virtual GPU two steps and no time: it interprets kernels on the CPU, so its times say nothing about a card. */
    static ObjectNode measure(String network, int batch, String devices, int steps, Precision precision) {
        try (TrainingStep step = new TrainingStep(network, batch, devices, CpuOptions.DEFAULT.withPrecision(precision))) {
            boolean virtual = devices.contains("virtual") || step.description().contains("Virtual GPU");
            ObjectNode result = new ObjectMapper().createObjectNode().put("engine", "duet")
                    .put("variant", devices.contains(",") ? "two towers" : "one device")
                    .put("network", network).put("batch", batch).put("devices", devices).put("description", step.description())
                    .put("precision", precision.toString());
            double first = requireLoss(runs(step, 1));
            if (virtual) {
                return result.put("firstLoss", first).put("lastLoss", requireLoss(runs(step, 1)))
                        .put("note", "the virtual GPU tells no time");
            }
            runs(step, WARM_UP);
            double[] milliseconds = new double[Math.max(1, steps / BLOCK)];
            double loss = first;
            for (int i = 0; i < milliseconds.length; i++) {
                long start = System.nanoTime();
                loss = runs(step, BLOCK);
                milliseconds[i] = (System.nanoTime() - start) * 1e-6 / BLOCK;
            }
            requireLoss(loss);
            Arrays.sort(milliseconds);
            double median = milliseconds[milliseconds.length / 2];
            return result.put("steps", milliseconds.length * BLOCK).put("milliseconds", median)
                    .put("fastest", milliseconds[0]).put("slowest", milliseconds[milliseconds.length - 1])
                    .put("imagesPerSecond", batch / median * 1e3).put("firstLoss", first).put("lastLoss", loss);
        }
    }

    /** A step that has not run, as with a driver that does nothing, leaves the losses at zero. */
    private static double requireLoss(double loss) {
        if (!(loss > 0) || Double.isInfinite(loss)) {
            throw new IllegalStateException("the loss is " + loss + ": the step does not work, so its time means nothing");
        }
        return loss;
    }

    private static double runs(TrainingStep step, int times) {
        for (int i = 0; i < times; i++) {
            step.start();
        }
        return step.finish();
    }
}
