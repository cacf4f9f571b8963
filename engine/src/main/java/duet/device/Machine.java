package duet.device;

import java.util.List;

/**
 * What a measurement was made on.
 *
 * @param processor      such as {@code AMD EPYC}
 * @param instructionSet that the CPU kernels use, such as {@code AVX2}
 * @param cores          that this process may use
 * @param memoryBytes    of the whole machine
 * @param system         such as {@code Linux amd64}
 * @param java           version of the Java that runs
 */
public record Machine(String processor, String instructionSet, int cores, long memoryBytes, String system, String java) {
    /**
     * {@return the machine that this process runs on}
     *
     * @param cpu a backend of CPU devices; its devices are described as {@code processor, instruction set, threads}
     */
    public static Machine of(Backend cpu) {
        DeviceInfo device = cpu.devices().getFirst();
        List<String> words = List.of(device.description().split(", "));
        int last = words.size() - 1;
        return new Machine(String.join(", ", words.subList(0, last - 1)), words.get(last - 1), Runtime.getRuntime().availableProcessors(),
                device.memoryBytes(), System.getProperty("os.name") + " " + System.getProperty("os.arch"), Runtime.version().toString());
    }
}
