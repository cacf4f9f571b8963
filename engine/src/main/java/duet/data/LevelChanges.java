package duet.data;

import duet.data.pixels.Photometry;
import duet.data.pixels.Pixels;
import duet.data.pixels.Resampling;
import duet.data.pixels.Window;

/**
 * What is done to the levels of stored images before devices get them: patches, photometric distortion. A patch lies where the centre
 * window was, scaled to its size; the window that {@link Cropping} gives is then that, so that devices need not know of patches. What is
 * around it stays, and nobody looks at it. An instance is for one thread.
 */
final class LevelChanges {
    private final Cropping cropping;
    /** Null if there is none. */
    private final PhotometricDistortion distortion;
    private final Resampling resampling = new Resampling();
    private final Photometry photometry = new Photometry();

    LevelChanges(Cropping cropping) {
        double most = cropping.augmentation().photometric();
        this.cropping = cropping;
        this.distortion = most > 0 ? new PhotometricDistortion(most, cropping.seed()) : null;
    }

    /**
     * Changes an image in place.
     *
     * @param place  of the image in its batch
     * @param crops  what {@link Cropping#draw} has drawn for the batch
     * @param offset of the image in {@code images}
     */
    void apply(long epoch, int index, long batch, int place, int[] crops, byte[] images, int offset) {
        Window patch = cropping.patch(epoch, index, batch, place);
        if (patch == null && distortion == null) {
            return;
        }
        Pixels stored = Pixels.of(images, offset, cropping.stored());
        Pixels seen = seen(stored, crops[3 * place], crops[3 * place + 1]);
        if (patch != null) {
            resampling.resample(stored, patch, seen);
        }
        if (distortion != null) {
            distortion.distort(epoch, index, photometry, seen);
        }
    }

    /** A window that hangs over the edge is cut. */
    private Pixels seen(Pixels stored, int top, int left) {
        int firstRow = Math.max(0, top);
        int firstColumn = Math.max(0, left);
        return stored.part(firstRow, firstColumn,
                Math.min(stored.height(), top + cropping.input().height()) - firstRow,
                Math.min(stored.width(), left + cropping.input().width()) - firstColumn);
    }
}
