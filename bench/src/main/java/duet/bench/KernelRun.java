package duet.bench;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;

import duet.device.Backend;
import duet.device.Operation;
import duet.device.Program;
import duet.device.Region;
import duet.device.RunParameters;
import duet.device.Step;
import duet.device.Storage;
import duet.device.StreamSteps;
import duet.device.Tensor;

/**
 * One kernel with memory of its own, filled with small random numbers: a program of nothing else. Its filters are no persistent ones, which
 * a backend would prepare for a program that does not train.
 */
final class KernelRun implements AutoCloseable {
    private static final int WINDOW = 9;
    private static final float RANGE = 0.05f;

    private final Storage persistent;
    private final Storage scratch;
    private final List<StreamSteps> streams;
    private final Program program;
    private final RunParameters parameters;
    private final Map<Tensor, Region> regions = new HashMap<>();
    private long used;

    KernelRun(KernelCatalog.Kernel kernel, Backend backend) {
        kernel.tensors().forEach(tensor -> regions.put(tensor, region(backend.bytes(tensor))));
        List<Step> steps = new ArrayList<>();
        for (Operation operation : kernel.operations()) {
            long workspace = backend.workspaceBytes(operation, 0);
            steps.add(new Step.Launch(operation, workspace == 0 ? null : region(workspace)));
        }
        streams = List.of(new StreamSteps(0, StreamSteps.Kind.COMPUTE, steps));
        persistent = backend.allocate(new long[] {0});
        scratch = backend.allocate(new long[] {used});
        program = backend.load(streams, regions, persistent, scratch);
        SplittableRandom random = new SplittableRandom(1);
        kernel.tensors().forEach(tensor -> fill(tensor, random));
        // A rate that changes nothing much, however often the update is done.
        int rates = kernel.operations().getFirst() instanceof Operation.SgdUpdate update ? update.rateIndex() + 1 : 0;
        float[] all = new float[rates];
        Arrays.fill(all, 1e-6f);
        parameters = new RunParameters(1, 0, all, all, 0.9f);
    }

    private Region region(long bytes) {
        Region region = new Region(Region.Area.TRANSIENT, used, bytes);
        used += Region.align(bytes);
        return region;
    }

    private void fill(Tensor tensor, SplittableRandom random) {
        int length = Math.toIntExact(tensor.elements());
        switch (tensor.format()) {
            case IMAGES, WINNERS -> {
                byte[] values = new byte[length];
                for (int i = 0; i < length; i++) {
                    values[i] = (byte) random.nextInt(tensor.format() == Tensor.Format.WINNERS ? WINDOW : 256);
                }
                program.write(tensor, values);
            }
            case INTEGERS -> program.write(tensor, new int[length]); // crops at the corner, labels of the first class
            default -> {
                float[] values = new float[length];
                for (int i = 0; i < length; i++) {
                    values[i] = random.nextFloat(-RANGE, RANGE);
                }
                program.write(tensor, values);
            }
        }
    }

    List<StreamSteps> streams() {
        return streams;
    }

    Map<Tensor, Region> regions() {
        return Map.copyOf(regions);
    }

    void run() {
        program.run(parameters);
    }

    @Override
    public void close() {
        program.close();
        scratch.close();
        persistent.close();
    }
}
