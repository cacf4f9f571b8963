package duet.data.image;

/**
 * Scales by a triangle filter that is as wide as two target pixels when it shrinks (so that every source pixel counts: no
 * aliasing) and as two source pixels when it enlarges (bilinear); rows and columns one after the other. The same filter as
 * "bilinear with antialiasing" elsewhere.
 */
final class Resampling {
    /** For each target pixel the first source pixel, and weights that add up to 1. */
    private record Taps(int[] first, float[][] weights) {
        static Taps of(int sourceLength, double start, double length, int targetLength) {
            double scale = length / targetLength;
            double reach = Math.max(1, scale);
            int[] first = new int[targetLength];
            float[][] weights = new float[targetLength][];
            for (int i = 0; i < targetLength; i++) {
                double centre = start + (i + 0.5) * scale;
                int from = Math.clamp((long) Math.floor(centre - reach + 0.5), 0, sourceLength - 1);
                int to = Math.clamp((long) Math.floor(centre + reach + 0.5), from + 1, sourceLength);
                double[] raw = new double[to - from];
                double sum = 0;
                for (int k = from; k < to; k++) {
                    raw[k - from] = Math.max(0, 1 - Math.abs(k + 0.5 - centre) / reach);
                    sum += raw[k - from];
                }
                first[i] = from;
                weights[i] = new float[to - from];
                for (int k = 0; k < raw.length; k++) {
                    weights[i][k] = (float) (sum > 0 ? raw[k] / sum : 1.0 / raw.length);
                }
            }
            return new Taps(first, weights);
        }
    }

    private Resampling() {}

    /** @return [height][width][channels of the image] */
    static byte[] resample(Decoded image, int height, int width) {
        Window window = image.window();
        if (image.height() == height && image.width() == width && window.height() == height && window.width() == width) {
            return image.levels();
        }
        Taps rows = Taps.of(image.height(), window.top(), window.height(), height);
        Taps columns = Taps.of(image.width(), window.left(), window.width(), width);
        int channels = image.channels();
        int firstRow = rows.first[0];
        int endRow = rows.first[height - 1] + rows.weights[height - 1].length;
        float[] narrowed = new float[(endRow - firstRow) * width * channels];
        for (int y = firstRow; y < endRow; y++) {
            narrow(image, y, columns, narrowed, (y - firstRow) * width * channels);
        }
        byte[] result = new byte[height * width * channels];
        float[] sums = new float[width * channels];
        for (int y = 0; y < height; y++) {
            addRows(narrowed, (rows.first[y] - firstRow) * sums.length, rows.weights[y], sums);
            for (int e = 0; e < sums.length; e++) {
                // Weights add up to 1 and none is negative, so only rounding can leave 0 to 255.
                result[y * sums.length + e] = (byte) Math.min(255, (int) (sums[e] + 0.5f));
            }
        }
        return result;
    }

    private static void narrow(Decoded image, int y, Taps columns, float[] target, int offset) {
        byte[] levels = image.levels();
        int row = y * image.width() * image.channels();
        if (image.channels() == 3) {
            narrowColour(levels, row, columns, target, offset);
            return;
        }
        for (int x = 0; x < columns.first.length; x++) {
            float[] weights = columns.weights[x];
            int start = row + columns.first[x];
            float sum = 0;
            for (int k = 0; k < weights.length; k++) {
                sum += weights[k] * (levels[start + k] & 0xFF);
            }
            target[offset + x] = sum;
        }
    }

    /** Three sums at once: twice as fast as one after the other. */
    private static void narrowColour(byte[] levels, int row, Taps columns, float[] target, int offset) {
        for (int x = 0; x < columns.first.length; x++) {
            float[] weights = columns.weights[x];
            int place = row + columns.first[x] * 3;
            float red = 0;
            float green = 0;
            float blue = 0;
            for (float weight : weights) {
                red += weight * (levels[place] & 0xFF);
                green += weight * (levels[place + 1] & 0xFF);
                blue += weight * (levels[place + 2] & 0xFF);
                place += 3;
            }
            target[offset + x * 3] = red;
            target[offset + x * 3 + 1] = green;
            target[offset + x * 3 + 2] = blue;
        }
    }

    private static void addRows(float[] rows, int start, float[] weights, float[] sums) {
        java.util.Arrays.fill(sums, 0);
        for (int k = 0; k < weights.length; k++) {
            float weight = weights[k];
            int row = start + k * sums.length;
            for (int e = 0; e < sums.length; e++) {
                sums[e] += weight * rows[row + e];
            }
        }
    }
}
