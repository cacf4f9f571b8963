package duet.device;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

import duet.device.cpu.CpuBackend;
import duet.device.cuda.CudaBackend;

/** Opens what the option {@code --devices} names. */
public final class Backends {
    private static final Pattern CARD = Pattern.compile("(cuda|virtual):(\\d{1,3})");
    private static final String CHOICES = "use cpu, cuda:N or virtual:N, such as --devices cpu,cpu or --devices cuda:0,cuda:1";

    /** Why the cards that the driver sees could not be opened, if that was tried. */
    private static volatile String unusable;

    private Backends() {}

    /** Opens {@code count} devices of the best kind that there is, with all of the machine. */
    public static Backend openDefault(int count) {
        return openDefault(count, 0);
    }

    /** The same with convolutions computed in the fastest way. */
    public static Backend openDefault(int count, int threads) {
        return openDefault(count, threads, ConvolutionChoice.FASTEST);
    }

    /**
     * Opens {@code count} devices of the best kind that there is: CUDA if it can be used, where two devices share one card if there is only
     * one, else the CPU. {@link #noCuda} says why not.
     *
     * @param threads      see {@link #open}
     * @param convolutions how CPU devices compute them
     */
    public static Backend openDefault(int count, int threads, ConvolutionChoice convolutions) {
        if (noCuda().isPresent()) {
            return new CpuBackend(count, threads(threads, count), convolutions);
        }
        int cards = CudaBackend.count("cuda");
        List<Integer> ordinals = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            ordinals.add(cards >= count ? i : 0);
        }
        try {
            return new CudaBackend("cuda", ordinals);
        } catch (DeviceException e) { // such as a card that is too old: nobody asked for it
            unusable = e.getMessage();
            return new CpuBackend(count, threads(threads, count), convolutions);
        }
    }

    /** Why CUDA devices cannot be used here, in one sentence; empty if they can. */
    public static Optional<String> noCuda() {
        return unusable != null ? Optional.of(unusable) : CudaBackend.problem("cuda");
    }

    /** The same with convolutions computed in the fastest way. */
    public static Backend open(String names, int threads) {
        return open(names, threads, ConvolutionChoice.FASTEST);
    }

    /**
     * @param names        such as {@code cpu} (one device with all cores), {@code cpu,cpu} (two that share them), {@code cuda:0,cuda:1} (two
     *                     cards), {@code cuda:0,cuda:0} (two devices on one card) or {@code virtual:0,virtual:1} (the virtual GPU)
     * @param threads      threads in all, shared out among CPU devices; 0 for one for each core
     * @param convolutions how CPU devices compute them
     */
    public static Backend open(String names, int threads, ConvolutionChoice convolutions) {
        List<String> devices = Arrays.asList(names.strip().split("\\s*,\\s*", -1));
        if (devices.size() > 2) {
            throw new DeviceException(devices.size() + " devices (" + names + "): a network is placed on one device or on two");
        }
        if (devices.stream().allMatch("cpu"::equals)) {
            return new CpuBackend(devices.size(), threads(threads, devices.size()), convolutions);
        }
        String kind = null;
        List<Integer> ordinals = new ArrayList<>();
        for (String device : devices) {
            Matcher card = CARD.matcher(device);
            if (!card.matches()) {
                throw new DeviceException(device.equals("cpu") ? mixed(names) : "unknown device '" + device + "'; " + CHOICES);
            }
            if (kind != null && !kind.equals(card.group(1))) {
                throw new DeviceException(mixed(names));
            }
            kind = card.group(1);
            ordinals.add(Integer.parseInt(card.group(2)));
        }
        return new CudaBackend(kind, ordinals);
    }

    private static String mixed(String names) {
        return "devices of different kinds (" + names + ") do not work together; " + CHOICES;
    }

    private static int threads(int asked, int devices) {
        if (asked < 0 || asked > 1024) {
            throw new DeviceException(asked + " threads: use 1 to 1024, or 0 for one for each core");
        }
        return Math.max(asked == 0 ? Runtime.getRuntime().availableProcessors() : asked, devices);
    }
}
