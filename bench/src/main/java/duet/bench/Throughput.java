package duet.bench;

import java.util.Arrays;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import duet.device.CpuOptions;
import duet.device.DeviceException;

/**
 * Training throughput on CUDA devices: the median time of a step, with the batch resident on the device. Steps are timed in blocks, so
 * that what the host does between steps is in the figure once a step and reading the result once a block, as for PyTorch in
 * bench/gpu/pytorch.py; and in which Duet waits for each step before it starts the next. Prints one JSON object.
 */
public final class Throughput {
    private static final int BLOCK = 5;
    private static final int WARM_UP = 10;

    private Throughput() {}

    /** @param arguments network, batch, devices, number of timed steps */
    public static void main(String[] arguments) throws Exception {
        if (arguments.length != 4) {
            System.err.println("usage: Throughput NETWORK BATCH DEVICES STEPS, such as: Throughput alexnet 128 cuda:0,cuda:0 100");
            System.exit(2);
        }
        if (arguments[2].contains("virtual")) {
            System.err.println(
                    "Throughput: the virtual GPU interprets kernels on the CPU, so its times say nothing about a card; none is measured");
            System.exit(2);
        }
        try {
            System.out.println(new ObjectMapper().writeValueAsString(
                    measure(arguments[0], Integer.parseInt(arguments[1]), arguments[2], Integer.parseInt(arguments[3]))));
        } catch (DeviceException e) {
            System.err.println("Throughput: " + e.getMessage());
            System.exit(1);
        }
    }

    private static ObjectNode measure(String network, int batch, String devices, int steps) {
        try (TrainingStep step = new TrainingStep(network, batch, devices, CpuOptions.DEFAULT)) {
            if (step.description().contains("Virtual GPU")) {
                throw new DeviceException("the virtual GPU stands in for the driver; no time is measured");
            }
            double first = runs(step, 1);
            runs(step, WARM_UP);
            double[] milliseconds = new double[Math.max(1, steps / BLOCK)];
            double loss = first;
            for (int i = 0; i < milliseconds.length; i++) {
                long start = System.nanoTime();
                loss = runs(step, BLOCK);
                milliseconds[i] = (System.nanoTime() - start) * 1e-6 / BLOCK;
            }
            // A step that has not run, as with a driver that does nothing, leaves the losses at zero.
            if (!(first > 0 && loss > 0) || Double.isInfinite(loss)) {
                throw new IllegalStateException("the loss is " + loss + ": the step does not work, so its time means nothing");
            }
            Arrays.sort(milliseconds);
            double median = milliseconds[milliseconds.length / 2];
            return new ObjectMapper().createObjectNode().put("engine", "duet")
                    .put("variant", devices.contains(",") ? "two towers" : "one device")
                    .put("network", network).put("batch", batch).put("devices", devices).put("description", step.description())
                    .put("precision", "fp32 (IEEE)").put("steps", milliseconds.length * BLOCK).put("milliseconds", median)
                    .put("fastest", milliseconds[0]).put("slowest", milliseconds[milliseconds.length - 1])
                    .put("imagesPerSecond", batch / median * 1e3).put("firstLoss", first).put("lastLoss", loss);
        }
    }

    private static double runs(TrainingStep step, int times) {
        for (int i = 0; i < times; i++) {
            step.start();
        }
        return step.finish();
    }
}
