package duet.device.ranks;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Collection;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

import duet.device.DeviceException;
import duet.device.Peers;
import duet.device.Program;
import duet.device.RunParameters;
import duet.device.Tensor;

/**
 * A program of which each process executes its own devices' part. What the host reads comes to all processes: the results of a run
 * together, when the first of them is read, other tensors one by one from whoever has them.
 */
final class RankedProgram implements Program {
    private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED;
    private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED;

    private final Program local;
    private final Peers peers;
    /** Of all devices, in the order of their numbers. */
    private final List<Tensor> outputs;
    /** What other processes have of the last run; null until it is asked for. */
    private Map<Tensor, MemorySegment> results;

    RankedProgram(Program local, Peers peers, Collection<Tensor> tensors) {
        this.local = local;
        this.peers = peers;
        outputs = tensors.stream().filter(tensor -> tensor.role() == Tensor.Role.OUTPUT).sorted(Comparator.comparingInt(Tensor::id))
                .toList();
    }

    @Override
    public boolean here(Tensor tensor) {
        return peers.here(tensor.device());
    }

    @Override
    public boolean everywhere(List<Tensor> equal) {
        return equal.stream().map(tensor -> peers.rank(tensor.device())).distinct().count() == peers.ranks().size();
    }

    @Override
    public void readHere(Tensor tensor, float[] values) {
        local.readHere(tensor, values);
    }

    @Override
    public void run(RunParameters parameters) {
        results = null;
        local.run(parameters);
    }

    @Override
    public void start(RunParameters parameters) {
        results = null;
        local.start(parameters);
    }

    @Override
    public void write(Tensor tensor, float[] values) {
        if (here(tensor)) {
            local.write(tensor, values);
        }
    }

    @Override
    public void write(Tensor tensor, byte[] values) {
        if (here(tensor)) {
            local.write(tensor, values);
        }
    }

    @Override
    public void write(Tensor tensor, int[] values) {
        if (here(tensor)) {
            local.write(tensor, values);
        }
    }

    @Override
    public void read(Tensor tensor, float[] values) {
        if (tensor.role() == Tensor.Role.OUTPUT) {
            MemorySegment.copy(result(tensor, values.length), FLOAT, 0, values, 0, values.length);
            return;
        }
        if (here(tensor)) {
            local.read(tensor, values);
        }
        Arena arena = Arena.ofShared(); // not closed where this fails: it may still be written to
        MemorySegment data = arena.allocate(4L * values.length);
        if (here(tensor)) {
            MemorySegment.copy(values, 0, data, FLOAT, 0, values.length);
        }
        peers.ranks().broadcast(tensor.name(), buffer(tensor, data), peers.rank(tensor.device()));
        MemorySegment.copy(data, FLOAT, 0, values, 0, values.length);
        arena.close();
    }

    @Override
    public void read(Tensor tensor, int[] values) {
        if (tensor.role() != Tensor.Role.OUTPUT) {
            throw new IllegalArgumentException(tensor + " is not a result");
        }
        MemorySegment.copy(result(tensor, values.length), INT, 0, values, 0, values.length);
    }

    private static ByteBuffer buffer(Tensor tensor, MemorySegment data) {
        if (data.byteSize() > Integer.MAX_VALUE) {
            throw new DeviceException(tensor.name() + ": " + data.byteSize() + " bytes are too many for a message between processes");
        }
        return data.asByteBuffer();
    }

    private MemorySegment result(Tensor tensor, int length) {
        tensor.requireLength(length);
        if (results == null) {
            results = gathered();
        }
        MemorySegment result = results.get(tensor);
        if (result == null) {
            throw new IllegalArgumentException(tensor + " is not of this program");
        }
        return result;
    }

    /** One exchange for all results: each process sends those of its devices. */
    private Map<Tensor, MemorySegment> gathered() {
        List<Tensor> own = outputs.stream().filter(this::here).toList();
        ByteBuffer sent = ByteBuffer.allocate(Math.toIntExact(own.stream().mapToLong(tensor -> 4 * tensor.elements()).sum()))
                .order(ByteOrder.nativeOrder());
        for (Tensor tensor : own) {
            int length = Math.toIntExact(tensor.elements());
            if (tensor.format() == Tensor.Format.INTEGERS) {
                int[] values = new int[length];
                local.read(tensor, values);
                sent.asIntBuffer().put(values);
            } else {
                float[] values = new float[length];
                local.read(tensor, values);
                sent.asFloatBuffer().put(values);
            }
            sent.position(sent.position() + 4 * length);
        }
        List<byte[]> all = peers.ranks().gather("the results", sent.array());
        long[] next = new long[all.size()];
        Map<Tensor, MemorySegment> gathered = new HashMap<>();
        for (Tensor tensor : outputs) {
            int rank = peers.rank(tensor.device());
            gathered.put(tensor, MemorySegment.ofArray(all.get(rank)).asSlice(next[rank], 4 * tensor.elements()));
            next[rank] += 4 * tensor.elements();
        }
        return gathered;
    }

    @Override
    public void close() {
        local.close();
    }
}
