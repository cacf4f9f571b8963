package duet.plan;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

import duet.device.Step;
import duet.device.StreamSteps;

/**
 * The order that streams and events impose on the steps of a plan, as vector clocks (Fidge 1988, Mattern 1989): the clock of a step
 * tells for each stream how many of its steps are certainly over, or at this one, when the step runs.
 */
final class HappensBefore {
    /** A step: the index of its stream, and its place there. */
    record Point(int stream, int step) {}

    private final List<StreamSteps> streams;
    private final int[][][] clocks;
    private final List<String> faults = new ArrayList<>();
    private final List<Point> order = new ArrayList<>();
    private final Map<Integer, int[]> recorded = new HashMap<>();

    private HappensBefore(List<StreamSteps> streams) {
        this.streams = streams;
        clocks = new int[streams.size()][][];
    }

    static HappensBefore of(List<StreamSteps> streams) {
        HappensBefore order = new HappensBefore(streams);
        order.run();
        return order;
    }

    /** Events that are recorded twice, waits that never end. With faults there is no order. */
    List<String> faults() {
        return List.copyOf(faults);
    }

    /** All steps in one of the orders in which they may run. */
    List<Point> order() {
        return List.copyOf(order);
    }

    /** For each stream how many of its steps are over when this one is; of its own stream, itself included. */
    int[] clock(Point point) {
        return clocks[point.stream()][point.step()];
    }

    /** Of all steps of a stream. */
    int[][] clocks(int stream) {
        return clocks[stream];
    }

    /** Whether {@code first} is certainly over when {@code second} begins. */
    boolean before(Point first, Point second) {
        return !first.equals(second) && clock(second)[first.stream()] > first.step();
    }

    boolean ordered(Point one, Point other) {
        return before(one, other) || before(other, one);
    }

    /** Such as {@code step 12 of device 0 copy}. */
    String name(Point point) {
        return "step " + point.step() + " of " + streams.get(point.stream()).label();
    }

    /** Runs each stream as far as it can until all are through, or none gets any further. */
    private void run() {
        int[] next = new int[streams.size()];
        for (int stream = 0; stream < next.length; stream++) {
            clocks[stream] = new int[streams.get(stream).steps().size()][];
        }
        boolean moved = true;
        while (moved) {
            moved = false;
            for (int stream = 0; stream < next.length; stream++) {
                while (next[stream] < clocks[stream].length && step(new Point(stream, next[stream]))) {
                    order.add(new Point(stream, next[stream]));
                    next[stream]++;
                    moved = true;
                }
            }
        }
        for (int stream = 0; stream < next.length; stream++) {
            if (next[stream] < clocks[stream].length) {
                faults.add(stuck(new Point(stream, next[stream])));
            }
        }
    }

    /** False if the step has to wait. */
    private boolean step(Point point) {
        int[] clock = point.step() == 0 ? new int[streams.size()] : clock(new Point(point.stream(), point.step() - 1)).clone();
        Step step = streams.get(point.stream()).steps().get(point.step());
        if (step instanceof Step.Wait wait) {
            int[] event = recorded.get(wait.event());
            if (event == null) {
                return false;
            }
            for (int stream = 0; stream < clock.length; stream++) {
                clock[stream] = Math.max(clock[stream], event[stream]);
            }
        }
        clock[point.stream()] = point.step() + 1;
        clocks[point.stream()][point.step()] = clock;
        if (step instanceof Step.Record record && recorded.putIfAbsent(record.event(), clock) != null) {
            faults.add("event " + record.event() + " is recorded a second time at " + name(point));
        }
        return true;
    }

    private String stuck(Point point) {
        int event = ((Step.Wait) streams.get(point.stream()).steps().get(point.step())).event();
        boolean somewhere = streams.stream().flatMap(stream -> stream.steps().stream())
                .anyMatch(step -> step instanceof Step.Record record && record.event() == event);
        return name(point) + " waits for event " + event + (somewhere
                ? ", which is recorded only behind a step that waits too: a deadlock"
                : ", which nobody records");
    }
}
