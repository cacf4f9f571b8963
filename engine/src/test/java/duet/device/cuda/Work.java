package duet.device.cuda;

import java.util.List;
import java.util.function.Function;

import duet.device.Axis;
import duet.device.ConvolutionGeometry;
import duet.device.Operation.ConvolutionBackwardData;
import duet.device.Operation.ConvolutionBackwardWeights;
import duet.device.Operation.ConvolutionForward;
import duet.device.Operation.FiniteCheck;
import duet.device.Operation.MaxPoolBackward;
import duet.device.Operation.MaxPoolForward;
import duet.device.Operation.ResponseNormBackward;
import duet.device.Operation.ResponseNormForward;
import duet.device.Operation.Scale;
import duet.device.Operation.SgdUpdate;
import duet.device.Operation.Slice;
import duet.device.Operation.SoftmaxCrossEntropy;
import duet.device.PoolingGeometry;
import duet.device.ResponseNorm;
import duet.device.Tensor;
import duet.device.Tensor.Format;
import duet.device.Tensor.Role;
import duet.device.cuda.lowering.Fusion;

/** Small operations to put faults into: what a kernel does on a {@link KernelBed}. */
enum Work {
    FORWARD_64(108,
            bed -> bed.run(new ConvolutionForward("conv", geometry(64), image(2, 16), filter(64), vector(64), activation(2, 64, 6, 6)))),
    /** 128 rows and columns: one tile. */
    FORWARD_128(1,
            bed -> bed.run(
                    new ConvolutionForward("conv", new ConvolutionGeometry(16, 8, 8, 128, 3, 1, 1, 1, 8, 8), activation(2, 16, 8, 8, 2),
                            filter(128), vector(128), activation(2, 128, 8, 8)))),
    DATA_64(108, bed -> bed.run(new ConvolutionBackwardData("conv", geometry(64), activation(2, 64, 6, 6), filter(64), image(2, 16)))),
    WEIGHTS_64(108,
            bed -> bed.run(
                    new ConvolutionBackwardWeights("conv", geometry(64), image(2, 16), activation(2, 64, 6, 6), filter(64), vector(64)))),
    NORM_POOL(108, bed -> bed.run(new Fusion(new ResponseNormForward("norm", norm(), image(9, 96), inner()),
            List.of(new MaxPoolForward("pool", pool(), inner(), activation(9, 96, 3, 3), null))))),
    NORM_POOL_BACKWARD(108,
            bed -> bed.run(new Fusion(new MaxPoolBackward("pool", pool(), winners(), activation(9, 96, 3, 3), inner()),
                    List.of(new ResponseNormBackward("norm", norm(), image(9, 96), inner(), gradient()))))),
    NORM_BACKWARD(108, bed -> bed.run(new ResponseNormBackward("norm", norm(), image(9, 96), inner(), gradient()))),
    SOFTMAX(108, bed -> bed.run(softmax())),
    FINITE(108, bed -> bed.run(new FiniteCheck("check", activation(1, 1001, 1, 1), status(), 0))),
    SGD(108, bed -> bed.run(sgd())),
    SCALE(108, bed -> bed.run(scale())),
    COPY(108, bed -> bed.run(new Slice("slice", Axis.CHANNELS, image(2, 7), 0, activation(2, 5, 6, 6)))),
    COPY_FOURS(108, bed -> bed.run(new Slice("slice", Axis.CHANNELS, image(2, 8), 4, activation(2, 4, 6, 6))));

    final int multiprocessors;
    final Function<KernelBed, List<byte[]>> work;

    Work(int multiprocessors, Function<KernelBed, List<byte[]>> work) {
        this.multiprocessors = multiprocessors;
        this.work = work;
    }

    private static ConvolutionGeometry geometry(int filters) {
        return new ConvolutionGeometry(16, 6, 6, filters, 3, 1, 1, 1, 6, 6);
    }

    private static ResponseNorm norm() {
        return new ResponseNorm(5, 1e-2f, 0.75f, 2, 1);
    }

    private static PoolingGeometry pool() {
        return new PoolingGeometry(96, 6, 6, 3, 2, 0, 3, 3);
    }

    static SoftmaxCrossEntropy softmax() {
        Tensor logits = activation(3, 10, 1, 1);
        return new SoftmaxCrossEntropy("loss", logits, new Tensor(20, "labels", 0, Format.INTEGERS, Role.INPUT, 3, 1, 1, 1),
                new Tensor(21, "losses", 0, Format.ACTIVATION, Role.OUTPUT, 3, 1, 1, 1),
                new Tensor(22, "ranks", 0, Format.INTEGERS, Role.OUTPUT, 3, 1, 1, 1), null, activation(3, 10, 1, 1, 23));
    }

    /** One more than whole vectors, so that the tail has work. */
    static SgdUpdate sgd() {
        return new SgdUpdate("fc", new Tensor(30, "gradient", 0, Format.VECTOR, Role.TRANSIENT, 1, 1001, 1, 1), vector(1001),
                new Tensor(31, "momentum", 0, Format.VECTOR, Role.MOMENTUM, 1, 1001, 1, 1), 3);
    }

    static Scale scale() {
        return new Scale("scale", activation(1, 1001, 1, 1), activation(1, 1001, 1, 1, 40), 3);
    }

    private static Tensor activation(int batch, int channels, int height, int width) {
        return activation(batch, channels, height, width, 1);
    }

    static Tensor activation(int batch, int channels, int height, int width, int id) {
        return new Tensor(id, "activation", 0, Format.ACTIVATION, Role.TRANSIENT, batch, channels, height, width);
    }

    static Tensor image(int batch, int channels) {
        return activation(batch, channels, 6, 6, 2);
    }

    private static Tensor inner() {
        return activation(9, 96, 6, 6, 3);
    }

    private static Tensor gradient() {
        return activation(9, 96, 6, 6, 4);
    }

    private static Tensor winners() {
        return new Tensor(5, "winners", 0, Format.WINNERS, Role.TRANSIENT, 9, 96, 3, 3);
    }

    private static Tensor status() {
        return new Tensor(6, "status", 0, Format.INTEGERS, Role.OUTPUT, 1, 1, 1, 1);
    }

    private static Tensor filter(int filters) {
        return new Tensor(7, "weight", 0, Format.FILTER, Role.PARAMETER, filters, 16, 3, 3);
    }

    static Tensor vector(int length) {
        return new Tensor(8, "vector", 0, Format.VECTOR, Role.PARAMETER, 1, length, 1, 1);
    }
}
