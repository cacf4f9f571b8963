package duet.device.cuda;

import java.lang.management.ManagementFactory;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

import com.sun.management.ThreadMXBean;
import duet.device.Program;
import duet.device.RunParameters;
import duet.device.Tensor;
import duet.device.VirtualGpu;

/** What a trainer does with a program at each step. */
final class HotLoop {
    private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();

    private final Program program;
    private final Tensor input;
    private final Tensor output;
    private final int[] labels;
    private final float[] result;

    HotLoop(Program program, Tensor input, Tensor output, int[] labels, float[] result) {
        this.program = program;
        this.input = input;
        this.output = output;
        this.labels = labels;
        this.result = result;
    }

    void run(int times) {
        for (int i = 0; i < times; i++) {
            program.write(input, labels);
            program.start(RunParameters.NONE);
            program.read(output, result);
        }
    }

    /** Bytes of the Java heap that this thread allocates in that many runs. */
    long allocatedBy(int times) {
        long before = THREADS.getCurrentThreadAllocatedBytes();
        run(times);
        return THREADS.getCurrentThreadAllocatedBytes() - before;
    }

    /** Calls of a driver function since the last reset. */
    static long calls(String function) {
        Matcher matcher = Pattern.compile("\"" + function + "\"\\s*:\\s*(\\d+)").matcher(VirtualGpu.calls());
        return matcher.find() ? Long.parseLong(matcher.group(1)) : 0;
    }
}
