package duet.reference;

import java.util.HashMap;
import java.util.Map;

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
import duet.device.RunParameters;
import duet.device.Tensor;

/**
 * Every operation in plain double-precision Java on arrays in the canonical order that {@link Tensor} describes: what the kernels
 * are judged by, written to be obviously right. The families are in {@link Convolutions}, {@link FullyConnected},
 * {@link Pooling}, {@link Elementwise}, {@link ResponseNorms},
 * {@link SpatialNorms}, {@link Losses} and {@link Copies}.
 *
 * <p>Integers and bytes are doubles too. A result that is not also an operand is made anew.
 */
public final class Reference {
    private Reference() {}

    /**
     * Computes an operation.
     *
     * @param values an array for each tensor that the operation reads; its results are put here. An operand that is also a result
     *               is changed in place.
     */
    public static void compute(Operation operation, Map<Tensor, double[]> values, RunParameters parameters) {
        for (Tensor tensor : operation.reads()) {
            if (values.get(tensor) == null || values.get(tensor).length != tensor.elements()) {
                throw new IllegalArgumentException(operation.layer() + ": " + operation.kind() + " needs " + tensor.elements()
                        + " values of " + tensor);
            }
        }
        for (Tensor tensor : operation.writes()) {
            values.computeIfAbsent(tensor, t -> new double[Math.toIntExact(t.elements())]);
        }
        new Lookup(values).compute(operation, parameters);
    }

    /** Like the other, for operations that neither draw random numbers nor update parameters. */
    public static Map<Tensor, double[]> compute(Operation operation, Map<Tensor, double[]> operands) {
        Map<Tensor, double[]> values = new HashMap<>(operands);
        compute(operation, values, RunParameters.NONE);
        return values;
    }

    /** Hands each family its arrays; a tensor that is null has none. */
    private record Lookup(Map<Tensor, double[]> values) {
        private double[] of(Tensor tensor) {
            return tensor == null ? null : values.get(tensor);
        }

        void compute(Operation operation, RunParameters parameters) {
            switch (operation) {
                case PrepareInput o ->
                    Copies.prepareInput(o, of(o.images()), of(o.crops()), of(o.mean()), of(o.colourShift()), of(o.output()));
                case ConvolutionForward o ->
                    Convolutions.forward(o.geometry(), o.input().batch(), of(o.input()), of(o.weight()), of(o.bias()), of(o.output()));
                case ConvolutionBackwardData o -> Convolutions.backwardData(
                        o.geometry(), o.outputGradient().batch(), of(o.outputGradient()), of(o.weight()), of(o.inputGradient()));
                case ConvolutionBackwardWeights o -> Convolutions.backwardWeights(
                        o.geometry(), o.input().batch(), of(o.input()), of(o.outputGradient()), of(o.weightGradient()),
                        of(o.biasGradient()));
                case FullyConnectedForward o ->
                    FullyConnected.forward(o.input().batch(), of(o.input()), of(o.weight()), of(o.bias()), of(o.output()));
                case FullyConnectedBackwardData o -> FullyConnected.backwardData(
                        o.outputGradient().batch(), of(o.outputGradient()), of(o.weight()), of(o.inputGradient()));
                case FullyConnectedBackwardWeights o -> FullyConnected.backwardWeights(
                        o.input().batch(), of(o.input()), of(o.outputGradient()), of(o.weightGradient()), of(o.biasGradient()));
                case ActivationForward o -> Elementwise.activationForward(o.function(), of(o.input()), of(o.output()));
                case ActivationBackward o ->
                    Elementwise.activationBackward(o.function(), of(o.output()), of(o.outputGradient()), of(o.inputGradient()));
                case ResponseNormForward o -> ResponseNorms.forward(o.norm(), o.input(), of(o.input()), of(o.output()));
                case ResponseNormBackward o ->
                    ResponseNorms.backward(o.norm(), o.input(), of(o.input()), of(o.outputGradient()), of(o.inputGradient()));
                case SpatialNormForward o -> SpatialNorms.forward(o.norm(), o.input(), of(o.input()), of(o.output()));
                case SpatialNormBackward o ->
                    SpatialNorms.backward(o.norm(), o.input(), of(o.input()), of(o.outputGradient()), of(o.inputGradient()));
                case MaxPoolForward o ->
                    Pooling.maxForward(o.geometry(), o.input().batch(), of(o.input()), of(o.output()), of(o.winners()));
                case MaxPoolBackward o -> Pooling.maxBackward(
                        o.geometry(), o.winners().batch(), of(o.winners()), of(o.outputGradient()), of(o.inputGradient()));
                case AveragePoolForward o -> Pooling.averageForward(o.geometry(), o.input().batch(), of(o.input()), of(o.output()));
                case AveragePoolBackward o ->
                    Pooling.averageBackward(o.geometry(), o.outputGradient().batch(), of(o.outputGradient()), of(o.inputGradient()));
                case Dropout o -> Elementwise.dropout(o, parameters, of(o.input()), of(o.output()));
                case Scale o -> Elementwise.scale(of(o.input()), o.factor(), of(o.output()));
                case SoftmaxCrossEntropy o -> Losses.softmaxCrossEntropy(o.logits().batch(), of(o.logits()), of(o.labels()),
                        of(o.losses()), of(o.ranks()), of(o.probabilities()), of(o.inputGradient()), o.divisor());
                case Gather o -> Copies.gather(o, values);
                case Slice o -> Copies.slice(o, of(o.whole()), of(o.part()));
                case AddToSlice o -> Copies.addToSlice(o, of(o.part()), of(o.whole()));
                case Add o -> Elementwise.add(of(o.left()), of(o.right()), of(o.output()));
                case Stronger o -> Elementwise.stronger(o.output().batch(), of(o.left()), of(o.right()), of(o.output()));
                case FiniteCheck o -> Elementwise.finiteCheck(of(o.tensor()), of(o.status()), o.index());
                case SgdUpdate o -> Elementwise.sgdUpdate(of(o.gradient()), of(o.weight()), of(o.momentum()),
                        parameters.learningRates()[o.rateIndex()], parameters.weightDecays()[o.rateIndex()], parameters.momentum());
                case FilterRenormalise o -> Elementwise.filterRenormalise(o.weight().batch(), o.radius(), of(o.weight()));
            }
        }
    }
}
