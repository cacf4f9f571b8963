package duet.device.cuda.lowering;

import java.util.List;
import java.util.Map;
import java.util.function.IntUnaryOperator;

import duet.device.Layout;
import duet.device.Operation;
import duet.device.Precision;
import duet.device.Region;
import duet.device.StreamSteps;
import duet.device.Tensor;
import duet.device.Tensor.Format;

/** The layout of the kernels (duet_cuda.h): activations channels-last, filters [group][height][width][channel][filter of the group]. */
public final class CudaLayout implements Layout {
    /** Side of the squares in which a matrix is turned: what fits into the first-level cache. */
    private static final int SQUARE = 32;

    private final IntUnaryOperator multiprocessors;
    private final Precision precision;
    private final Map<Tensor, PackedInput> inputs;
    private final Map<Operation, Operation> sums;

    /** @param multiprocessors of each device's card */
    public CudaLayout(IntUnaryOperator multiprocessors, Precision precision) {
        this(multiprocessors, precision, Map.of(), Map.of());
    }

    private CudaLayout(IntUnaryOperator multiprocessors, Precision precision, Map<Tensor, PackedInput> inputs,
            Map<Operation, Operation> sums) {
        this.multiprocessors = multiprocessors;
        this.precision = precision;
        this.inputs = inputs;
        this.sums = sums;
    }

    /** With inputs in the form of the first layer where nothing else reads them, and sums that are done two at a time. */
    @Override
    public CudaLayout of(List<StreamSteps> streams) {
        CudaLayout packed = apart(streams);
        return new CudaLayout(multiprocessors, precision, packed.inputs, PairedSums.of(streams, packed));
    }

    /** The same without sums that wait for others: of what only one of several processes knows all events. */
    public CudaLayout apart(List<StreamSteps> streams) {
        return new CudaLayout(multiprocessors, precision, PackedInput.of(streams, precision), Map.of());
    }

    /** This layout as far as the memory of a program's tensors and workspaces allows it. */
    public CudaLayout within(List<StreamSteps> streams, Map<Tensor, Region> regions) {
        boolean room = inputs.entrySet().stream().allMatch(
                input -> !regions.containsKey(input.getKey()) || input.getValue().bytes() <= regions.get(input.getKey()).bytes());
        return new CudaLayout(multiprocessors, precision, room ? inputs : Map.of(), PairedSums.within(sums, streams, regions));
    }

    @Override
    public Operation holds(Operation operation) {
        return sums.getOrDefault(operation, operation);
    }

    /** {@return whether an operation's sum of splits is done with that of {@link #holds}} */
    public boolean waits(Operation operation) {
        return sums.containsKey(operation);
    }

    /** {@return whether it is done with another operation's} */
    public boolean ends(Operation operation) {
        return sums.containsValue(operation);
    }

    public Precision precision() {
        return precision;
    }

    int multiprocessors(int device) {
        return multiprocessors.applyAsInt(device);
    }

    public Stored stored(Tensor tensor) {
        return Stored.of(tensor, precision);
    }

    /** How an input is packed; null for one that is not. */
    PackedInput packedInput(Tensor tensor) {
        return inputs.get(tensor);
    }

    @Override
    public long bytes(Tensor tensor) {
        PackedInput packed = packedInput(tensor);
        return packed == null ? stored(tensor).bytes(tensor) : packed.bytes();
    }

    @Override
    public long workspaceBytes(Operation operation, int device) {
        return CudaLowering.workspaceBytes(operation, multiprocessors(device), this);
    }

    @Override
    public boolean fuses(Operation first, Operation second) {
        return Fusion.together(this, first, second);
    }

    /** Whether the canonical order and the kernels' are the same. */
    public static boolean canonical(Tensor tensor) {
        boolean pixel = tensor.height() == 1 && tensor.width() == 1;
        return switch (tensor.format()) {
            case ACTIVATION -> tensor.channels() == 1 || pixel;
            case FILTER -> pixel && tensor.batch() == tensor.groups() || tensor.elements() == tensor.batch() && tensor.groups() == 1;
            default -> true;
        };
    }

    /** Canonical floats as 16-bit words in the kernels' order and form; not for what is stored {@link Stored#PLAIN}. */
    public short[] encode(Tensor tensor, float[] canonical) {
        short[] words = stored(tensor).encode(tensor, packed(tensor, canonical));
        return packedInput(tensor) == null ? words : packedInput(tensor).pack(words);
    }

    /** The words of {@link #encode} as canonical floats. */
    public void decode(Tensor tensor, short[] words, float[] canonical) {
        float[] packed = new float[canonical.length];
        stored(tensor).decode(tensor, packedInput(tensor) == null ? words : packedInput(tensor).unpack(words), packed);
        unpack(tensor, packed, canonical);
    }

    /** Canonical floats in the kernels' order: the same array where that is the same. */
    public static float[] packed(Tensor tensor, float[] canonical) {
        if (canonical(tensor)) {
            return canonical;
        }
        float[] packed = new float[canonical.length];
        turn(tensor, canonical, packed, true);
        return packed;
    }

    /** The kernels' order into canonical floats, which may be the same array where that is the same. */
    public static void unpack(Tensor tensor, float[] packed, float[] canonical) {
        if (canonical(tensor)) {
            System.arraycopy(packed, 0, canonical, 0, packed.length);
        } else {
            turn(tensor, packed, canonical, false);
        }
    }

    /** Either layout is a set of matrices [rows][columns], the other one has [columns][rows]. */
    private static void turn(Tensor tensor, float[] from, float[] to, boolean pack) {
        int pixels = tensor.height() * tensor.width();
        if (tensor.format() == Format.ACTIVATION) {
            int image = tensor.channels() * pixels;
            for (int n = 0; n < tensor.batch(); n++) {
                transpose(from, to, n * image, pack ? tensor.channels() : pixels, pack ? pixels : tensor.channels());
            }
            return;
        }
        int filters = tensor.batch() / tensor.groups();
        int size = tensor.channels() * pixels;
        for (int g = 0; g < tensor.groups(); g++) {
            turnFilters(tensor, from, to, g * filters * size, pack);
        }
    }

    /** [filter][channel][pixel] to [pixel][channel][filter], and back. */
    private static void turnFilters(Tensor tensor, float[] from, float[] to, int start, boolean pack) {
        int pixels = tensor.height() * tensor.width();
        int channels = tensor.channels();
        int filters = tensor.batch() / tensor.groups();
        for (int o = 0; o < filters; o += SQUARE) {
            int end = Math.min(filters, o + SQUARE);
            for (int c = 0; c < channels; c++) {
                for (int p = 0; p < pixels; p++) {
                    int packed = start + (p * channels + c) * filters;
                    for (int f = o; f < end; f++) {
                        int canonical = start + (f * channels + c) * pixels + p;
                        if (pack) {
                            to[packed + f] = from[canonical];
                        } else {
                            to[canonical] = from[packed + f];
                        }
                    }
                }
            }
        }
    }

    private static void transpose(float[] from, float[] to, int start, int rows, int columns) {
        for (int r = 0; r < rows; r += SQUARE) {
            int lastRow = Math.min(rows, r + SQUARE);
            for (int c = 0; c < columns; c += SQUARE) {
                int lastColumn = Math.min(columns, c + SQUARE);
                for (int i = r; i < lastRow; i++) {
                    for (int j = c; j < lastColumn; j++) {
                        to[start + j * rows + i] = from[start + i * columns + j];
                    }
                }
            }
        }
    }
}
