package duet.plan;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

import duet.device.Layout;
import duet.device.Operation;
import duet.device.Region;
import duet.device.Region.Area;
import duet.device.Step;
import duet.device.StreamSteps;
import duet.device.StreamSteps.Kind;
import duet.device.Tensor;
import duet.device.Tensor.Role;
import duet.plan.HappensBefore.Point;

/**
 * Proves that a plan is sound, whatever the order in which its streams happen to run: it looks at nothing but the finished plan.
 *
 * <p>It proves that every stream comes to its end; that an operation touches only memory of its own device and a copy links equal
 * tensors; that two accesses to a tensor of which one writes are ordered by streams and events; that nothing is read before it is
 * written; that what shares memory is used strictly one after the other; that every region is aligned, large enough and inside its
 * area; and that training updates every part of every parameter once, evaluation none. Of a plan in which it finds nothing wrong it then
 * proves that the numbers are what the network says ({@link PlanMeaning}).
 */
public final class PlanChecker {
    private record Access(Point point, boolean write) {}

    /** What occupies a region: a tensor, or the workspace of a step. */
    private record Occupant(String name, Region region, boolean always, List<Access> accesses) {}

    private final Plan plan;
    private final Layout layout;
    private final Set<String> faults = new LinkedHashSet<>();
    private final Map<Tensor, List<Access>> accesses = new LinkedHashMap<>();
    private final List<List<Occupant>> occupants = new ArrayList<>();
    private HappensBefore order;

    private PlanChecker(Plan plan, Layout layout) {
        this.plan = plan;
        this.layout = layout;
    }

    /**
     * {@return every fault found, a sentence each; empty if the plan is sound}
     *
     * @param plan finished
     */
    public static List<String> check(Plan plan) {
        return check(plan, Layout.PLAIN);
    }

    /**
     * Checks a plan as {@link #check(Plan)} does, and that tensors and workspaces are as large as a layout needs.
     *
     * @param plan   finished
     * @param layout of the backend that will run it
     * @return every fault found, a sentence each; empty if the plan is sound
     */
    public static List<String> check(Plan plan, Layout layout) {
        return new PlanChecker(plan, layout.of(plan.streams())).run();
    }

    private List<String> run() {
        streams();
        order = HappensBefore.of(plan.streams());
        faults.addAll(order.faults());
        if (!faults.isEmpty()) {
            return List.copyOf(faults);
        }
        collect();
        tensors();
        accesses.forEach(this::ordered);
        accesses.forEach(this::written);
        for (List<Occupant> onDevice : occupants) {
            shared(onDevice);
        }
        faults.addAll(PlanRoles.check(plan));
        if (faults.isEmpty()) {
            faults.addAll(PlanMeaning.check(plan, order.order()));
        }
        return List.copyOf(faults);
    }

    private void streams() {
        Set<String> labels = new HashSet<>();
        for (StreamSteps stream : plan.streams()) {
            if (stream.device() < 0 || stream.device() >= plan.placement().devices()) {
                faults.add(stream.label() + " is on no device of the placement " + plan.placement());
            }
            if (!labels.add(stream.label())) {
                faults.add("there are two streams " + stream.label());
            }
        }
    }

    private void collect() {
        for (int device = 0; device < plan.placement().devices(); device++) {
            occupants.add(new ArrayList<>());
        }
        for (int stream = 0; stream < plan.streams().size(); stream++) {
            StreamSteps steps = plan.streams().get(stream);
            for (int i = 0; i < steps.steps().size(); i++) {
                Point point = new Point(stream, i);
                switch (steps.steps().get(i)) {
                    case Step.Launch launch -> launch(point, steps, launch);
                    case Step.Copy copy -> copy(point, steps, copy);
                    case Step.Record _,Step.Wait _ -> {}
                }
            }
        }
    }

    private void launch(Point point, StreamSteps stream, Step.Launch launch) {
        Operation operation = launch.operation();
        String name = operation.kind() + " of " + operation.layer() + " (" + order.name(point) + ")";
        if (stream.kind() != Kind.COMPUTE) {
            faults.add(name + " computes on a copy stream");
        }
        for (Tensor tensor : Liveness.tensors(launch)) {
            if (tensor.device() != stream.device()) {
                faults.add(name + " touches " + tensor + " of another device");
            }
        }
        operation.reads().forEach(tensor -> access(tensor, point, false));
        operation.writes().forEach(tensor -> access(tensor, point, true));
        long needed = layout.workspaceBytes(operation, stream.device());
        Region workspace = launch.workspace();
        if (workspace == null ? needed > 0 : workspace.bytes() < needed) {
            faults.add(name + " needs a workspace of " + needed + " bytes");
        }
        if (workspace != null) {
            String title = "the workspace of " + name;
            region(title, stream.device(), Area.TRANSIENT, workspace);
            Point end = Liveness.heldUntil(stream.steps(), point, layout::holds);
            occupants.get(stream.device())
                    .add(new Occupant(title, workspace, false, List.of(new Access(point, true), new Access(end, false))));
        }
    }

