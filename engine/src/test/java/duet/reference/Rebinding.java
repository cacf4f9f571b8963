package duet.reference;

import java.util.function.UnaryOperator;

import duet.device.Operation;
import duet.device.Operation.ActivationBackward;
import duet.device.Operation.ActivationForward;
import duet.device.Operation.Add;
import duet.device.Operation.AddToSlice;
import duet.device.Operation.AveragePoolBackward;
import duet.device.Operation.AveragePoolForward;
import duet.device.Operation.ConvolutionBackwardData;
import duet.device.Operation.ConvolutionBackwardWeights;
import duet.device.Operation.ConvolutionForward;
import duet.device.Operation.Dropout;
import duet.device.Operation.FilterRenormalise;
import duet.device.Operation.FiniteCheck;
import duet.device.Operation.FullyConnectedBackwardData;
import duet.device.Operation.FullyConnectedBackwardWeights;
import duet.device.Operation.FullyConnectedForward;
import duet.device.Operation.Gather;
import duet.device.Operation.MaxPoolBackward;
import duet.device.Operation.MaxPoolForward;
import duet.device.Operation.PrepareInput;
import duet.device.Operation.ResponseNormBackward;
import duet.device.Operation.ResponseNormForward;
import duet.device.Operation.Scale;
import duet.device.Operation.SgdUpdate;
import duet.device.Operation.Slice;
import duet.device.Operation.SoftmaxCrossEntropy;
import duet.device.Operation.SpatialNormBackward;
import duet.device.Operation.SpatialNormForward;
import duet.device.Operation.Stronger;
import duet.device.Tensor;

/** An operation with other operands in place of its own. */
final class Rebinding {
    private Rebinding() {}

    static Operation rebind(Operation operation, UnaryOperator<Tensor> change) {
        UnaryOperator<Tensor> f = tensor -> tensor == null ? null : change.apply(tensor);
        return switch (operation) {
            case PrepareInput o -> new PrepareInput(o.layer(), f.apply(o.images()), f.apply(o.crops()), f.apply(o.mean()),
                    f.apply(o.colourShift()), f.apply(o.output()), o.scale());
            case ConvolutionForward o -> new ConvolutionForward(
                    o.layer(), o.geometry(), f.apply(o.input()), f.apply(o.weight()), f.apply(o.bias()), f.apply(o.output()));
            case ConvolutionBackwardData o -> new ConvolutionBackwardData(
                    o.layer(), o.geometry(), f.apply(o.outputGradient()), f.apply(o.weight()), f.apply(o.inputGradient()));
            case ConvolutionBackwardWeights o -> new ConvolutionBackwardWeights(o.layer(), o.geometry(), f.apply(o.input()),
                    f.apply(o.outputGradient()), f.apply(o.weightGradient()), f.apply(o.biasGradient()));
            case FullyConnectedForward o ->
                new FullyConnectedForward(o.layer(), f.apply(o.input()), f.apply(o.weight()), f.apply(o.bias()), f.apply(o.output()));
            case FullyConnectedBackwardData o -> new FullyConnectedBackwardData(
                    o.layer(), f.apply(o.outputGradient()), f.apply(o.weight()), f.apply(o.inputGradient()));
            case FullyConnectedBackwardWeights o -> new FullyConnectedBackwardWeights(o.layer(), f.apply(o.input()),
                    f.apply(o.outputGradient()), f.apply(o.weightGradient()), f.apply(o.biasGradient()));
            case ActivationForward o -> new ActivationForward(o.layer(), o.function(), f.apply(o.input()), f.apply(o.output()));
            case ActivationBackward o -> new ActivationBackward(
                    o.layer(), o.function(), f.apply(o.output()), f.apply(o.outputGradient()), f.apply(o.inputGradient()));
            case ResponseNormForward o -> new ResponseNormForward(o.layer(), o.norm(), f.apply(o.input()), f.apply(o.output()));
            case ResponseNormBackward o -> new ResponseNormBackward(
                    o.layer(), o.norm(), f.apply(o.input()), f.apply(o.outputGradient()), f.apply(o.inputGradient()));
            case SpatialNormForward o -> new SpatialNormForward(o.layer(), o.norm(), f.apply(o.input()), f.apply(o.output()));
            case SpatialNormBackward o -> new SpatialNormBackward(
                    o.layer(), o.norm(), f.apply(o.input()), f.apply(o.outputGradient()), f.apply(o.inputGradient()));
            case MaxPoolForward o ->
                new MaxPoolForward(o.layer(), o.geometry(), f.apply(o.input()), f.apply(o.output()), f.apply(o.winners()));
            case MaxPoolBackward o -> new MaxPoolBackward(
                    o.layer(), o.geometry(), f.apply(o.winners()), f.apply(o.outputGradient()), f.apply(o.inputGradient()));
            case AveragePoolForward o -> new AveragePoolForward(o.layer(), o.geometry(), f.apply(o.input()), f.apply(o.output()));
            case AveragePoolBackward o ->
                new AveragePoolBackward(o.layer(), o.geometry(), f.apply(o.outputGradient()), f.apply(o.inputGradient()));
            case Dropout o -> new Dropout(o.layer(), f.apply(o.input()), f.apply(o.output()), o.purpose(), o.rate(), o.scale(),
                    o.totalChannels(), o.firstChannel(), o.firstImage(), o.firstRow(), o.totalHeight());
            case Scale o -> new Scale(o.layer(), f.apply(o.input()), f.apply(o.output()), o.factor());
            case SoftmaxCrossEntropy o -> new SoftmaxCrossEntropy(o.layer(), f.apply(o.logits()), f.apply(o.labels()),
                    f.apply(o.losses()), f.apply(o.ranks()), f.apply(o.probabilities()), f.apply(o.inputGradient()), o.divisor());
            case Gather o -> new Gather(o.layer(), o.axis(), o.parts().stream().map(f).toList(), f.apply(o.whole()));
            case Slice o -> new Slice(o.layer(), o.axis(), f.apply(o.whole()), o.first(), f.apply(o.part()));
            case AddToSlice o -> new AddToSlice(o.layer(), o.axis(), f.apply(o.part()), f.apply(o.whole()), o.first());
            case Add o -> new Add(o.layer(), f.apply(o.left()), f.apply(o.right()), f.apply(o.output()));
            case Stronger o -> new Stronger(o.layer(), f.apply(o.left()), f.apply(o.right()), f.apply(o.output()));
            case FiniteCheck o -> new FiniteCheck(o.layer(), f.apply(o.tensor()), f.apply(o.status()), o.index());
            case FilterRenormalise o -> new FilterRenormalise(o.layer(), f.apply(o.weight()), o.radius());
            case SgdUpdate o ->
                new SgdUpdate(o.layer(), f.apply(o.gradient()), f.apply(o.weight()), f.apply(o.momentum()), o.rateIndex());
        };
    }
}
