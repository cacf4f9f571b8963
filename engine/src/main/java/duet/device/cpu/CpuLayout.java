package duet.device.cpu;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.function.IntUnaryOperator;

import duet.bindings.cpu.DuetCpu;
import duet.bindings.cpu.duet_convolution;
import duet.device.Arithmetic;
import duet.device.ConvolutionGeometry;
import duet.device.Layout;
import duet.device.Operation;
import duet.device.Operation.ConvolutionBackwardData;
import duet.device.Operation.ConvolutionBackwardWeights;
import duet.device.Operation.ConvolutionForward;
import duet.device.Operation.FullyConnectedBackwardData;
import duet.device.Operation.FullyConnectedBackwardWeights;
import duet.device.Operation.FullyConnectedForward;
import duet.device.Operation.Product;
import duet.device.Operation.SpatialNormBackward;
import duet.device.Tensor;

/** Sizes in the layout of the native kernels (duet_cpu.h): activations channels-last, filters in packed blocks. */
final class CpuLayout implements Layout {
    private final IntUnaryOperator threads;
    private final Arithmetic arithmetic;
    /** Forward passes find their filters prepared. */
    private final boolean prepared;

    /** @param threads of each device */
    CpuLayout(IntUnaryOperator threads, Arithmetic arithmetic) {
        this(threads, arithmetic, false);
    }

    private CpuLayout(IntUnaryOperator threads, Arithmetic arithmetic, boolean prepared) {
        this.threads = threads;
        this.arithmetic = arithmetic;
        this.prepared = prepared;
    }

    @Override
    public CpuLayout inference() {
        return new CpuLayout(threads, arithmetic, true);
    }

    /** The structure of a convolution or fully connected layer, with the choices made for it. */
    MemorySegment product(Arena arena, Product operation) {
        return switch (operation) {
            case ConvolutionForward o -> convolution(arena, o.geometry(), o.input(), prepared);
            case ConvolutionBackwardData o -> convolution(arena, o.geometry(), o.inputGradient(), false);
            case ConvolutionBackwardWeights o -> convolution(arena, o.geometry(), o.input(), false);
            case FullyConnectedForward o -> fullyConnected(arena, o.weight(), o.input());
            case FullyConnectedBackwardData o -> fullyConnected(arena, o.weight(), o.inputGradient());
            case FullyConnectedBackwardWeights o -> fullyConnected(arena, o.weightGradient(), o.input());
        };
    }

    private MemorySegment convolution(Arena arena, ConvolutionGeometry geometry, Tensor input, boolean filterPrepared) {
        MemorySegment product = NativeStructures.convolution(arena, geometry, input.batch());
        duet_convolution.algorithm(product, switch (arithmetic.convolutions()) {
            case FASTEST -> filterPrepared ? DuetCpu.DUET_FASTEST_PREPARED() : DuetCpu.DUET_FASTEST();
            case DIRECT -> DuetCpu.DUET_DIRECT();
            case WINOGRAD -> DuetCpu.DUET_WINOGRAD();
        });
        duet_convolution.precision(product, nativePrecision());
        return product;
    }

    private MemorySegment fullyConnected(Arena arena, Tensor weight, Tensor input) {
        MemorySegment product = NativeStructures.fullyConnected(arena, weight, input.batch());
        duet_convolution.precision(product, nativePrecision());
        return product;
    }

    private int nativePrecision() {
        return switch (arithmetic.precision()) {
            case FP32 -> DuetCpu.DUET_FP32();
            case BF16 -> DuetCpu.DUET_BF16();
            case BF16_EVERYWHERE -> DuetCpu.DUET_BF16_EVERYWHERE();
            case BF16X3, BF16X6 -> throw new IllegalArgumentException(arithmetic.precision() + " on the CPU");
        };
    }

