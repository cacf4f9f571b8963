package duet.cli.bench;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

import duet.device.MachinePeak;
import duet.text.Text;

/** Turns of Duet and of its peers, as they come in. Everything is in images a second. */
public final class BenchResult {
    private final int batch;
    private final int steps;
    private final List<Double> ours = new ArrayList<>();
    private final List<List<Double>> theirs = new ArrayList<>();
    private MachinePeak peak;

    /**
     * @param steps in a turn
     * @param peak  of the machine before the first turn; null for devices that it says nothing about
     */
    public BenchResult(int batch, int steps, MachinePeak peak) {
        this.batch = batch;
        this.steps = steps;
        this.peak = peak;
    }

    /** @param peers of the same pair, in order */
    public void add(double own, List<Double> peers) {
        ours.add(own);
        theirs.add(List.copyOf(peers));
    }

    /** The peak of the same machine at another time; the best one counts. */
    public void peak(MachinePeak again) {
        peak = peak.best(again);
    }

    MachinePeak peak() {
        return peak;
    }

    int batch() {
        return batch;
    }

    int steps() {
        return steps;
    }

    /** Of all engines together. */
    public int turns() {
        return ours.size() + theirs.stream().mapToInt(List::size).sum();
    }

    List<Double> ours() {
        return ours;
    }

    List<Double> peer(int index) {
        return theirs.stream().map(pair -> pair.get(index)).toList();
    }

    /** How many times as fast as that peer Duet was, pair by pair. */
    public List<Double> ratios(int peer) {
        return IntStream.range(0, ours.size()).mapToObj(pair -> ours.get(pair) / theirs.get(pair).get(peer)).toList();
    }

    /** The peer with the highest median; -1 without peers. */
    public int best() {
        int count = theirs.isEmpty() ? 0 : theirs.getFirst().size();
        return IntStream.range(0, count).boxed().max(Comparator.comparingDouble(peer -> Spread.of(peer(peer)).median())).orElse(-1);
    }

    /** A pair for people. */
    public String line(int pair, List<BenchPeer> peers) {
        double own = ours.get(pair);
        return Text.rate(own) + " images/s" + IntStream.range(0, peers.size())
                .mapToObj(i -> "; " + peers.get(i).name() + " " + Text.rate(theirs.get(pair).get(i)) + ", ratio "
                        + Text.rate(own / theirs.get(pair).get(i)))
                .collect(Collectors.joining());
    }
}
