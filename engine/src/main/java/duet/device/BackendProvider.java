package duet.device;

import java.util.List;
import java.util.Optional;

/**
 * A kind of device: the word that {@code --devices} knows it by, whether it can be used here, and how it is opened. Implementations are
 * found by {@link java.util.ServiceLoader}: a new kind is a class, a line in {@code module-info.java} and one in {@code META-INF/services}.
 */
public interface BackendProvider {
    /** {@return the word before the colon in a device's name: {@code cpu}, {@code cuda}, {@code virtual}} */
    String kind();

    /** {@return whether a device is named with a number, as in {@code cuda:0}; devices without one are as many as somebody asks for} */
    boolean numbered();

    /**
     * {@return how much this kind is preferred} Of the kinds that can be used the one with the highest preference is the default; below 0 a
     * kind must be asked for.
     */
    int preference();

    /** {@return why there are no devices of this kind here, in one sentence; empty if there are} Asked anew each time. */
    Optional<String> problem();

    /** {@return how many devices there are to be named by number; 0 where there is a {@link #problem}} */
    int count();

    /**
     * Throws if its devices cannot compute in this way.
     *
     * @param options such as the precision
     * @throws DeviceException in a sentence with the way out
     */
    default void require(CpuOptions options) {}

    /**
     * Opens devices, in the order in which they are named; the same number twice is two devices that share a card.
     *
     * @param numbers one for each device; of kinds that are not {@link #numbered} they mean nothing
     * @param options threads for CPU devices, the precision for all
     * @return the devices; whoever opens them closes them
     * @throws DeviceException in a sentence that names the device and what is wrong
     */
    Backend open(List<Integer> numbers, CpuOptions options);

    /**
     * Opens the devices of one of several processes that work together. Plans number the devices of all; of a program's steps the backend
     * is given those of its own devices, and copies that begin or end there.
     *
     * @param numbers of this process's devices
     * @param options threads for CPU devices, the precision for all
     * @param peers   where the other devices are
     * @return the devices; whoever opens them closes them
     * @throws DeviceException if devices of this kind cannot be shared out among processes
     */
    default Backend open(List<Integer> numbers, CpuOptions options, Peers peers) {
        if (peers.ranks().size() == 1) {
            return open(numbers, options);
        }
        throw new DeviceException("devices of the kind " + kind() + " cannot be shared out among processes; use --devices cpu");
    }
}
