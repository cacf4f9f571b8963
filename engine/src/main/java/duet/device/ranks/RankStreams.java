package duet.device.ranks;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;

import duet.device.Step;
import duet.device.StreamSteps;
import duet.device.StreamSteps.Kind;

/**
 * What one process does of the streams of all devices. Its own streams stay as they are, but for two things. Copies to other processes'
 * devices are added to the copy streams of the devices that they begin on, where in the whole plan only the receiver's has them; a copy
 * between processes then stands on both sides and is a message. And events of other processes fall away: whoever waits for data to be ready
 * waits for the message, and whoever waits until data have left waits for its own copy stream to have sent them.
 *
 * <p>The messages cannot block each other: on every copy stream they stand in the order of the exchanges that they belong to, which is the
 * order in which the plan's steps were made, and each exchange waits only for what comes before it in that order.
 */
final class RankStreams {
    private final List<StreamSteps> all;
    private final int first;
    private final int count;
    /** Where each event is recorded: the stream and the place there. */
    private final Map<Integer, Place> records = new HashMap<>();
    /** Of each device, by the place of the event that says that the data are ready: its sends. */
    private final Map<Integer, Map<Integer, Sends>> sends = new HashMap<>();
    private int events;

    private record Place(StreamSteps stream, int step) {}

    /** Copies that begin on a device of this process at one point, and the event that says that they have left. */
    private record Sends(int ready, int left, List<Sent> all) {
        List<Step> copies() {
            return all.stream().map(sent -> (Step) sent.copy()).toList();
        }

        /** Whether some are over at a place in the stream that receives them. */
        boolean over(Place at) {
            return all.stream().anyMatch(sent -> sent.received().stream().device() == at.stream().device()
                    && sent.received().step() < at.step());
        }
    }

    /** @param received where it stands in the stream of another process */
    private record Sent(Step.Copy copy, Place received) {}

    private RankStreams(List<StreamSteps> all, int first, int count) {
        this.all = all;
        this.first = first;
        this.count = count;
        for (StreamSteps stream : all) {
            for (int i = 0; i < stream.steps().size(); i++) {
                if (stream.steps().get(i) instanceof Step.Record(int event)) {
                    records.put(event, new Place(stream, i));
                    events = Math.max(events, event + 1);
                }
            }
        }
    }

    /**
     * The streams of the devices from {@code first} on.
     *
     * @param all   of all devices
     * @param first of this process
     * @param count how many it has
     */
    static List<StreamSteps> cut(List<StreamSteps> all, int first, int count) {
        return new RankStreams(all, first, count).cut();
    }

    private boolean here(int device) {
        return device >= first && device < first + count;
    }

    private List<StreamSteps> cut() {
        all.stream().filter(stream -> stream.kind() == Kind.COPY && !here(stream.device())).forEach(this::findSends);
        List<StreamSteps> result = new ArrayList<>();
        for (int device = first; device < first + count; device++) {
            List<Step> compute = compute(device, steps(device, Kind.COMPUTE));
            List<Step> copies = copies(device);
            if (!compute.isEmpty()) {
                result.add(new StreamSteps(device, Kind.COMPUTE, compute));
            }
            if (!copies.isEmpty()) {
                result.add(new StreamSteps(device, Kind.COPY, copies));
            }
        }
        return result;
    }

    private List<Step> steps(int device, Kind kind) {
        return all.stream().filter(stream -> stream.device() == device && stream.kind() == kind).findFirst().map(StreamSteps::steps)
                .orElse(List.of());
    }

