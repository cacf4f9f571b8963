package duet.device;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.ServiceLoader;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/** Opens what the option {@code --devices} names, or the best that there is; see {@link BackendProvider}. */
public final class Backends {
    /** Nobody has more in one machine; with CPU devices a wrong number would start as many threads. */
    private static final int MOST_DEVICES = 64;
    private static final Pattern DEVICE = Pattern.compile("([a-z]+)(?::(\\d{1,3}))?");
    private static final String CUDA = "cuda";
    /** The default first, then those that are less preferred, last those that must be asked for. */
    private static final List<BackendProvider> PROVIDERS = ServiceLoader.load(BackendProvider.class, Backends.class.getClassLoader())
            .stream()
            .map(ServiceLoader.Provider::get)
            .sorted(Comparator.comparingInt(BackendProvider::preference).reversed())
            .toList();

    /** Why the cards that the driver sees could not be opened the last time that this was tried; null if they could, or it was not. */
    private static volatile String lastFailure;

    private Backends() {}

    /** {@return the kinds of device that this program knows, the preferred ones first} */
    public static List<BackendProvider> providers() {
        return PROVIDERS;
    }

    /**
     * Opens {@code count} devices of the best kind that there is, with all of the machine.
     *
     * @param count how many
     * @return the devices; close them
     * @throws DeviceException if there are none
     */
    public static Backend openDefault(int count) {
        return openDefault(count, CpuOptions.DEFAULT);
    }

    /**
     * Opens {@code count} devices of the best kind that there is.
     *
     * @param count   how many
     * @param threads that CPU devices share; 0 for one for each core
     * @return the devices; close them
     * @throws DeviceException if there are none
     */
    public static Backend openDefault(int count, int threads) {
        return openDefault(count, CpuOptions.DEFAULT.withThreads(threads));
    }

    /**
     * Opens {@code count} devices of the best kind that there is: CUDA if it can be used, where two devices share one card if there is only
     * one, else the CPU. Every call tries anew; {@link #noCuda} says why the last one did not get a card.
     *
     * @param count   how many
     * @param options a precision that these devices lack is a {@link DeviceException}
     * @return the devices; close them
     * @throws DeviceException if there are none
     */
    public static Backend openDefault(int count, CpuOptions options) {
        return openDefault(count, options, 0);
    }

    /**
     * Opens {@code count} devices of the best kind that there is, for one of several processes of a machine that share out its cards.
     *
     * @param count   how many
     * @param options a precision that these devices lack is a {@link DeviceException}
     * @param place   how many other processes of this machine come before
     * @return the devices; close them
     * @throws DeviceException if there are none
     */
    public static Backend openDefault(int count, CpuOptions options, int place) {
        List<BackendProvider> usable = PROVIDERS.stream().filter(p -> p.preference() >= 0 && p.problem().isEmpty()).toList();
        for (BackendProvider provider : usable.subList(0, Math.max(0, usable.size() - 1))) {
            provider.require(options);
            try {
                Backend backend = open(provider, count, options, place);
                lastFailure = null;
                return backend;
            } catch (DeviceException e) { // such as a card that is too old, or without memory for the moment: nobody asked for it
                lastFailure = e.getMessage();
            }
        }
        BackendProvider last = usable.isEmpty() ? provider("cpu") : usable.getLast(); // it throws with the reason
        last.require(options);
        return open(last, count, options, place);
    }

    private static Backend open(BackendProvider provider, int count, CpuOptions options, int place) {
        int there = Math.max(1, provider.count());
        boolean enough = !provider.numbered() || there >= count;
        int first = place * (enough ? count : 1);
        return provider.open(IntStream.range(first, first + count).map(i -> !provider.numbered() ? i - first : (enough ? i : first) % there)
                .boxed().toList(), options);
    }

    /**
     * {@return why CUDA devices cannot be used here, or could not when {@link #openDefault} last tried, in one sentence; empty if they can}
     */
    public static Optional<String> noCuda() {
        Optional<String> problem = problem(CUDA);
        return problem.isPresent() ? problem : Optional.ofNullable(lastFailure);
    }

    /**
     * {@return why there are no devices of a kind here, in one sentence; empty if there are}
     *
     * @param kind such as {@code virtual}
     */
    public static Optional<String> problem(String kind) {
        return provider(kind).problem();
    }

