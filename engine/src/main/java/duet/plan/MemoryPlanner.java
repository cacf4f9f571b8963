package duet.plan;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

import duet.device.Layout;
import duet.device.Region;
import duet.device.Region.Area;
import duet.device.Step;
import duet.device.StreamSteps;
import duet.device.Tensor;

/** Decides where every tensor and workspace lies. */
final class MemoryPlanner {
    private MemoryPlanner() {}

    /** @param streams the steps, now with workspaces */
    record Result(List<StreamSteps> streams, Map<Tensor, Region> regions, List<Long> persistentBytes, List<Long> transientBytes) {}

    static Result plan(List<Tensor> tensors, List<StreamSteps> streams, int devices, Layout layout) {
        Map<Tensor, Region> regions = new HashMap<>();
        long[][] used = new long[Area.values().length][devices];
        for (Tensor tensor : tensors) {
            Area area = tensor.role().persistent() ? Area.PERSISTENT : Area.TRANSIENT;
            regions.put(tensor, take(used[area.ordinal()], tensor.device(), area, layout.bytes(tensor)));
        }
        List<StreamSteps> placed = new ArrayList<>();
        for (StreamSteps stream : streams) {
            List<Step> steps = new ArrayList<>();
            for (Step step : stream.steps()) {
                if (step instanceof Step.Launch launch) {
                    long bytes = layout.workspaceBytes(launch.operation(), stream.device());
                    steps.add(new Step.Launch(launch.operation(),
                            bytes == 0 ? null : take(used[Area.TRANSIENT.ordinal()], stream.device(), Area.TRANSIENT, bytes)));
                } else {
                    steps.add(step);
                }
            }
            placed.add(new StreamSteps(stream.device(), stream.kind(), steps));
        }
        return new Result(placed, regions, list(used[Area.PERSISTENT.ordinal()]), list(used[Area.TRANSIENT.ordinal()]));
    }

    private static Region take(long[] used, int device, Area area, long bytes) {
        Region region = new Region(area, used[device], bytes);
        used[device] = Region.align(region.end());
        return region;
    }

    private static List<Long> list(long[] values) {
        List<Long> list = new ArrayList<>();
        for (long value : values) {
            list.add(value);
        }
        return list;
    }
}
