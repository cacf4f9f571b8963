package duet.reference;

import duet.device.Tensor;
import duet.device.Tensor.Format;
import duet.device.Tensor.Role;

/** Makes tensors of device 0 with ids of their own. */
final class Tensors {
    private int next;

    Tensor activation(int batch, int channels, int height, int width) {
        return make(Format.ACTIVATION, Role.TRANSIENT, batch, channels, height, width, 1);
    }

    Tensor constant(int channels, int height, int width) {
        return make(Format.ACTIVATION, Role.CONSTANT, 1, channels, height, width, 1);
    }

    Tensor like(Tensor tensor) {
        return make(tensor.format(), tensor.role(), tensor.batch(), tensor.channels(), tensor.height(), tensor.width(), tensor.groups());
    }

    /** Of a parameter, in one run. */
    Tensor gradient(Tensor parameter) {
        return make(parameter.format(), Role.TRANSIENT, parameter.batch(), parameter.channels(), parameter.height(), parameter.width(),
                parameter.groups());
    }

    Tensor filter(int outputs, int channels, int height, int width, int groups) {
        return make(Format.FILTER, Role.PARAMETER, outputs, channels, height, width, groups);
    }

    Tensor vector(int length) {
        return make(Format.VECTOR, Role.PARAMETER, 1, length, 1, 1, 1);
    }

    Tensor integers(int batch, int columns) {
        return make(Format.INTEGERS, Role.INPUT, batch, columns, 1, 1, 1);
    }

    Tensor images(int batch, int channels, int height, int width) {
        return make(Format.IMAGES, Role.INPUT, batch, channels, height, width, 1);
    }

    Tensor winners(Tensor output) {
        return make(Format.WINNERS, Role.TRANSIENT, output.batch(), output.channels(), output.height(), output.width(), 1);
    }

    private Tensor make(Format format, Role role, int batch, int channels, int height, int width, int groups) {
        int id = next++;
        return new Tensor(id, format.name().toLowerCase(java.util.Locale.ROOT) + id, 0, format, role, batch, channels, height, width,
                groups);
    }
}
