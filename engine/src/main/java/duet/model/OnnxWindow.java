package duet.model;

import java.util.Arrays;

import duet.model.proto.Onnx.NodeProto;
import duet.net.Rounding;
import duet.net.Shape;
import duet.net.Window;

/** How the windows of a convolution or of pooling lie, and whether what is below and on the right amounts to rounding up. */
record OnnxWindow(Window window, Rounding rounding) {
    /** @param size of a window, as the weights have it; 0: as the node says */
    static OnnxWindow of(NodeProto node, int size, Shape in) {
        int side = size > 0 ? size : square(node, "kernel_shape");
        int stride = square(node, "strides", 1, 1);
        String automatic = OnnxAttributes.text(node, "auto_pad", "NOTSET");
        if (!automatic.equals("NOTSET") && !automatic.equals("VALID")) {
            throw new OnnxRefusal("auto_pad " + automatic + " is not supported; export the model with explicit pads");
        }
        if (Arrays.stream(OnnxAttributes.integers(node, "dilations", 1, 1)).anyMatch(dilation -> dilation != 1)) {
            throw new OnnxRefusal("dilations are not supported");
        }
        long[] pads = OnnxAttributes.integers(node, "pads", 0, 0, 0, 0);
        if (pads.length != 4 || pads[0] != pads[1] || pads[2] != pads[3] || pads[2] < pads[0]) {
            throw new OnnxRefusal("pads are " + Arrays.toString(pads) + ", but Duet pads all sides alike");
        }
        int padding = Math.toIntExact(pads[0]);
        Window window = new Window(side, stride, padding);
        if (OnnxAttributes.integer(node, "ceil_mode", 0) != 0) {
            if (pads[2] != pads[0]) {
                throw new OnnxRefusal("ceil_mode together with uneven pads " + Arrays.toString(pads) + " is not supported");
            }
            return new OnnxWindow(window, Rounding.CEIL);
        }
        if (pads[2] == pads[0]) {
            return new OnnxWindow(window, Rounding.FLOOR);
        }
        long outputs = 1 + (in.height() + padding + pads[2] - side) / stride;
        if (outputs != window.outputs(in.height(), Rounding.CEIL) || in.width() != in.height()) {
            throw new OnnxRefusal(
                    "pads are " + Arrays.toString(pads) + ": more below than above is supported where it amounts to rounding up");
        }
        return new OnnxWindow(window, Rounding.CEIL);
    }

    private static int square(NodeProto node, String name, long... otherwise) {
        long[] values = OnnxAttributes.integers(node, name, otherwise);
        if (values.length != 2 || values[0] != values[1]) {
            throw new OnnxRefusal(name + " is " + Arrays.toString(values) + ", but Duet's windows are square");
        }
        return Math.toIntExact(values[0]);
    }
}
