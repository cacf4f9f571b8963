package duet.data.source;

import java.util.List;
import java.util.stream.IntStream;

import duet.data.DataException;
import duet.data.Dataset;
import duet.data.Fingerprinted;
import duet.data.MemoryDataset;
import duet.data.Split;
import duet.data.source.Datasets.Description;
import duet.net.Shape;

/** Images and labels of the MNIST family, in memory. */
final class IdxImages {
    /** The ten digits of MNIST, KMNIST's ten characters by their numbers. */
    static final List<String> DIGITS = IntStream.range(0, 10).mapToObj(Integer::toString).toList();

    private final IdxFolder folder;
    private final String title;
    private final List<String> names;

    /**
     * @param title for people
     * @param names of the classes; null for those that the folder tells
     */
    IdxImages(IdxFolder folder, String title, List<String> names) {
        this.folder = folder;
        this.title = title;
        this.names = names;
    }

    Description describe() {
        int[] sizes = IdxFile.dimensions(folder.files().get(IdxFolder.TRAIN + IdxFolder.IMAGES), 3);
        return new Description(1, sizes[1], sizes[2], classes(labels(IdxFolder.TRAIN), labels(IdxFolder.TEST)).size());
    }

    Split open() {
        IdxFile training = labels(IdxFolder.TRAIN);
        IdxFile test = labels(IdxFolder.TEST);
        List<String> classes = classes(training, test);
        Dataset first = part(IdxFolder.TRAIN, "training set", training, classes);
        Dataset second = part(IdxFolder.TEST, "test set", test, classes);
        if (!first.stored().equals(second.stored())) {
            throw new DataException(
                    folder.files().get(IdxFolder.TRAIN + IdxFolder.IMAGES) + " holds images of " + first.stored().height() + "x"
                            + first.stored().width() + " pixels, " + folder.files().get(IdxFolder.TEST + IdxFolder.IMAGES) + " of "
                            + second.stored().height() + "x" + second.stored().width() + ": the two files do not belong together");
        }
        return new Split(first, second);
    }

    private IdxFile labels(String part) {
        return IdxFile.read(folder.files().get(part + IdxFolder.LABELS), 1);
    }

    private List<String> classes(IdxFile training, IdxFile test) {
        int count = 1 + Math.max(largest(training), largest(test));
        List<String> all = names == null ? folder.classNames(count) : names;
        for (IdxFile labels : List.of(training, test)) {
            for (int i = 0; i < labels.bytes().length; i++) {
                int label = labels.bytes()[i] & 0xFF;
                if (label >= all.size()) {
                    throw new DataException(labels.file() + ": label " + label + " of image " + i + " is not one of the " + all.size()
                            + " classes 0 to " + (all.size() - 1) + (names == null ? " that " + IdxFolder.CLASSES + " names"
                                    : "; idx:" + folder.folder() + " takes any number of classes"));
                }
            }
        }
        return all;
    }

    private static int largest(IdxFile labels) {
        int largest = 0;
        for (byte label : labels.bytes()) {
            largest = Math.max(largest, label & 0xFF);
        }
        return largest;
    }

    private Dataset part(String part, String words, IdxFile labels, List<String> classes) {
        IdxFile images = IdxFile.read(folder.files().get(part + IdxFolder.IMAGES), 3);
        int count = images.dimensions()[0];
        if (labels.dimensions()[0] != count) {
            throw new DataException(images.file() + " holds " + count + " images but " + labels.file() + " holds " + labels.dimensions()[0]
                    + " labels: the two files do not belong together");
        }
        Shape shape = new Shape(1, images.dimensions()[1], images.dimensions()[2]);
        return new MemoryDataset(title + " " + words + ", " + count + " images", classes, shape, images.bytes(), labels.bytes());
    }

    /** CRC32C of the labels of the training set, by which a known data set is recognised. */
    static int fingerprint(IdxFolder folder) {
        byte[] labels = IdxFile.read(folder.files().get(IdxFolder.TRAIN + IdxFolder.LABELS), 1).bytes();
        return Fingerprinted.checksum(labels, 0, labels.length);
    }
}
