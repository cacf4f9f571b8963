package duet.reference;

import java.util.Map;

import duet.device.Axis;
import duet.device.Operation.AddToSlice;
import duet.device.Operation.Gather;
import duet.device.Operation.PrepareInput;
import duet.device.Operation.Slice;
import duet.device.Tensor;

/** What moves numbers: stored images to the network's input, and ranges along an axis. */
final class Copies {
    private Copies() {}

    static void prepareInput(PrepareInput o, double[] images, double[] crops, double[] mean, double[] colourShift, double[] output) {
        int channels = o.output().channels();
        int storedHeight = o.images().height();
        int storedWidth = o.images().width();
        int height = o.output().height();
        int width = o.output().width();
        int i = 0;
        for (int n = 0; n < o.output().batch(); n++) {
            for (int c = 0; c < channels; c++) {
                double shift = colourShift == null ? 0 : colourShift[n * channels + c];
                for (int y = 0; y < height; y++) {
                    for (int x = 0; x < width; x++) {
                        int sy = (int) crops[3 * n] + y;
                        int sx = (int) crops[3 * n + 1] + (crops[3 * n + 2] != 0 ? width - 1 - x : x);
                        boolean inside = sy >= 0 && sy < storedHeight && sx >= 0 && sx < storedWidth;
                        output[i++] = !inside ? 0
                                : (images[((n * storedHeight + sy) * storedWidth + sx) * channels + c]
                                        - mean[(c * storedHeight + sy) * storedWidth + sx] + shift) * o.scale();
                    }
                }
            }
        }
    }

    static void gather(Gather o, Map<Tensor, double[]> values) {
        int first = 0;
        for (Tensor part : o.parts()) {
            double[] from = values.get(part);
            double[] whole = values.get(o.whole());
            visit(o.axis(), part, o.whole(), first, (i, j) -> whole[j] = from[i]);
            first += o.axis().length(part);
        }
    }

    static void slice(Slice o, double[] whole, double[] part) {
        visit(o.axis(), o.part(), o.whole(), o.first(), (i, j) -> part[i] = whole[j]);
    }

    static void addToSlice(AddToSlice o, double[] part, double[] whole) {
        visit(o.axis(), o.part(), o.whole(), o.first(), (i, j) -> whole[j] += part[i]);
    }

    private interface Pair {
        void visit(int part, int whole);
    }

    /** Each element of a part, and its place in the whole, in which the part begins at {@code first} of the axis. */
    private static void visit(Axis axis, Tensor part, Tensor whole, int first, Pair pair) {
        int firstImage = axis == Axis.BATCH ? first : 0;
        int firstChannel = axis == Axis.CHANNELS ? first : 0;
        int firstRow = axis == Axis.ROWS ? first : 0;
        int i = 0;
        for (int n = firstImage; n < firstImage + part.batch(); n++) {
            for (int c = firstChannel; c < firstChannel + part.channels(); c++) {
                for (int y = firstRow; y < firstRow + part.height(); y++) {
                    for (int x = 0; x < part.width(); x++) {
                        pair.visit(i++, ((n * whole.channels() + c) * whole.height() + y) * whole.width() + x);
                    }
                }
            }
        }
    }
}
