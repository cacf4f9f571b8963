package duet.data.source;

import java.util.List;
import java.util.Locale;
import java.util.Map;

import duet.data.DataException;

/**
 * One file of CIFAR-10.
 *
 * @param planes images as in the file: [image][channel][row][column] from {@code first} on, {@code stride} bytes from one image to the next
 * @param labels 0 to 9
 */
record CifarBatch(byte[] planes, int first, int stride, byte[] labels) {
    private static final int BYTES = (int) Cifar10.SHAPE.elements();
    private static final int PIXELS = Cifar10.SHAPE.height() * Cifar10.SHAPE.width();

    /** For each image a byte for the label, then 3072: red, green, blue, each row by row. */
    static CifarBatch binary(String what, byte[] bytes) {
        int record = 1 + BYTES;
        if (bytes.length == 0 || bytes.length % record != 0) {
            throw new DataException(String.format(Locale.ROOT,
                    "%s is truncated: its %d bytes are not a whole number of images of %d bytes; get it again",
                    what, bytes.length, record));
        }
        byte[] labels = new byte[bytes.length / record];
        for (int i = 0; i < labels.length; i++) {
            labels[i] = checked(what, i, bytes[i * record] & 0xFF);
        }
        return new CifarBatch(bytes, 1, record, labels);
    }

    /** A dictionary with {@code data}, an array of unsigned bytes [images][3072], and {@code labels}, a list of numbers. */
    static CifarBatch pickled(String what, byte[] bytes) {
        Map<?, ?> batch = dictionary(what, bytes);
        if (!(batch.get("data") instanceof Pickle.Array data) || !(batch.get("labels") instanceof List<?> labels)) {
            throw new DataException(what + " is no batch of CIFAR-10: it lacks the array data or the list labels");
        }
        byte[] planes = data.shape().size() == 2 ? data.bytes() : new byte[0];
        boolean fits = data.type().equals("u1") && data.rowsFirst() && !labels.isEmpty()
                && data.shape().equals(List.of((long) labels.size(), (long) BYTES)) && planes.length == (long) labels.size() * BYTES;
        if (!fits) {
            throw new DataException(String.format(Locale.ROOT,
                    "%s holds an array of %d dimensions, type %s and %d bytes with %d labels: "
                            + "a batch of CIFAR-10 has 3072 bytes (u1) for each label",
                    what, data.shape().size(), data.type(), planes.length, labels.size()));
        }
        byte[] checked = new byte[labels.size()];
        for (int i = 0; i < checked.length; i++) {
            checked[i] = checked(what, i, labels.get(i) instanceof Long label ? label : -1);
        }
        return new CifarBatch(planes, 0, BYTES, checked);
    }

    static List<String> pickledNames(String what, byte[] bytes) {
        if (!(dictionary(what, bytes).get("label_names") instanceof List<?> names)) {
            throw new DataException(what + " lacks the list label_names");
        }
        if (!names.stream().allMatch(String.class::isInstance)) {
            throw new DataException(what + ": label_names must be texts");
        }
        return names.stream().map(String.class::cast).toList();
    }

    private static Map<?, ?> dictionary(String what, byte[] bytes) {
        if (!(Pickle.read(what, bytes) instanceof Map<?, ?> map)) {
            throw new DataException(what + " is a pickle of something else than a batch of CIFAR-10");
        }
        return map;
    }

    private static byte checked(String what, int image, long label) {
        if (label < 0 || label >= Cifar10.CLASSES.size()) {
            throw new DataException(String.format(Locale.ROOT,
                    "%s: label %d of image %d is not one of the ten classes 0 to 9", what, label, image));
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
