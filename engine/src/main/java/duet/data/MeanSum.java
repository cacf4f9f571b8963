package duet.data;

import duet.net.Shape;

/**
 * @param levels sum of the images' levels, [height][width][channels]
 * @param images how many
 */
record MeanSum(long[] levels, int images) {
    /** Over the images first .. end - 1 of {@code count} ones spread evenly over the data. */
    static MeanSum over(Dataset data, int count, long first, long end) {
        long[] levels = new long[(int) data.stored().elements()];
        byte[] image = new byte[levels.length];
        int images = 0;
        for (long i = first; i < end; i++) {
            if (data.read((int) (i * data.size() / count), image, 0) >= 0) {
                images++;
                for (int e = 0; e < levels.length; e++) {
                    levels[e] += image[e] & 0xFF;
                }
            }
        }
        return new MeanSum(levels, images);
    }

    MeanSum plus(MeanSum other) {
        long[] sum = levels.clone();
        for (int e = 0; e < sum.length; e++) {
            sum[e] += other.levels[e];
        }
        return new MeanSum(sum, images + other.images);
    }

    /** [channels][height][width]. */
    float[] mean(Dataset data) {
        if (images == 0) {
            throw new DataException("not one undamaged image to take the mean of: " + data.description());
        }
        Shape stored = data.stored();
        int pixels = stored.height() * stored.width();
        float[] mean = new float[levels.length];
        for (int e = 0; e < levels.length; e++) {
            mean[e % stored.channels() * pixels + e / stored.channels()] = (float) ((double) levels[e] / images);
        }
        return mean;
    }
}
