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
        return openDefault(count, CpuOptions.DEFAULT);
    }

    /** The same; CPU devices share so many threads, see {@link CpuOptions}. */
    public static Backend openDefault(int count, int threads) {
        return openDefault(count, CpuOptions.DEFAULT.withThreads(threads));
    }

    /**
     * Opens {@code count} devices of the best kind that there is: CUDA if it can be used, where two devices share one card if there is only
     * one, else the CPU. {@link #noCuda} says why not.
     *
     * @param options of CPU devices; bf16 with CUDA is a {@link DeviceException}
     */
    public static Backend openDefault(int count, CpuOptions options) {
        if (noCuda().isPresent()) {
            return new CpuBackend(count, options);
        }
        requireFloat(options);
        int cards = CudaBackend.count("cuda");
        List<Integer> ordinals = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            ordinals.add(cards >= count ? i : 0);
        }
        try {
            return new CudaBackend("cuda", ordinals);
        } catch (DeviceException e) { // such as a card that is too old: nobody asked for it
            unusable = e.getMessage();
            return new CpuBackend(count, options);
        }
    }

    /** Why CUDA devices cannot be used here, in one sentence; empty if they can. */
    public static Optional<String> noCuda() {
        return unusable != null ? Optional.of(unusable) : CudaBackend.problem("cuda");
    }

    /** The same; CPU devices share so many threads, see {@link CpuOptions}. */
    public static Backend open(String names, int threads) {
        return open(names, CpuOptions.DEFAULT.withThreads(threads));
    }

    /**
     * @param names   such as {@code cpu} (one device with all cores), {@code cpu,cpu} (two that share them), {@code cuda:0,cuda:1} (two
     *                cards), {@code cuda:0,cuda:0} (two devices on one card) or {@code virtual:0,virtual:1} (the virtual GPU)
     * @param options of CPU devices; bf16 with others is a {@link DeviceException}
     */
    public static Backend open(String names, CpuOptions options) {
        List<String> devices = Arrays.asList(names.strip().split("\\s*,\\s*", -1));
        if (devices.size() > 2) {
            throw new DeviceException(devices.size() + " devices (" + names + "): a network is placed on one device or on two");
        }
        if (devices.stream().allMatch("cpu"::equals)) {
            return new CpuBackend(devices.size(), options);
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
        requireFloat(options);
        return new CudaBackend(kind, ordinals);
    }

    private static void requireFloat(CpuOptions options) {
        if (options.arithmetic().precision() != Precision.FP32) {
            throw new DeviceException(options.arithmetic().precision() + " is computed by CPU devices only so far: use --devices cpu or --precision fp32");
        }
    }

    private static String mixed(String names) {
        return "devices of different kinds (" + names + ") do not work together; " + CHOICES;
    }
}
