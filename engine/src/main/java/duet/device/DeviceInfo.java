package duet.device;

/**
 * What a device is.
 *
 * @param name        such as {@code cpu} or {@code cuda:0}
 * @param description such as {@code AMD EPYC, AVX-512, 1 thread}
 * @param memoryBytes memory that it can use, 0 if unknown
 */
public record DeviceInfo(String name, String description, long memoryBytes) {}
