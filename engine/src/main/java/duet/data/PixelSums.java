package duet.data;

import java.util.stream.IntStream;

import duet.net.Shape;

/**
 * Sums over images, in whole numbers: the result does not depend on the order or on how the work is shared.
 *
 * @param levels   sum of the images' levels, [height][width][channels]
 * @param products sum over all pixels of level i times level j of a pixel, for channels i and j from i on; empty above 4 channels
 * @param images   how many
 */
public record PixelSums(long[] levels, long[] products, long images) {
    private static final int MOST_CHANNELS = 4;

    /**
     * {@return sums over no images}
     *
     * @param stored size of the images; with more than 4 channels there are no products
     */
    public static PixelSums none(Shape stored) {
        int channels = stored.channels();
        return new PixelSums(new long[(int) stored.elements()],
                new long[channels > MOST_CHANNELS ? 0 : channels * (channels + 1) / 2], 0);
    }

    /**
     * {@return sums over at most {@code limit} images spread evenly over the data} Damaged images are left out.
     *
     * @param data  the images
     * @param limit at most so many are read
     * @throws DataException if there is not one undamaged image
     */
    public static PixelSums over(Dataset data, int limit) {
        int count = Math.min(limit, data.size());
        if (count < 1) {
            throw new DataException("the mean over " + count + " images is not defined: " + data.description());
        }
        int parts = Math.min(count, 4 * Runtime.getRuntime().availableProcessors());
        PixelSums sums = IntStream.range(0, parts).parallel()
                .mapToObj(part -> over(data, count, count * (long) part / parts, count * (part + 1L) / parts))
                .reduce(PixelSums::plus).orElseThrow();
        if (sums.images() == 0) {
            throw new DataException("not one undamaged image to take the mean of: " + data.description());
        }
        return sums;
    }

    private static PixelSums over(Dataset data, int count, long first, long end) {
        PixelSums sums = none(data.stored());
        byte[] image = new byte[sums.levels.length];
        for (long i = first; i < end; i++) {
            if (data.read((int) (i * data.size() / count), image, 0) >= 0) {
                sums = sums.with(image, 0, data.stored().channels());
            }
        }
        return sums;
    }

    /**
     * Adds an image to these very arrays.
     *
     * @param image    holds the image's levels, [height][width][channels]
     * @param offset   where they begin
     * @param channels of the image
     * @return these sums with one image more
     */
    public PixelSums with(byte[] image, int offset, int channels) {
        for (int e = 0; e < levels.length; e++) {
            levels[e] += image[offset + e] & 0xFF;
        }
        if (channels == 3) {
            addColours(image, offset);
        } else if (products.length > 0) {
            addProducts(image, offset, channels);
        }
        return new PixelSums(levels, products, images + 1);
    }

    private void addProducts(byte[] image, int offset, int channels) {
        for (int pixel = offset; pixel < offset + levels.length; pixel += channels) {
            int p = 0;
            for (int i = 0; i < channels; i++) {
                for (int j = i; j < channels; j++) {
                    products[p++] += (image[pixel + i] & 0xFF) * (image[pixel + j] & 0xFF);
                }
            }
        }
    }

    /** Adds an image of three channels, in registers. */
    private void addColours(byte[] image, int offset) {
        long rr = 0;
        long rg = 0;
        long rb = 0;
        long gg = 0;
        long gb = 0;
        long bb = 0;
        for (int pixel = offset; pixel < offset + levels.length; pixel += 3) {
            int red = image[pixel] & 0xFF;
            int green = image[pixel + 1] & 0xFF;
            int blue = image[pixel + 2] & 0xFF;
            rr += red * red;
            rg += red * green;
            rb += red * blue;
            gg += green * green;
            gb += green * blue;
            bb += blue * blue;
        }
        long[] sums = {rr, rg, rb, gg, gb, bb};
        for (int p = 0; p < sums.length; p++) {
            products[p] += sums[p];
        }
    }

    /**
     * {@return the sums over the images of both}
     *
     * @param other sums over images of the same size
     */
    public PixelSums plus(PixelSums other) {
        return new PixelSums(sum(levels, other.levels), sum(products, other.products), images + other.images);
    }

    private static long[] sum(long[] left, long[] right) {
        long[] sum = left.clone();
        for (int e = 0; e < sum.length; e++) {
            sum[e] += right[e];
        }
        return sum;
    }

    /**
     * {@return mean image, mean colour and covariance of the colours}
     *
     * @param stored size of the images
     */
    public ImageStatistics statistics(Shape stored) {
        int channels = stored.channels();
        int pixels = stored.height() * stored.width();
        float[] mean = new float[levels.length];
        long[] totals = new long[channels];
        for (int e = 0; e < levels.length; e++) {
            mean[e % channels * pixels + e / channels] = (float) ((double) levels[e] / images);
            totals[e % channels] += levels[e];
        }
        double count = (double) images * pixels;
        double[] colour = new double[channels];
        for (int c = 0; c < channels; c++) {
            colour[c] = totals[c] / count;
        }
        return new ImageStatistics(images, stored, mean, colour, products.length == 0 ? null : covariance(colour, count));
    }

    private double[][] covariance(double[] colour, double count) {
        int channels = colour.length;
        double[][] covariance = new double[channels][channels];
        int p = 0;
        for (int i = 0; i < channels; i++) {
            for (int j = i; j < channels; j++) {
                covariance[i][j] = products[p++] / count - colour[i] * colour[j];
                covariance[j][i] = covariance[i][j];
            }
        }
        return covariance;
    }
}
