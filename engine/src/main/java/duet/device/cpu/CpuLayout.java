package duet.device.cpu;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.function.IntUnaryOperator;

import duet.bindings.cpu.DuetCpu;
import duet.bindings.cpu.duet_convolution;
import duet.device.ConvolutionChoice;
import duet.device.ConvolutionGeometry;
import duet.device.Layout;
import duet.device.Operation;
import duet.device.Operation.ConvolutionBackwardData;
import duet.device.Operation.ConvolutionBackwardWeights;
import duet.device.Operation.ConvolutionForward;
import duet.device.Operation.FullyConnectedBackwardData;
import duet.device.Operation.FullyConnectedBackwardWeights;
import duet.device.Operation.FullyConnectedForward;
import duet.device.Operation.SpatialNormBackward;
import duet.device.Tensor;

/** Sizes in the layout of the native kernels (duet_cpu.h): activations channels-last, filters in packed blocks. */
final class CpuLayout implements Layout {
    private final IntUnaryOperator threads;
    private final ConvolutionChoice convolutions;

    /** @param threads of each device */
    CpuLayout(IntUnaryOperator threads, ConvolutionChoice convolutions) {
        this.threads = threads;
        this.convolutions = convolutions;
    }

    /** The structure of a convolution, with the algorithm that was chosen for it. */
    MemorySegment convolution(Arena arena, ConvolutionGeometry geometry, int batch) {
        MemorySegment c = Geometry.convolution(arena, geometry, batch);
        duet_convolution.algorithm(c, switch (convolutions) {
            case FASTEST -> DuetCpu.DUET_FASTEST();
            case DIRECT -> DuetCpu.DUET_DIRECT();
            case WINOGRAD -> DuetCpu.DUET_WINOGRAD();
        });
        return c;
    }

    @Override
    public String method(Operation operation) {
        return switch (operation) {
            case ConvolutionForward o -> method(o.geometry(), o.input().batch());
            case ConvolutionBackwardData o -> method(o.geometry(), o.inputGradient().batch());
            case ConvolutionBackwardWeights o -> method(o.geometry(), o.input().batch());
            default -> "";
        };
    }

    private String method(ConvolutionGeometry geometry, int batch) {
        try (Arena arena = Arena.ofConfined()) {
            int algorithm = DuetCpu.duet_convolution_algorithm(convolution(arena, geometry, batch));
            return algorithm == DuetCpu.DUET_WINOGRAD() ? "Winograd's form" : "direct sums";
        }
    }

    @Override
    public long bytes(Tensor tensor) {
        if (tensor.format() != Tensor.Format.FILTER) {
            return tensor.dataBytes();
        }
        try (Arena arena = Arena.ofConfined()) {
            return 4 * DuetCpu.duet_filter_elements(Geometry.filter(arena, tensor));
        }
    }

    @Override
    public long workspaceBytes(Operation operation, int device) {
        int team = threads.applyAsInt(device);
        try (Arena arena = Arena.ofConfined()) {
            return switch (operation) {
                case ConvolutionForward o -> DuetCpu.duet_convolution_forward_workspace(
                        convolution(arena, o.geometry(), o.input().batch()), team);
                case ConvolutionBackwardData o -> DuetCpu.duet_convolution_backward_data_workspace(
                        convolution(arena, o.geometry(), o.inputGradient().batch()), team);
                case ConvolutionBackwardWeights o -> DuetCpu.duet_convolution_backward_weights_workspace(
                        convolution(arena, o.geometry(), o.input().batch()), team);
                case FullyConnectedForward o -> DuetCpu.duet_convolution_forward_workspace(
                        Geometry.fullyConnected(arena, o.weight(), o.input().batch()), team);
                case FullyConnectedBackwardData o -> DuetCpu.duet_convolution_backward_data_workspace(
                        Geometry.fullyConnected(arena, o.weight(), o.inputGradient().batch()), team);
                case FullyConnectedBackwardWeights o -> DuetCpu.duet_convolution_backward_weights_workspace(
                        Geometry.fullyConnected(arena, o.weightGradient(), o.input().batch()), team);
                case SpatialNormBackward o -> 4 * o.input().elements();
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
                DuetCpu.duet_filter_pack(team, Geometry.filter(arena, tensor), canonical, packed);
            }
        } else {
            DuetCpu.duet_to_nhwc(team, tensor.batch(), tensor.channels(), tensor.height(), tensor.width(), canonical, packed);
        }
    }

    /** The other way. */
    static void unpack(MemorySegment team, Tensor tensor, MemorySegment packed, MemorySegment canonical) {
        if (tensor.format() == Tensor.Format.FILTER) {
            try (Arena arena = Arena.ofConfined()) {
                DuetCpu.duet_filter_unpack(team, Geometry.filter(arena, tensor), packed, canonical);
            }
        } else {
            DuetCpu.duet_from_nhwc(team, tensor.batch(), tensor.channels(), tensor.height(), tensor.width(), packed, canonical);
        }
    }
}
