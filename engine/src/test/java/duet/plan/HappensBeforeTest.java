package duet.plan;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.BitSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;

import duet.device.Step;
import duet.device.StreamSteps;
import duet.device.StreamSteps.Kind;
import duet.plan.HappensBefore.Point;
import org.junit.jupiter.api.Test;

class HappensBeforeTest {
    private static final int PROGRAMS = 300;

    /**
     * Streams of events recorded and awaited, as they came one after the other, so that each wait is for an event already recorded; and for
     * each step, by number, all that are before it.
     */
    private static final class RandomProgram {
        final List<List<Step>> streams = new ArrayList<>();
        private final List<List<Integer>> numbers = new ArrayList<>();
        private final List<BitSet> before = new ArrayList<>();

        RandomProgram(Random random) {
            int count = 1 + random.nextInt(5);
            for (int stream = 0; stream < count; stream++) {
                streams.add(new ArrayList<>());
                numbers.add(new ArrayList<>());
            }
            Map<Integer, Integer> recorded = new HashMap<>();
            int steps = random.nextInt(60);
            for (int number = 0; number < steps; number++) {
                int stream = random.nextInt(count);
                BitSet known = new BitSet();
                List<Integer> own = numbers.get(stream);
                if (!own.isEmpty()) {
                    learn(known, own.getLast());
                }
                if (!recorded.isEmpty() && random.nextInt(3) > 0) {
                    int event = random.nextInt(recorded.size());
                    learn(known, recorded.get(event));
                    streams.get(stream).add(new Step.Wait(event));
                } else {
                    streams.get(stream).add(new Step.Record(recorded.size()));
                    recorded.put(recorded.size(), number);
                }
                own.add(number);
                before.add(known);
            }
        }

        private void learn(BitSet known, int number) {
            known.or(before.get(number));
            known.set(number);
        }

        boolean before(Point first, Point second) {
            return before.get(number(second)).get(number(first));
        }

        private int number(Point point) {
            return numbers.get(point.stream()).get(point.step());
        }

        List<StreamSteps> plan() {
            List<StreamSteps> plan = new ArrayList<>();
            for (int stream = 0; stream < streams.size(); stream++) {
                plan.add(new StreamSteps(stream, Kind.COMPUTE, streams.get(stream)));
            }
            return plan;
        }
    }

    /** What waits say of each other does not matter: nothing happens in them. */
    @Test
    void isReachability() {
        long seed = System.nanoTime();
        Random random = new Random(seed);
        int ordered = 0;
        for (int i = 0; i < PROGRAMS; i++) {
            RandomProgram program = new RandomProgram(random);
            HappensBefore order = HappensBefore.of(program.plan());
            assertEquals(List.of(), order.faults());
            List<Point> points = order.order().stream()
                    .filter(point -> program.streams.get(point.stream()).get(point.step()) instanceof Step.Record).toList();
            for (Point first : points) {
                for (Point second : points) {
                    assertEquals(program.before(first, second), order.before(first, second),
                            () -> "seed " + seed + ", program of " + program.streams + ": " + first + ", " + second);
                    ordered += order.before(first, second) && first.stream() != second.stream() ? 1 : 0;
                }
            }
        }
        assertTrue(ordered > 0);
    }

    @Test
    void findsDeadlocks() {
        List<StreamSteps> streams = List.of(
                new StreamSteps(0, Kind.COMPUTE, List.of(new Step.Record(2), new Step.Wait(1), new Step.Record(0))),
                new StreamSteps(1, Kind.COMPUTE, List.of(new Step.Wait(2), new Step.Wait(0), new Step.Record(1))),
                new StreamSteps(2, Kind.COMPUTE, List.of(new Step.Wait(2), new Step.Wait(3))));
        List<String> faults = HappensBefore.of(streams).faults();
        assertEquals(3, faults.size());
        assertTrue(faults.getFirst().endsWith("waits for event 1, which is recorded only behind a step that waits too: a deadlock"));
        assertTrue(faults.getLast().endsWith("waits for event 3, which nobody records"));
        assertFalse(faults.get(1).contains("event 2"));
    }
}
