package duet.data.source;

import java.util.List;
import java.util.Map;

import duet.data.DataException;

/**
 * One file of CIFAR-10 or CIFAR-100.
 *
 * @param planes images as in the file: [image][channel][row][column] from {@code first} on, {@code stride} bytes from one image to the next
 * @param labels from 0 on, one for each image
 */
record CifarBatch(byte[] planes, int first, int stride, byte[] labels) {
    private static final int BYTES = (int) Cifar.SHAPE.elements();
    private static final int PIXELS = Cifar.SHAPE.height() * Cifar.SHAPE.width();

    /** For each image its labels, a byte each, then 3072: red, green, blue, each row by row. */
    static CifarBatch binary(CifarSet set, String what, byte[] bytes) {
        int record = set.labelBytes + BYTES;
        if (bytes.length == 0 || bytes.length % record != 0) {
            throw new DataException(what + " is truncated: its " + bytes.length + " bytes are not a whole number of images of " + record
                    + " bytes; get it again");
        }
        byte[] labels = new byte[bytes.length / record];
        for (int i = 0; i < labels.length; i++) {
            labels[i] = checked(set, what, i, bytes[i * record + set.labelByte] & 0xFF);
        }
        return new CifarBatch(bytes, set.labelBytes, record, labels);
    }

    /** A dictionary with {@code data}, an array of unsigned bytes [images][3072], and {@code labels}, a list of numbers. */
    static CifarBatch pickled(CifarSet set, String what, byte[] bytes) {
        Map<?, ?> batch = dictionary(set, what, bytes);
        if (!(batch.get("data") instanceof Pickle.Array data) || !(batch.get(set.labelKey) instanceof List<?> labels)) {
            throw new DataException(what + " is no batch of " + set.title + ": it lacks the array data or the list " + set.labelKey);
        }
        byte[] planes = data.shape().size() == 2 ? data.bytes() : new byte[0];
        boolean fits = data.type().equals("u1") && data.rowsFirst() && !labels.isEmpty()
                && data.shape().equals(List.of((long) labels.size(), (long) BYTES)) && planes.length == (long) labels.size() * BYTES;
        if (!fits) {
            throw new DataException(what + " holds an array of " + data.shape().size() + " dimensions, type " + data.type() + " and "
                    + planes.length + " bytes with " + labels.size() + " labels: a batch of " + set.title
                    + " has 3072 bytes (u1) for each label");
        }
        byte[] checked = new byte[labels.size()];
        for (int i = 0; i < checked.length; i++) {
            checked[i] = checked(set, what, i, labels.get(i) instanceof Long label ? label : -1);
        }
        return new CifarBatch(planes, 0, BYTES, checked);
    }

    static List<String> pickledNames(CifarSet set, String what, byte[] bytes) {
        if (!(dictionary(set, what, bytes).get(set.namesKey) instanceof List<?> names)) {
            throw new DataException(what + " lacks the list " + set.namesKey);
        }
        if (!names.stream().allMatch(String.class::isInstance)) {
            throw new DataException(what + ": " + set.namesKey + " must be texts");
        }
        return names.stream().map(String.class::cast).toList();
    }

    private static Map<?, ?> dictionary(CifarSet set, String what, byte[] bytes) {
        if (!(Pickle.read(what, bytes) instanceof Map<?, ?> map)) {
            throw new DataException(what + " is a pickle of something else than a batch of " + set.title);
        }
        return map;
    }

    private static byte checked(CifarSet set, String what, int image, long label) {
        if (label < 0 || label >= set.classes) {
            throw new DataException(
                    what + ": label " + label + " of image " + image + " is not one of the " + set.classes + " classes 0 to "
                            + (set.classes - 1));
        }
        return (byte) label;
    }

    /** The images in the order height, width, channels, from image {@code at} of the target on. */
    void copyTo(byte[] images, int at) {
        for (int i = 0; i < labels.length; i++) {
            int from = first + i * stride;
            int to = (at + i) * BYTES;
            for (int pixel = 0; pixel < PIXELS; pixel++) {
                for (int channel = 0; channel < 3; channel++) {
                    images[to + pixel * 3 + channel] = planes[from + channel * PIXELS + pixel];
                }
            }
        }
    }
}
