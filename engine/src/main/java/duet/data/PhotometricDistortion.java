package duet.data;

import duet.data.pixels.Photometry;
import duet.data.pixels.Photometry.Change;
import duet.data.pixels.Pixels;
import duet.device.Philox;

/**
 * Brightness, contrast and saturation of an image, each changed by a factor drawn evenly from 1 - most to 1 + most, one after the other
 * in an order that is drawn, too (Howard 2013, "Some improvements on deep convolutional neural network based image classification",
 * "Additional color manipulations", where the factors are 0.5 to 1.5). Drawn once for each image and epoch.
 */
record PhotometricDistortion(double most, long seed) {
    private static final Change[][] ORDERS = {
            {Change.BRIGHTNESS, Change.CONTRAST, Change.SATURATION}, {Change.BRIGHTNESS, Change.SATURATION, Change.CONTRAST},
            {Change.CONTRAST, Change.BRIGHTNESS, Change.SATURATION}, {Change.CONTRAST, Change.SATURATION, Change.BRIGHTNESS},
            {Change.SATURATION, Change.BRIGHTNESS, Change.CONTRAST}, {Change.SATURATION, Change.CONTRAST, Change.BRIGHTNESS}};

    Change[] order(long epoch, int index) {
        return ORDERS[Philox.below(seed, Philox.PHOTOMETRIC, epoch, 4L * index + 3, ORDERS.length)];
    }

    double factor(long epoch, int index, Change change) {
        int number = switch (change) {
            case BRIGHTNESS -> 0;
            case CONTRAST -> 1;
            case SATURATION -> 2;
        };
        return 1 + most * (2 * Philox.uniform(seed, Philox.PHOTOMETRIC, epoch, 4L * index + number) - 1);
    }

    void distort(long epoch, int index, Photometry photometry, Pixels image) {
        for (Change change : order(epoch, index)) {
            photometry.change(change, factor(epoch, index, change), image);
        }
    }
}
