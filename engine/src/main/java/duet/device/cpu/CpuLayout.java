package duet.device.cpu;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.function.IntUnaryOperator;

import duet.bindings.cpu.DuetCpu;
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

    /** @param threads of each device */
    CpuLayout(IntUnaryOperator threads) {
        this.threads = threads;
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
                        Geometry.convolution(arena, o.geometry(), o.input().batch()), team);
                case ConvolutionBackwardData o -> DuetCpu.duet_convolution_backward_data_workspace(
                        Geometry.convolution(arena, o.geometry(), o.inputGradient().batch()), team);
                case ConvolutionBackwardWeights o -> DuetCpu.duet_convolution_backward_weights_workspace(
                        Geometry.convolution(arena, o.geometry(), o.input().batch()), team);
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