    private void copy(Point point, StreamSteps stream, Step.Copy copy) {
        Tensor from = copy.from();
        Tensor to = copy.to();
        String name = "the copy of " + from + " (" + order.name(point) + ")";
        if (stream.kind() != Kind.COPY || to.device() != stream.device()) {
            faults.add(name + " must run on the copy stream of device " + to.device() + ", which receives it");
        }
        if (from.device() == to.device()) {
            faults.add(name + " stays on one device");
        }
        boolean alike = (from.role() == Role.SHARE) == (to.role() == Role.SHARE); // backends may store shares in another form
        if (!alike || from.format() != to.format() || !from.sizes().equals(to.sizes()) || from.groups() != to.groups()) {
            faults.add(name + " does not fit into " + to);
        }
        access(from, point, false);
        access(to, point, true);
    }

    private void access(Tensor tensor, Point point, boolean write) {
        accesses.computeIfAbsent(tensor, _ -> new ArrayList<>()).add(new Access(point, write));
    }

    /** Regions, and whose they are. */
    private void tensors() {
        Set<Tensor> all = new LinkedHashSet<>(accesses.keySet());
        all.addAll(plan.regions().keySet());
        Map<Integer, Tensor> ids = new HashMap<>();
        for (Tensor tensor : all) {
            Tensor other = ids.putIfAbsent(tensor.id(), tensor);
            if (other != null) {
                faults.add(tensor + " and " + other + " have the same id " + tensor.id());
            }
            Region region = plan.regions().get(tensor);
            if (region == null) {
                faults.add(tensor + " has no memory");
                continue;
            }
            if (tensor.device() < 0 || tensor.device() >= occupants.size()) {
                faults.add(tensor + " is on no device of the placement " + plan.placement());
                continue;
            }
            region(tensor.toString(), tensor.device(), tensor.role().persistent() ? Area.PERSISTENT : Area.TRANSIENT, region);
            long bytes = layout.bytes(tensor);
            if (region.bytes() < bytes) {
                faults.add(tensor + " needs " + bytes + " bytes, but has " + region.bytes());
            }
            occupants.get(tensor.device()).add(new Occupant(
                    tensor.toString(), region, !tensor.role().passing(), accesses.getOrDefault(tensor, List.of())));
        }
    }

    private void region(String name, int device, Area area, Region region) {
        long size = (area == Area.PERSISTENT ? plan.persistentBytes() : plan.transientBytes()).get(device);
        if (region.area() != area) {
            faults.add(name + " lies in the area " + region.area() + ", not " + area);
        } else if (region.offset() < 0 || region.bytes() < 0 || region.end() > size) {
            faults.add(name + " lies at " + region.offset() + " to " + region.end() + " of an area of " + size + " bytes");
        }
        if (region.offset() % Region.ALIGNMENT != 0) {
            faults.add(name + " lies at " + region.offset() + ", not at a multiple of " + Region.ALIGNMENT);
        }
    }

    /** Every two accesses of which one writes have an order. */
    private void ordered(Tensor tensor, List<Access> list) {
        for (int i = 0; i < list.size(); i++) {
            for (int j = 0; j < i; j++) {
                Access one = list.get(j);
                Access other = list.get(i);
                if ((one.write() || other.write()) && !one.point().equals(other.point()) && !order.ordered(one.point(), other.point())) {
                    faults.add(tensor + ": no event orders " + order.name(one.point()) + " and " + order.name(other.point()));
                }
            }
        }
    }

    private void written(Tensor tensor, List<Access> list) {
        if (tensor.role().persistent() || tensor.role() == Role.INPUT) {
            return;
        }
        for (Access read : list) {
            if (!read.write() && list.stream().noneMatch(write -> write.write() && order.before(write.point(), read.point()))) {
                faults.add(tensor + " is read before it is written: " + order.name(read.point()));
            }
        }
    }

    /** What overlaps is used one after the other. */
    private void shared(List<Occupant> onDevice) {
        List<Occupant> byOffset = onDevice.stream().sorted(Comparator.comparingLong(occupant -> occupant.region().offset())).toList();
        for (int i = 0; i < byOffset.size(); i++) {
            Occupant one = byOffset.get(i);
            for (int j = i + 1; j < byOffset.size() && byOffset.get(j).region().offset() < one.region().end(); j++) {
                Occupant other = byOffset.get(j);
                if (one.region().overlaps(other.region())
                        && (one.always() || other.always() || !(allBefore(one, other) || allBefore(other, one)))) {
                    faults.add(one.name() + " and " + other.name() + " share memory while both are in use");
                }
            }
        }
    }

    private boolean allBefore(Occupant one, Occupant other) {
        for (Access first : one.accesses()) {
            for (Access second : other.accesses()) {
                if (!order.before(first.point(), second.point())) {
                    return false;
                }
            }
        }
        return true;
    }
}
