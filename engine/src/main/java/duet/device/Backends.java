package duet.device;

import java.util.Arrays;
import java.util.List;

import duet.device.cpu.CpuBackend;

/** Opens what the option {@code --devices} names. */
public final class Backends {
    private Backends() {}

    /** Opens {@code count} devices of the best kind that there is, with all of the machine. */
    public static Backend openDefault(int count) {
        return openDefault(count, 0);
    }

    /**
     * Opens {@code count} devices of the best kind that there is. Today that is the CPU: this build has no CUDA kernels yet.
     *
     * @param threads see {@link #open}
     */
    public static Backend openDefault(int count, int threads) {
        return new CpuBackend(count, threads(threads, count));
    }

    /**
     * @param names   such as {@code cpu} (one device with all cores) or {@code cpu,cpu} (two that share them)
     * @param threads threads in all, shared out among CPU devices; 0 for one for each core
     */
    public static Backend open(String names, int threads) {
        List<String> devices = Arrays.asList(names.strip().split("\\s*,\\s*", -1));
        for (String device : devices) {
            if (!device.equals("cpu")) {
                throw new DeviceException(reason(device));
            }
        }
        if (devices.size() > 2) {
            throw new DeviceException(devices.size() + " devices (" + names + "): a network is placed on one device or on two");
        }
        return new CpuBackend(devices.size(), threads(threads, devices.size()));
    }

    private static String reason(String device) {
        if (device.matches("(cuda|virtual)(:\\d+)?")) {
            return "device " + device + ": this build has no CUDA kernels, only CPU devices; use --devices cpu or --devices cpu,cpu";
        }
        return "unknown device '" + device + "'; use --devices cpu or --devices cpu,cpu";
    }

    private static int threads(int asked, int devices) {
        if (asked < 0 || asked > 1024) {
            throw new DeviceException(asked + " threads: use 1 to 1024, or 0 for one for each core");
        }
        return Math.max(asked == 0 ? Runtime.getRuntime().availableProcessors() : asked, devices);
    }
}
