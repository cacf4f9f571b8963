package duet.reference;

import java.util.List;
import java.util.SplittableRandom;

import duet.device.StreamSteps;

/**
 * Chooses which stream does its next step: one of the orders that streams and events allow. A plan must give the same bits under
 * all of them.
 */
public interface Schedule {
    /**
     * @param streams   the streams of the program
     * @param positions for each stream the number of steps that it has done
     * @param ready     the indices of the streams whose next step may run; not empty
     * @return one of ready
     */
    int next(List<StreamSteps> streams, int[] positions, List<Integer> ready);

    /** Any of the ready streams; the same seed gives the same choices. */
    static Schedule random(long seed) {
        SplittableRandom random = new SplittableRandom(seed);
        return (streams, positions, ready) -> ready.get(random.nextInt(ready.size()));
    }

    /** The first ready stream, always: it runs as far as it can before any other moves. */
    static Schedule firstStream() {
        return (streams, positions, ready) -> ready.getFirst();
    }

    static Schedule lastStream() {
        return (streams, positions, ready) -> ready.getLast();
    }

    /** The stream that has done most. */
    static Schedule furthestAhead() {
        return (streams, positions, ready) -> ready.stream().reduce((a, b) -> positions[b] > positions[a] ? b : a).orElseThrow();
    }

    /** The stream that has done least. */
    static Schedule furthestBehind() {
        return (streams, positions, ready) -> ready.stream().reduce((a, b) -> positions[b] < positions[a] ? b : a).orElseThrow();
    }

    /** Copy streams only move when nothing else can: what they read must still be there, what they write must not be needed before. */
    static Schedule copiesLate() {
        return preferring(StreamSteps.Kind.COMPUTE);
    }

    /** Copy streams move whenever they can: what they read must already be there, what they overwrite must no longer be needed. */
    static Schedule copiesEarly() {
        return preferring(StreamSteps.Kind.COPY);
    }

    private static Schedule preferring(StreamSteps.Kind kind) {
        return (streams, positions, ready) -> ready.stream().filter(stream -> streams.get(stream).kind() == kind).findFirst()
                .orElse(ready.getFirst());
    }

    /** Ten that find most mistakes. */
    static List<Schedule> adversarial(long seed) {
        return List.of(firstStream(), lastStream(), furthestAhead(), furthestBehind(), copiesLate(), copiesEarly(),
                random(seed), random(seed + 1), random(seed + 2), random(seed + 3));
    }
}
