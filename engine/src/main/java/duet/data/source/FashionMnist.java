package duet.data.source;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Collectors;

import duet.data.DataException;

/**
 * Fashion-MNIST (Xiao, Rasul, Vollgraf, arXiv 1708.07747): 60,000 training and 10,000 test images of clothes, 28 x 28, grey,
 * ten classes.
 */
final class FashionMnist {
    static final List<String> CLASSES = List.of(
            "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot");
    static final String TRAINING_IMAGES = "train-images-idx3-ubyte";
    static final String TRAINING_LABELS = "train-labels-idx1-ubyte";
    static final String TEST_IMAGES = "t10k-images-idx3-ubyte";
    static final String TEST_LABELS = "t10k-labels-idx1-ubyte";
    /** Of the 60,000 labels of the training set. */
    private static final int TRAINING_LABELS_CRC32C = 0x0047F202;
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

    /** Its own files have their classes' names; others that are called like them (MNIST's are) are not taken for clothes. */
    static IdxImages images(Path folder) {
        IdxFolder files = IdxFolder.find(folder, "fashion-mnist");
        boolean own = IdxImages.fingerprint(files) == TRAINING_LABELS_CRC32C;
        return own ? new IdxImages(files, "Fashion-MNIST", CLASSES) : new IdxImages(files, "IDX (not Fashion-MNIST's own labels)", null);
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
