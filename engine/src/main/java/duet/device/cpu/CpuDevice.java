package duet.device.cpu;

import java.lang.foreign.MemorySegment;
import java.util.EnumMap;
import java.util.Map;

import duet.bindings.cpu.DuetCpu;
import duet.device.DeviceException;
import duet.device.StreamSteps;

/** A CPU device: a share of the cores with a thread team and streams of its own. */
final class CpuDevice implements AutoCloseable {
    final int index;
    final int threads;
    final MemorySegment team;
    private final Map<StreamSteps.Kind, CpuStream> streams = new EnumMap<>(StreamSteps.Kind.class);

    CpuDevice(int index, int threads) {
        this.index = index;
        this.threads = threads;
        this.team = DuetCpu.duet_team_create(threads);
        if (team.address() == 0) {
            throw new DeviceException("cpu device " + index + ": cannot start " + threads + " threads; try fewer with --threads");
        }
    }

    CpuStream stream(StreamSteps.Kind kind) {
        return streams.computeIfAbsent(kind, k -> new CpuStream("duet cpu " + index + " " + k.name().toLowerCase(java.util.Locale.ROOT)));
    }

    @Override
    public void close() {
        streams.values().forEach(CpuStream::close);
        DuetCpu.duet_team_destroy(team);
    }
}
