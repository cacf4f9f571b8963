package duet.data.source;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;

import duet.data.DataException;
import duet.data.Dataset;
import duet.data.MemoryDataset;
import duet.data.Split;
import duet.net.Shape;

/**
 * Fashion-MNIST (Xiao, Rasul, Vollgraf, arXiv 1708.07747): 60,000 training and 10,000 test images of clothes, 28 x 28, grey,
 * ten classes.
 */
final class FashionMnist {
    static final List<String> CLASSES = List.of(
            "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot");
    static final Shape SHAPE = new Shape(1, 28, 28);
    static final String TRAINING_IMAGES = "train-images-idx3-ubyte";
    static final String TRAINING_LABELS = "train-labels-idx1-ubyte";
    static final String TEST_IMAGES = "t10k-images-idx3-ubyte";
    static final String TEST_LABELS = "t10k-labels-idx1-ubyte";
    /** Of Debian's package dataset-fashion-mnist. */
    private static final Path SYSTEM_FOLDER = Path.of("/usr/share/datasets/fashion-mnist");

    private FashionMnist() {}

    /** Where it is looked for if no folder is given. */
    static List<Path> usualFolders() {
        return List.of(SYSTEM_FOLDER, FashionMnistFetch.defaultFolder());
    }

    /** The first of the folders that has the data; in one of them a missing file is an error, not a reason to look further. */
    static Path locate(List<Path> folders) {
        return folders.stream()
                .filter(folder -> find(folder, TRAINING_IMAGES) != null)
                .findFirst()
                .orElseThrow(() -> new DataException(("Fashion-MNIST (%s.gz and three more files) was not found in %s: "
                        + "run apt-get install dataset-fashion-mnist, or ./duet data fetch fashion-mnist").formatted(
                                TRAINING_IMAGES, folders.stream().map(Path::toString).collect(Collectors.joining(" or ")))));
    }

    static Split open(Path folder) {
        return new Split(
                part(folder, "training set", TRAINING_IMAGES, TRAINING_LABELS), part(folder, "test set", TEST_IMAGES, TEST_LABELS));
    }

    private static Dataset part(Path folder, String part, String imagesName, String labelsName) {
        IdxFile images = IdxFile.read(need(folder, imagesName), 3);
        IdxFile labels = IdxFile.read(need(folder, labelsName), 1);
        int count = images.dimensions()[0];
        if (images.dimensions()[1] != SHAPE.height() || images.dimensions()[2] != SHAPE.width()) {
            throw new DataException(String.format(Locale.ROOT, "%s holds images of %dx%d pixels: those of Fashion-MNIST are 28x28",
                    images.file(), images.dimensions()[1], images.dimensions()[2]));
        }
        if (labels.dimensions()[0] != count) {
            throw new DataException(String.format(Locale.ROOT,
                    "%s holds %d images but %s holds %d labels: the two files do not belong together",
                    images.file(), count, labels.file(), labels.dimensions()[0]));
        }
        for (int i = 0; i < count; i++) {
            int label = labels.bytes()[i] & 0xFF;
            if (label >= CLASSES.size()) {
                throw new DataException(String.format(Locale.ROOT, "%s: label %d of image %d is not one of the %d classes 0 to 9",
                        labels.file(), label, i, CLASSES.size()));
            }
        }
        String description = String.format(Locale.ROOT, "Fashion-MNIST %s, %d images", part, count);
        return new MemoryDataset(description, CLASSES, SHAPE, images.bytes(), labels.bytes());
    }

    private static Path need(Path folder, String name) {
        Path found = find(folder, name);
        if (found == null) {
            throw new DataException("%s has neither %s.gz nor %s: get all four files by ./duet data fetch fashion-mnist"
                    .formatted(folder, name, name));
        }
        return found;
    }

    private static Path find(Path folder, String name) {
        for (String candidate : List.of(name + ".gz", name)) {
            if (Files.isRegularFile(folder.resolve(candidate))) {
                return folder.resolve(candidate);
            }
        }
        return null;
    }
}
