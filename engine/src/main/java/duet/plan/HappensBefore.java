package duet.plan;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

import duet.device.Step;
import duet.device.StreamSteps;

/**
 * The order that streams and events impose on the steps of a plan, as vector clocks (Fidge 1988, Mattern 1989): the clock of a step
 * tells for each stream how many of its steps are certainly over, or at this one, when the step runs. A step learns of other streams only
 * by waiting, so that the steps from one row of waits to the next have one clock in common, apart from how far their own stream has come:
 * hundreds of devices that wait for each other would have clocks of gigabytes otherwise.
 */
final class HappensBefore {
    /** A step: the index of its stream, and its place there. */
    record Point(int stream, int step) {}

    private final List<StreamSteps> streams;
    /** Of each step, what it knows of other streams; the count of its own one is not kept up. */
    private final int[][][] clocks;
    private final List<String> faults = new ArrayList<>();
    private final List<Point> order = new ArrayList<>();
    private final Map<Integer, Point> recorded = new HashMap<>();

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

    /** How many steps of another stream are over when this step is; of its own stream, itself included. */
    int over(int stream, int step, int other) {
        return other == stream ? step + 1 : clocks[stream][step][other];
    }

    /** For each stream how many of its steps are over when this one is; what stands for its own says nothing. Not to be changed. */
    int[] others(Point point) {
        return clocks[point.stream()][point.step()];
    }

    /** Whether {@code first} is certainly over when {@code second} begins; no wait, for one in a row of them knows what the last learns. */
    boolean before(Point first, Point second) {
        return !first.equals(second) && over(second.stream(), second.step(), first.stream()) > first.step();
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
        Step step = streams.get(point.stream()).steps().get(point.step());
        int[] clock = point.step() == 0 ? new int[streams.size()] : clocks[point.stream()][point.step() - 1];
        if (step instanceof Step.Wait wait) {
            Point event = recorded.get(wait.event());
            if (event == null) {
                return false;
            }
            if (point.step() > 0 && !(streams.get(point.stream()).steps().get(point.step() - 1) instanceof Step.Wait)) {
                clock = clock.clone();
            }
            learn(clock, event);
        }
        clocks[point.stream()][point.step()] = clock;
        if (step instanceof Step.Record record && recorded.putIfAbsent(record.event(), point) != null) {
            faults.add("event " + record.event() + " is recorded a second time at " + name(point));
        }
        return true;
    }

    /** Waits one after the other share a clock: nothing can come between them. */
    private void learn(int[] clock, Point event) {
        int[] known = others(event);
        int own = Math.max(clock[event.stream()], event.step() + 1);
        for (int stream = 0; stream < clock.length; stream++) {
            clock[stream] = Math.max(clock[stream], known[stream]);
        }
        clock[event.stream()] = own;
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
