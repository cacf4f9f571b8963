package duet.reference;

import java.util.Map;

import duet.device.Operation.GatherChannels;
import duet.device.Operation.PrepareInput;
import duet.device.Operation.SliceChannels;
import duet.device.Tensor;

/** What moves numbers: stored images to the network's input, and slices of channels. */
final class Channels {
    private Channels() {}

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

    static void gather(GatherChannels o, Map<Tensor, double[]> values) {
        int firstChannel = 0;
        for (Tensor part : o.parts()) {
            copy(values.get(part), part, 0, values.get(o.whole()), o.whole(), firstChannel, part.channels());
            firstChannel += part.channels();
        }
    }

    static void slice(SliceChannels o, double[] whole, double[] part) {
        copy(whole, o.whole(), o.firstChannel(), part, o.part(), 0, o.part().channels());
    }

    private static void copy(double[] from, Tensor fromTensor, int fromFirst, double[] to, Tensor toTensor, int toFirst, int count) {
        int plane = toTensor.height() * toTensor.width();
        for (int n = 0; n < toTensor.batch(); n++) {
            System.arraycopy(from, (n * fromTensor.channels() + fromFirst) * plane,
                    to, (n * toTensor.channels() + toFirst) * plane, count * plane);
        }
    }
}