    /** What is really done: the choices are wishes. */
    @Override
    public String method(Operation operation) {
        if (!(operation instanceof Product product)) {
            return "";
        }
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment structure = product(arena, product);
            int direction = direction(product);
            boolean rounded = DuetCpu.duet_convolution_precision(structure, direction) == DuetCpu.DUET_BF16();
            if (!convolution(product)) {
                return rounded ? "products in bf16" : "";
            }
            return (DuetCpu.duet_convolution_algorithm(structure, direction) == DuetCpu.DUET_WINOGRAD() ? "Winograd's form" : "direct sums")
                    + (rounded ? " in bf16" : "");
        }
    }

    @Override
    public long ownFlop(Operation operation) {
        if (!(operation instanceof Product product)) {
            return operation.flop();
        }
        try (Arena arena = Arena.ofConfined()) {
            return 2 * DuetCpu.duet_convolution_multiply_adds(product(arena, product), direction(product));
        }
    }

    private static int direction(Product product) {
        return switch (product) {
            case ConvolutionForward _,FullyConnectedForward _ -> DuetCpu.DUET_FORWARD();
            case ConvolutionBackwardData _,FullyConnectedBackwardData _ -> DuetCpu.DUET_BACKWARD_DATA();
            case ConvolutionBackwardWeights _,FullyConnectedBackwardWeights _ -> DuetCpu.DUET_BACKWARD_WEIGHTS();
        };
    }

    private static boolean convolution(Product product) {
        return product instanceof ConvolutionForward || product instanceof ConvolutionBackwardData
                || product instanceof ConvolutionBackwardWeights;
    }

    @Override
    public long bytes(Tensor tensor) {
        if (tensor.format() != Tensor.Format.FILTER) {
            return tensor.dataBytes();
        }
        try (Arena arena = Arena.ofConfined()) {
            return 4 * DuetCpu.duet_filter_elements(NativeStructures.filter(arena, tensor));
        }
    }

    @Override
    public long workspaceBytes(Operation operation, int device) {
        int team = threads.applyAsInt(device);
        try (Arena arena = Arena.ofConfined()) {
            return switch (operation) {
                case Product o -> workspaceBytes(o, product(arena, o), team);
                case SpatialNormBackward o -> 4 * o.input().elements();
                default -> 0;
            };
        }
    }

    private static long workspaceBytes(Product product, MemorySegment structure, int team) {
        return switch (product) {
            case ConvolutionForward _,FullyConnectedForward _ -> DuetCpu.duet_convolution_forward_workspace(structure, team);
            case ConvolutionBackwardData _,FullyConnectedBackwardData _ ->
                DuetCpu.duet_convolution_backward_data_workspace(structure, team);
            case ConvolutionBackwardWeights _,FullyConnectedBackwardWeights _ ->
                DuetCpu.duet_convolution_backward_weights_workspace(structure, team);
        };
    }

    @Override
    public long preparedBytes(Operation operation) {
        if (!prepared) {
            return 0;
        }
        try (Arena arena = Arena.ofConfined()) {
            return switch (operation) {
                case ConvolutionForward o -> DuetCpu.duet_convolution_prepared_bytes(product(arena, o));
                case FullyConnectedForward o -> DuetCpu.duet_convolution_prepared_bytes(product(arena, o));
                default -> 0;
            };
        }
    }

    /** Floats of a tensor with its padding: what an elementwise kernel runs over. */
    long floats(Tensor tensor) {
        return bytes(tensor) / 4;
    }

    /** Whether the canonical order and the backend's are the same. */
    static boolean canonical(Tensor tensor) {
        return switch (tensor.format()) {
            case ACTIVATION -> tensor.channels() == 1 || tensor.height() == 1 && tensor.width() == 1;
            case FILTER -> false;
            default -> true;
        };
    }

    /** Canonical floats into the backend's layout. */
    static void pack(MemorySegment team, Tensor tensor, MemorySegment canonical, MemorySegment packed) {
        if (tensor.format() == Tensor.Format.FILTER) {
            try (Arena arena = Arena.ofConfined()) {
                requireDone(tensor, DuetCpu.duet_filter_pack(team, NativeStructures.filter(arena, tensor), canonical, packed));
            }
        } else {
            requireDone(tensor, DuetCpu.duet_to_nhwc(
                    team, tensor.batch(), tensor.channels(), tensor.height(), tensor.width(), canonical, packed));
        }
    }

    /** The kernels' order into canonical floats. */
    static void unpack(MemorySegment team, Tensor tensor, MemorySegment packed, MemorySegment canonical) {
        if (tensor.format() == Tensor.Format.FILTER) {
            try (Arena arena = Arena.ofConfined()) {
                requireDone(tensor, DuetCpu.duet_filter_unpack(team, NativeStructures.filter(arena, tensor), packed, canonical));
            }
        } else {
            requireDone(tensor, DuetCpu.duet_from_nhwc(
                    team, tensor.batch(), tensor.channels(), tensor.height(), tensor.width(), packed, canonical));
        }
    }

    private static void requireDone(Tensor tensor, int status) {
        CpuLibrary.requireDone(status, tensor.name(), "changing its layout");
    }
}
