package duet.plan;

import java.util.HashMap;
import java.util.Map;

import duet.device.Step;
import duet.device.StreamSteps;

/**
 * What travels between the processes that share out the devices of a plan, and what that does to their speed. Nothing here was measured:
 * bytes follow from the plan, times from the speed of the link.
 *
 * @param ranks    processes
 * @param received bytes that the process that receives most receives in a run
 * @param sent     bytes that the process that sends most sends in a run
 */
public record RankTraffic(int ranks, long received, long sent) {
    private static final double BITS = 8;

    /**
     * {@return the traffic of a plan}
     *
     * @param plan any
     * @param each devices of a process
     */
    public static RankTraffic of(Plan plan, int each) {
        Map<Integer, Long> received = new HashMap<>();
        Map<Integer, Long> sent = new HashMap<>();
        for (StreamSteps stream : plan.streams()) {
            for (Step step : stream.steps()) {
                if (step instanceof Step.Copy copy && copy.from().device() / each != copy.to().device() / each) {
                    received.merge(copy.to().device() / each, copy.to().dataBytes(), Long::sum);
                    sent.merge(copy.from().device() / each, copy.to().dataBytes(), Long::sum);
                }
            }
        }
        return new RankTraffic(plan.placement().devices() / each, most(received), most(sent));
    }

    private static long most(Map<Integer, Long> bytes) {
        return bytes.values().stream().mapToLong(Long::longValue).max().orElse(0);
    }

    /**
     * {@return how long the exchange takes over a link that works both ways at once, in seconds}
     *
     * @param bitsPerSecond of each process's link
     */
    public double seconds(double bitsPerSecond) {
        return BITS * Math.max(received, sent) / bitsPerSecond;
    }

    /**
     * {@return the share of its time that a process computes if nothing travels while it does}
     *
     * @param bitsPerSecond of each process's link
     * @param computing     seconds that a process computes in a run
     */
    public double leastEfficiency(double bitsPerSecond, double computing) {
        return computing / (computing + seconds(bitsPerSecond));
    }

    /**
     * {@return the share of its time that a process computes if all that travels does so meanwhile}
     *
     * @param bitsPerSecond of each process's link
     * @param computing     seconds that a process computes in a run
     */
    public double mostEfficiency(double bitsPerSecond, double computing) {
        return computing / Math.max(computing, seconds(bitsPerSecond));
    }
}
