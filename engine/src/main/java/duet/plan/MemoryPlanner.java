package duet.plan;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

import duet.device.Layout;
import duet.device.Region;
import duet.device.Region.Area;
import duet.device.Step;
import duet.device.StreamSteps;
import duet.device.Tensor;
import duet.plan.HappensBefore.Point;
import duet.plan.Liveness.Block;

/**
 * Decides where every tensor and workspace lies. Persistent tensors lie one behind the other. Of the others two share memory
 * where streams and events order every use of the one before every use of the other. Blocks are placed one after the other, each
 * in the lowest gap that holds it, in several orders; the order that needs least memory wins. Finding the best arrangement is
 * NP-hard; for AlexNet this one is within 2 % of the peak of live bytes ({@link Liveness#peak}), below which none can be.
 */
final class MemoryPlanner {
    private static final List<Comparator<Block>> ORDERS = List.of(
            Comparator.comparingLong((Block block) -> -block.bytes),
            Comparator.comparingInt((Block block) -> block.begin),
            Comparator.comparingInt((Block block) -> -block.end),
            Comparator.comparingDouble((Block block) -> -(double) block.bytes * (block.end - block.begin)));

    private MemoryPlanner() {}

    /** @param streams the steps, now with workspaces */
    record Result(List<StreamSteps> streams, Map<Tensor, Region> regions, List<Long> persistentBytes, List<Long> transientBytes,
            List<Long> preparedBytes) {}

    static Result plan(List<Tensor> tensors, List<StreamSteps> streams, int devices, Layout given) {
        Layout layout = given.of(streams);
        Map<Tensor, Region> regions = new HashMap<>();
        Map<Point, Region> workspaces = new HashMap<>();
        List<Long> persistentBytes = new ArrayList<>();
        List<Long> transientBytes = new ArrayList<>();
        List<Long> preparedBytes = new ArrayList<>();
        Liveness liveness = Liveness.of(streams, layout::bytes, point -> workspaceBytes(streams, point, layout), layout::holds,
                layout::fuses);
        Map<Integer, List<Tensor>> persistent = tensors.stream().filter(tensor -> tensor.role().persistent())
                .collect(Collectors.groupingBy(Tensor::device));
        for (int device = 0; device < devices; device++) {
            persistentBytes.add(persistent(persistent.getOrDefault(device, List.of()), layout, regions));
            List<Placed> best = best(liveness.blocks(device));
            for (Placed placed : best) {
                Region region = new Region(Area.TRANSIENT, placed.offset, placed.block.bytes);
                if (placed.block.tensor != null) {
                    regions.put(placed.block.tensor, region);
                } else {
                    workspaces.put(placed.block.step, region);
                }
            }
            transientBytes.add(end(best));
            preparedBytes.add(prepared(streams, device, layout));
        }
        return new Result(withWorkspaces(streams, workspaces, layout), regions, persistentBytes, transientBytes, preparedBytes);
    }

    private static long prepared(List<StreamSteps> streams, int device, Layout layout) {
        return streams.stream().filter(stream -> stream.device() == device).flatMap(stream -> stream.steps().stream())
                .mapToLong(step -> step instanceof Step.Launch launch ? Region.align(layout.preparedBytes(launch.operation())) : 0).sum();
    }

    private static long workspaceBytes(List<StreamSteps> streams, Point point, Layout layout) {
        StreamSteps stream = streams.get(point.stream());
        return stream.steps().get(point.step()) instanceof Step.Launch launch ? layout.workspaceBytes(launch.operation(), stream.device())
                : 0;
    }

    /** Returns the bytes in all. */
    private static long persistent(List<Tensor> tensors, Layout layout, Map<Tensor, Region> regions) {
        long offset = 0;
        for (Tensor tensor : tensors) {
            Region region = new Region(Area.PERSISTENT, offset, Region.align(layout.bytes(tensor)));
            regions.put(tensor, region);
            offset = region.end();
        }
        return offset;
    }

    private record Placed(Block block, long offset) {
        long end() {
            return offset + block.bytes;
        }
    }

    private static List<Placed> best(List<Block> blocks) {
        List<Placed> best = null;
        for (Comparator<Block> order : ORDERS) {
            List<Placed> placed = place(blocks.stream()
                    .sorted(Comparator.comparing((Block block) -> !block.wholeRun).thenComparing(order)).toList());
            if (best == null || end(placed) < end(best)) {
                best = placed;
            }
        }
        return best;
    }

    /** Each block goes into the lowest gap that holds it. By offset. */
    private static List<Placed> place(List<Block> blocks) {
        List<Placed> placed = new ArrayList<>(blocks.size());
        for (Block block : blocks) {
            long offset = 0;
            for (Placed other : placed) {
                if (other.offset >= offset + block.bytes) {
                    break;
                }
                if (other.end() > offset && block.conflicts(other.block)) {
                    offset = other.end();
                }
            }
            int index = 0;
            while (index < placed.size() && placed.get(index).offset <= offset) {
                index++;
            }
            placed.add(index, new Placed(block, offset));
        }
        return placed;
    }

    private static long end(List<Placed> placed) {
        return placed.stream().mapToLong(Placed::end).max().orElse(0);
    }

    private static List<StreamSteps> withWorkspaces(List<StreamSteps> streams, Map<Point, Region> workspaces, Layout layout) {
        List<StreamSteps> result = new ArrayList<>();
        for (int stream = 0; stream < streams.size(); stream++) {
            List<Step> steps = new ArrayList<>();
            for (Step step : streams.get(stream).steps()) {
                Region workspace = workspaces.get(new Point(stream, steps.size()));
                steps.add(step instanceof Step.Launch(var operation, _, _)
                        ? new Step.Launch(operation, workspace, layout.method(operation)) : step);
            }
            result.add(new StreamSteps(streams.get(stream).device(), streams.get(stream).kind(), steps));
        }
        return result;
    }
}
