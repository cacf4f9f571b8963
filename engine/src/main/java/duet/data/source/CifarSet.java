package duet.data.source;

import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;

/** One of the CIFAR data sets (Krizhevsky 2009): how its files are called and which of an image's labels is meant. */
enum CifarSet {
    CIFAR_10("CIFAR-10", "cifar-10", "batches", 10, 1, 0, "labels", "label_names"),
    /** A hundred classes. */
    CIFAR_100("CIFAR-100", "cifar-100", "", 100, 2, 1, "fine_labels", "fine_label_names"),
    /** Twenty superclasses of five classes each. */
    CIFAR_100_COARSE("CIFAR-100 (coarse)", "cifar-100", "", 20, 2, 0, "coarse_labels", "coarse_label_names");

    private static final int BATCHES = 5;
    private static final List<String> TEN = List.of("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship",
            "truck");

    /** For people. */
    final String title;
    final int classes;
    /** Bytes of labels before the pixels of an image in the binary version. */
    final int labelBytes;
    /** Which of them counts. */
    final int labelByte;
    /** Keys of dictionaries in the python version. */
    final String labelKey;
    final String namesKey;
    private final String archive;
    private final String folder;

    CifarSet(String title, String archive, String folder, int classes, int labelBytes, int labelByte, String labelKey, String namesKey) {
        this.title = title;
        this.archive = archive;
        this.folder = folder;
        this.classes = classes;
        this.labelBytes = labelBytes;
        this.labelByte = labelByte;
        this.labelKey = labelKey;
        this.namesKey = namesKey;
    }

    private boolean ten() {
        return this == CIFAR_10;
    }

    String archive(CifarVersion version) {
        return archive + (version == CifarVersion.BINARY ? "-binary" : "-python") + ".tar.gz";
    }

    /** The folder in the archive. */
    String folder(CifarVersion version) {
        return ten() ? archive + "-" + folder + (version == CifarVersion.BINARY ? "-bin" : "-py")
                : archive + (version == CifarVersion.BINARY ? "-binary" : "-python");
    }

    /** The files with the images; the last is the test set. */
    List<String> batches(CifarVersion version) {
        String ending = version == CifarVersion.BINARY ? ".bin" : "";
        List<String> names = new ArrayList<>();
        if (ten()) {
            IntStream.rangeClosed(1, BATCHES).forEach(i -> names.add("data_batch_" + i + ending));
            names.add("test_batch" + ending);
        } else {
            names.add("train" + ending);
            names.add("test" + ending);
        }
        return names;
    }

    /** The file with the names of the classes. */
    String names(CifarVersion version) {
        if (version == CifarVersion.PYTHON) {
            return ten() ? "batches.meta" : "meta";
        }
        return ten() ? "batches.meta.txt" : namesKey + ".txt";
    }

    /** Names where that file is missing. */
    List<String> defaultNames() {
        return ten() ? TEN : IntStream.range(0, classes).mapToObj(Integer::toString).toList();
    }
}