    /** Copies from here that another process's stream has: each waits there for the event that says that its data are ready. */
    private void findSends(StreamSteps stream) {
        Map<Integer, Integer> ready = new HashMap<>(); // of each device the last event that this stream has waited for
        for (int i = 0; i < stream.steps().size(); i++) {
            Step step = stream.steps().get(i);
            if (step instanceof Step.Wait(int event) && records.containsKey(event)) {
                Place place = records.get(event);
                if (place.stream().kind() == Kind.COMPUTE) {
                    ready.put(place.stream().device(), event);
                }
            } else if (step instanceof Step.Copy copy && here(copy.from().device())) {
                Integer event = ready.get(copy.from().device());
                if (event == null) {
                    throw new IllegalArgumentException(
                            copy.layer() + ": " + stream.label() + " copies " + copy.from() + " without waiting for it");
                }
                sends.computeIfAbsent(copy.from().device(), _ -> new TreeMap<>())
                        .computeIfAbsent(records.get(event).step(), _ -> new Sends(event, events++, new ArrayList<>())).all()
                        .add(new Sent(copy, new Place(stream, i)));
            }
        }
    }

    /** Waits for what other processes have recorded become waits for what has been sent to them. */
    private List<Step> compute(int device, List<Step> steps) {
        List<Step> result = new ArrayList<>();
        Set<Integer> waited = new HashSet<>();
        for (Step step : steps) {
            if (!(step instanceof Step.Wait(int event)) || here(records.get(event).stream().device())) {
                result.add(step);
                continue;
            }
            Place place = records.get(event);
            if (place.stream().kind() != Kind.COPY) {
                throw new IllegalArgumentException(
                        "a device waits for what " + place.stream().label() + " has computed, but receives nothing from it");
            }
            Sends last = null;
            for (Sends sent : sends.getOrDefault(device, Map.of()).values()) {
                last = sent.over(place) ? sent : last;
            }
            if (last != null && waited.add(last.left())) {
                result.add(new Step.Wait(last.left()));
            }
        }
        return result;
    }

    /** Own copies and those to other processes, in the order of the points of the compute stream that they wait for. */
    private List<Step> copies(int device) {
        Map<Integer, List<List<Step>>> byPoint = new TreeMap<>();
        int last = -1;
        for (List<Step> group : groups(steps(device, Kind.COPY))) {
            int point = point(device, group, last);
            if (point < last) {
                throw new IllegalArgumentException(
                        "the copy stream of device " + device + " waits for what was computed before what it waited for");
            }
            last = point;
            byPoint.computeIfAbsent(point, _ -> new ArrayList<>()).add(group);
        }
        Map<Integer, Sends> sent = sends.getOrDefault(device, Map.of());
        sent.keySet().forEach(point -> byPoint.computeIfAbsent(point, _ -> new ArrayList<>()));
        List<Step> result = new ArrayList<>();
        byPoint.forEach((point, groups) -> {
            List<Step> own = groups.stream().flatMap(List::stream).toList();
            Sends out = sent.get(point);
            own.stream().filter(step -> step instanceof Step.Wait(int event) && here(records.get(event).stream().device()))
                    .forEach(result::add);
            if (out != null && own.stream().noneMatch(step -> step.equals(new Step.Wait(out.ready())))) {
                result.add(new Step.Wait(out.ready()));
            }
            if (out != null) {
                result.addAll(out.copies());
            }
            own.stream().filter(Step.Copy.class::isInstance).forEach(result::add);
            own.stream().filter(Step.Record.class::isInstance).forEach(result::add);
            if (out != null) {
                result.add(new Step.Record(out.left()));
            }
        });
        return result;
    }

    /** Waits, then copies, then records. */
    private static List<List<Step>> groups(List<Step> steps) {
        Map<Integer, List<Step>> groups = new LinkedHashMap<>();
        int group = 0;
        boolean ended = false;
        for (Step step : steps) {
            if (ended && step instanceof Step.Wait) {
                group++;
            }
            ended = !(step instanceof Step.Wait);
            groups.computeIfAbsent(group, _ -> new ArrayList<>()).add(step);
        }
        return List.copyOf(groups.values());
    }

    /** The place in the device's compute stream behind which copies may run; where they say nothing of it, that of those before. */
    private int point(int device, List<Step> group, int before) {
        return group.stream().filter(Step.Wait.class::isInstance).map(step -> records.get(((Step.Wait) step).event()))
                .filter(place -> place.stream().device() == device && place.stream().kind() == Kind.COMPUTE).mapToInt(Place::step).max()
                .orElse(before);
    }
}
