package duet.device.cuda.lowering;

import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.stream.Collectors;

import duet.device.Operation;
import duet.device.Operation.*;
import duet.device.Tensor;
import duet.device.cuda.driver.KernelCall;

/** Turns operations, and groups of them that one kernel does, into launches. */
public final class CudaLowering {
    private CudaLowering() {}

    public static long workspaceBytes(Operation operation, int multiprocessors, CudaLayout layout) {
        return switch (operation) {
            case FullyConnectedBackwardData o -> Math.max(ProductForm.of(o, multiprocessors, layout).workspaceBytes(),
                    OnePassLowering.workspaceBytes(o, layout.precision()));
            case Product o -> ProductForm.of(o, multiprocessors, layout).workspaceBytes();
            case SpatialNormBackward o -> SpatialNormLowering.workspaceBytes(o, layout.precision());
            default -> 0;
        };
    }

    /**
     * What must come before all launches of a stream: the flags of its searches for NaN and infinity are cleared, where no launch of the
     * stream does so before. A status lies in memory of its own during the whole run, since the host reads it.
     *
     * @param fusions of the stream; null for a step that is none
     */
    public static List<KernelCall> begin(List<Fusion> fusions, Site site) {
        Set<Tensor> cleared = fusions.stream().filter(Objects::nonNull).map(Fusion::cleared).filter(Objects::nonNull)
                .collect(Collectors.toSet());
        return fusions.stream().filter(Objects::nonNull).flatMap(fusion -> fusion.operations().stream())
                .filter(FiniteCheck.class::isInstance).map(check -> ((FiniteCheck) check).status()).distinct()
                .filter(status -> !cleared.contains(status)).map(status -> ElementwiseLowering.reset(site, status)).toList();
    }

    /** Terms that each result of a product adds, before they are split. */
    public static int terms(Product operation, CudaLayout layout) {
        return ProductForm.terms(operation, layout);
    }

    public static List<KernelCall> lower(Fusion fusion, Site site) {
        Tensor mask = fusion.reluBackward() == null ? null : fusion.reluBackward().output();
        return switch (fusion.first()) {
            case ConvolutionForward o -> ProductLowering.forward(site, o, fusion);
            case FullyConnectedForward o -> ProductLowering.forward(site, o, fusion);
            case ConvolutionBackwardData o -> ProductLowering.backwardData(site, o, fusion);
            case FullyConnectedBackwardData o when fusion.backwardWeights() != null -> OnePassLowering.lower(site, o, fusion);
            case FullyConnectedBackwardData o -> ProductLowering.backwardData(site, o, fusion);
            case ConvolutionBackwardWeights o -> ProductLowering.backwardWeights(site, o, fusion);
            case FullyConnectedBackwardWeights o -> ProductLowering.backwardWeights(site, o, fusion);
            case ResponseNormForward o when fusion.pool() != null -> NormLowering.normPoolForward(site, o, fusion.pool());
            case MaxPoolBackward o when fusion.normBackward() != null ->
                NormLowering.normPoolBackward(site, o, fusion.normBackward(), mask != null);
            case ResponseNormBackward o -> NormLowering.responseNormBackward(site, o, mask != null);
            case MaxPoolBackward o -> PoolingLowering.maxBackward(site, o, mask);
            case ResponseNormForward o -> NormLowering.responseNormForward(site, o);
            case SpatialNormForward o -> SpatialNormLowering.forward(site, o);
            case SpatialNormBackward o -> SpatialNormLowering.backward(site, o);
            case MaxPoolForward o -> PoolingLowering.maxForward(site, o);
            case AveragePoolForward o -> PoolingLowering.averageForward(site, o);
            case AveragePoolBackward o -> PoolingLowering.averageBackward(site, o);
            case ActivationForward o -> ElementwiseLowering.lower(site, o);
            case ActivationBackward o -> ElementwiseLowering.lower(site, o);
            case Dropout o -> ElementwiseLowering.lower(site, o);
            case Scale o -> ElementwiseLowering.lower(site, o);
            case Add o -> ElementwiseLowering.lower(site, o);
            case Stronger o -> ElementwiseLowering.lower(site, o);
            case Gather o -> BlockLowering.gather(site, o);
            case AddToSlice o -> BlockLowering.add(site, o);
            case Slice o -> BlockLowering.slice(site, o);
            case FiniteCheck o -> ElementwiseLowering.lower(site, o);
            case SgdUpdate o -> ElementwiseLowering.lower(site, o);
            case FilterRenormalise o -> ElementwiseLowering.lower(site, o);
            case SoftmaxCrossEntropy o -> LossLowering.lower(site, o);
            case PrepareInput o -> InputLowering.lower(site, o, fusion.cleared());
        };
    }
}
