package duet.data.source;

import duet.data.Dataset;
import duet.data.image.DamagedImage;
import duet.data.image.JpegHeader;

/**
 * What some of the files of a source measure, in pixels.
 *
 * @param files how many were looked at
 */
public record FileSizes(int files, int leastWidth, int mostWidth, int leastHeight, int mostHeight) {
    private static final int MOST_FILES = 200;

    /** Of JPEG files spread evenly over the data; null where there are none, or none that have sizes of their own. */
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
