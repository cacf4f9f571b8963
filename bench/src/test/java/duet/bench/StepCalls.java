package duet.bench;

import java.util.List;

import duet.device.CpuOptions;

/** In a process with the stub driver: prints which driver functions ten steps of the two-tower AlexNet call, and how often. */
final class StepCalls {
    static final int STEPS = 10;
    static final List<String> FUNCTIONS = List.of("cuGraphLaunch", "cuLaunchKernel", "cuMemAlloc_v2", "cuMemHostAlloc",
            "cuModuleLoadDataEx",
            "cuModuleGetFunction", "cuStreamBeginCapture_v2", "cuGraphInstantiateWithFlags", "cuEventCreate", "cuMemcpyDtoHAsync_v2",
            "cuMemcpyPeerAsync",
            "cuMemcpyHtoDAsync_v2");

    private StepCalls() {}

    public static void main(String[] arguments) {
        try (TrainingStep step = new TrainingStep("alexnet", 2, "cuda:0,cuda:1", CpuOptions.DEFAULT)) {
            run(step, 2); // each of the two input slots is captured once
            long[] before = FUNCTIONS.stream().mapToLong(StubDriver::calls).toArray();
            run(step, STEPS);
            for (int i = 0; i < before.length; i++) {
                System.out.println(FUNCTIONS.get(i) + " " + (StubDriver.calls(FUNCTIONS.get(i)) - before[i]));
            }
            System.out.println("captured " + StubDriver.calls("cuLaunchKernel"));
        }
    }

    private static void run(TrainingStep step, int times) {
        for (int i = 0; i < times; i++) {
            step.write();
            step.start();
            step.finish();
        }
    }
}