    /**
     * Opens devices by name.
     *
     * @param names   see {@link #open(String, CpuOptions)}
     * @param threads that CPU devices share; 0 for one for each core
     * @return the devices; close them
     * @throws DeviceException in a sentence that names the device and what is wrong
     */
    public static Backend open(String names, int threads) {
        return open(names, CpuOptions.DEFAULT.withThreads(threads));
    }

    /**
     * Opens devices by name.
     *
     * @param names   such as {@code cpu} (one device with all cores), {@code cpu,cpu} (two that share them), {@code cuda:0,cuda:1} (two
     *                cards), {@code cuda:0,cuda:0} (two devices on one card) or {@code virtual:0,virtual:1} (the virtual GPU)
     * @param options a precision that these devices lack is a {@link DeviceException}
     * @return the devices; close them
     * @throws DeviceException in a sentence that names the device and what is wrong
     */
    public static Backend open(String names, CpuOptions options) {
        Chosen chosen = choose(names, options);
        return chosen.provider().open(chosen.numbers(), options);
    }

    /**
     * Opens this process's devices of those that several processes have together.
     *
     * @param names   see {@link #open(String, CpuOptions)}; null for the best kind that there is
     * @param options a precision that these devices lack is a {@link DeviceException}
     * @param peers   how many, and where the others are
     * @return the devices; close them
     * @throws DeviceException in a sentence that names the device and what is wrong
     */
    public static Backend open(String names, CpuOptions options, Peers peers) {
        if (names != null) {
            Chosen chosen = choose(names, options);
            return chosen.provider().open(chosen.numbers(), options, peers);
        }
        BackendProvider provider = PROVIDERS.stream().filter(p -> p.preference() >= 0 && p.problem().isEmpty()).findFirst()
                .orElseGet(() -> provider("cpu")); // it throws with the reason
        provider.require(options);
        int first = peers.ranks().place() * peers.each(); // processes on one machine share out its cards
        int count = Math.max(1, provider.count());
        return provider.open(IntStream.range(first, first + peers.each()).map(i -> i % count).boxed().toList(), options, peers);
    }

    /**
     * Makes sure that there could be such devices, without looking for them.
     *
     * @param names   see {@link #open(String, CpuOptions)}
     * @param options threads for CPU devices, the precision for all
     * @throws DeviceException in a sentence that says what is wrong with the names, or with the options for such devices
     */
    public static void check(String names, CpuOptions options) {
        choose(names, options);
    }

    private record Chosen(BackendProvider provider, List<Integer> numbers) {}

    private static Chosen choose(String names, CpuOptions options) {
        List<String> devices = List.of(names.strip().split("\\s*,\\s*", -1));
        if (devices.size() > MOST_DEVICES) {
            throw new DeviceException(devices.size() + " devices (" + names + "): there may be at most " + MOST_DEVICES);
        }
        BackendProvider chosen = null;
        List<Integer> numbers = new ArrayList<>();
        for (String device : devices) {
            Matcher name = DEVICE.matcher(device);
            BackendProvider provider = name.matches() ? find(name.group(1)) : null;
            if (provider == null || provider.numbered() != (name.group(2) != null)) {
                throw new DeviceException("unknown device '" + device + "'; " + choices());
            }
            if (chosen != null && !chosen.equals(provider)) {
                throw new DeviceException("devices of different kinds (" + names + ") do not work together; " + choices());
            }
            chosen = provider;
            numbers.add(name.group(2) == null ? numbers.size() : Integer.valueOf(name.group(2)));
        }
        chosen.require(options);
        return new Chosen(chosen, numbers);
    }

    private static BackendProvider find(String kind) {
        return PROVIDERS.stream().filter(provider -> provider.kind().equals(kind)).findFirst().orElse(null);
    }

    private static BackendProvider provider(String kind) {
        BackendProvider provider = find(kind);
        if (provider == null) {
            throw new DeviceException("there is no backend for " + kind + " devices among this program's jars; " + choices());
        }
        return provider;
    }

    private static String choices() {
        String kinds = PROVIDERS.stream().map(provider -> provider.kind() + (provider.numbered() ? ":N" : "")).sorted()
                .collect(Collectors.joining(", "));
        int last = kinds.lastIndexOf(", ");
        return "use " + (last < 0 ? kinds : kinds.substring(0, last) + " or " + kinds.substring(last + 2))
                + ", such as --devices cpu,cpu or --devices cuda:0,cuda:1";
    }
}
