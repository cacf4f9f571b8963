package duet.device.cpu;

import duet.device.Axis;
import duet.device.Tensor;

/**
 * Ranges of two activations along an axis, as the native copies see them: {@code outer} runs of {@code count} floats, on either side
 * {@code pitch} floats from one run to the next. Channels lie innermost, then columns, rows and images.
 *
 * @param fromFirst floats before the first run
 * @param toFirst   floats before the first run
 */
record Block(long outer, long count, long fromPitch, long fromFirst, long toPitch, long toFirst) {
    /** A range of that length, which begins at {@code fromFirst} of one tensor and at {@code toFirst} of the other. */
    static Block of(Axis axis, Tensor from, int fromFirst, Tensor to, int toFirst, int length) {
        long outer = switch (axis) {
            case BATCH -> 1;
            case CHANNELS -> (long) to.batch() * to.height() * to.width();
            case ROWS -> to.batch();
        };
        long step = switch (axis) {
            case BATCH -> to.elementsPerImage();
            case CHANNELS -> 1;
            case ROWS -> (long) to.width() * to.channels();
        };
        return new Block(outer, length * step, axis.length(from) * step, fromFirst * step, axis.length(to) * step, toFirst * step);
    }
}
