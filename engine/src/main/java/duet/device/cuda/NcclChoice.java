package duet.device.cuda;

import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.IntFunction;
import java.util.stream.IntStream;
import java.util.stream.Stream;

import duet.bindings.CudaLibrary.Kind;
import duet.bindings.NcclLibrary;
import duet.device.DeviceException;
import duet.device.Peers;
import duet.device.RankLostException;
import duet.device.Ranks;
import duet.device.cuda.driver.CudaDevice;
import duet.device.cuda.driver.NcclCommunicator;

/**
 * What carries the exchanges of several processes: NCCL, if all of them have it in the same version and each device has a card of its own,
 * else the host's memory.
 *
 * @param nccl  null if it is not used
 * @param words such as {@code NCCL 2.27.3 between processes}
 */
record NcclChoice(CudaNccl nccl, String words) {
    private static final String START = "NCCL's start";

    /**
     * What one process has.
     *
     * @param problem why it does not use NCCL; empty if it can
     * @param cards   of its devices, each as an identity and a name
     */
    record Offer(String problem, String version, List<String> cards) {
        static Offer own(Kind kind, List<CudaDevice> devices) {
            String problem = off() ? "DUET_NCCL=off" : NcclLibrary.problem(kind).orElse("");
            return new Offer(problem, problem.isEmpty() ? NcclLibrary.version() : "",
                    devices.stream().map(device -> device.card.uuid() + " " + device.card.name).toList());
        }

        private byte[] encode() {
            return Stream.concat(Stream.of(problem.replaceAll("\\s+", " "), version), cards.stream())
                    .reduce((a, b) -> a + "\n" + b).orElseThrow().getBytes(StandardCharsets.UTF_8);
        }

        private static Offer decode(byte[] bytes) {
            List<String> lines = List.of(new String(bytes, StandardCharsets.UTF_8).split("\n", -1));
            return new Offer(lines.get(0), lines.get(1), lines.subList(2, lines.size()));
        }
    }

    /** Whether the user does not want it. */
    private static boolean off() {
        String setting = System.getProperty("duet.nccl", System.getenv("DUET_NCCL"));
        boolean unset = setting == null || setting.isEmpty();
        if (!unset && !setting.equals("off")) {
            throw new DeviceException(
                    "DUET_NCCL=" + setting + ": the one value is off, which does without NCCL; unset, NCCL is used if it is there");
        }
        return !unset;
    }

    /**
     * Finds out and connects. All processes call it.
     *
     * @param devices of this process
     */
    static NcclChoice make(Kind kind, Peers processes, List<CudaDevice> devices) {
        Ranks ranks = processes.ranks();
        Offer own = Offer.own(kind, devices);
        List<Offer> offers = ranks.gather("whether there is NCCL", own.encode()).stream().map(Offer::decode).toList();
        Optional<String> refusal = refusal(offers, ranks::name);
        return refusal.isPresent() ? staged(refusal.get()) : connect(processes, devices, own.version());
    }

    private static NcclChoice staged(String reason) {
        return new NcclChoice(null, "through host memory between processes (" + reason + ")");
    }

    /**
     * Why the processes do without NCCL, in words; empty if they can use it.
     *
     * @param offers of all, in their order
     * @param names  of the processes
     */
    static Optional<String> refusal(List<Offer> offers, IntFunction<String> names) {
        Offer first = offers.getFirst();
        if (!first.problem().isEmpty() && offers.stream().allMatch(offer -> offer.problem().equals(first.problem()))) {
            return Optional.of(first.problem());
        }
        Map<String, String> places = new HashMap<>();
        for (int rank = 0; rank < offers.size(); rank++) {
            Offer offer = offers.get(rank);
            if (!offer.problem().isEmpty()) {
                return Optional.of(names.apply(rank) + ": " + offer.problem());
            }
        }
        for (int rank = 0; rank < offers.size(); rank++) {
            Offer offer = offers.get(rank);
            if (!offer.version().equals(first.version())) {
                return Optional.of(names.apply(0) + " has NCCL " + first.version() + ", " + names.apply(rank) + " " + offer.version());
            }
            for (String card : offer.cards()) {
                String place = names.apply(rank) + "'s " + card.substring(card.indexOf(' ') + 1);
                String other = places.putIfAbsent(card.substring(0, card.indexOf(' ')), place);
                if (other != null) {
                    return Optional.of("NCCL wants a card for each device, but " + (other.equals(place) ? place + " has two"
                            : other + " and " + place + " are the same"));
                }
            }
        }
        return Optional.empty();
    }

    private static NcclChoice connect(Peers processes, List<CudaDevice> devices, String version) {
        Ranks ranks = processes.ranks();
        CudaNccl opened = null;
        String failure = "";
        byte[] own = {};
        try {
            own = ranks.first() ? NcclCommunicator.uniqueId() : own;
        } catch (DeviceException e) {
            failure = e.getMessage();
        }
        byte[] id = ranks.gather(START, own).getFirst();
        try {
            opened = id.length == 0 ? null : CudaNccl.open(processes, devices, id);
        } catch (RankLostException e) {
            throw e;
        } catch (DeviceException e) {
            failure = e.getMessage();
        }
        List<String> failures;
        try {
            failures = ranks.gather(START, failure.getBytes(StandardCharsets.UTF_8)).stream()
                    .map(answer -> new String(answer, StandardCharsets.UTF_8)).toList();
        } catch (RuntimeException e) {
            letGo(opened);
            throw e;
        }
        Optional<String> reason = IntStream.range(0, failures.size()).filter(rank -> !failures.get(rank).isEmpty())
                .mapToObj(rank -> ranks.name(rank) + ": " + failures.get(rank)).findFirst();
        if (reason.isEmpty()) {
            return new NcclChoice(opened, "NCCL " + version + " between processes");
        }
        letGo(opened);
        return staged(reason.get());
    }

    private static void letGo(CudaNccl opened) {
        if (opened != null) {
            opened.giveUp();
            if (opened.stuck()) {
                throw new RankLostException("NCCL does not come back from giving up its connections; DUET_NCCL=off does without it");
            }
        }
    }
}
