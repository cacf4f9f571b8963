package duet.data.source;

import duet.data.Dataset;
import duet.data.image.DamagedImage;
import duet.data.image.JpegHeader;

/**
 * What some of the files of a source measure, in pixels.
 *
 * @param files       how many were looked at
 * @param leastWidth  of the narrowest
 * @param mostWidth   of the widest
 * @param leastHeight of the lowest
 * @param mostHeight  of the highest
 */
public record FileSizes(int files, int leastWidth, int mostWidth, int leastHeight, int mostHeight) {
    private static final int MOST_FILES = 200;

    /**
     * {@return sizes of JPEG files spread evenly over the data; null where there are none, or none that have sizes of their own}
     *
     * @param data any source
     */
    public static FileSizes of(Dataset data) {
        if (!(data instanceof DecodedDataset decoded)) {
            return null;
        }
        FileSizes sizes = null;
        for (byte[] file : decoded.someFiles(MOST_FILES)) {
            try {
                JpegHeader header = JpegHeader.parse(file);
                FileSizes one = new FileSizes(1, header.width(), header.width(), header.height(), header.height());
                sizes = sizes == null ? one : sizes.plus(one);
            } catch (DamagedImage e) {
                // It is named when it is loaded.
            }
        }
        return sizes;
    }

    private FileSizes plus(FileSizes other) {
        return new FileSizes(files + other.files, Math.min(leastWidth, other.leastWidth), Math.max(mostWidth, other.mostWidth),
                Math.min(leastHeight, other.leastHeight), Math.max(mostHeight, other.mostHeight));
    }
}
