package duet.data.source;

import java.io.BufferedInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.zip.GZIPInputStream;
import java.util.zip.ZipException;

import duet.data.DataException;
import duet.data.Dataset;
import duet.data.MemoryDataset;
import duet.data.Split;
import duet.files.Reasons;
import duet.net.Shape;
import org.apache.commons.compress.archivers.tar.TarArchiveEntry;
import org.apache.commons.compress.archivers.tar.TarArchiveInputStream;

/**
 * CIFAR-10 (Krizhevsky, "Learning multiple layers of features from tiny images", 2009): 50,000 training and 10,000 test images,
 * 32 x 32, colour, ten classes. The binary or the "python" version, as archive or unpacked; both hold the same bytes in the same order.
 */
final class Cifar10 {
    static final Shape SHAPE = new Shape(3, 32, 32);
    static final List<String> CLASSES = List.of("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck");
    private static final int BATCHES = 5;
    /** The largest file is one of 10,000 pickled images, 31 MB. */
    private static final long MOST_BYTES = 1L << 30;
    private static final String ADVICE = "get cifar-10-binary.tar.gz (or the python version) again";

    private Cifar10() {}

    /** One of the two versions: its archive, its folder, and how its files are called. */
    private enum Version {
        BINARY("cifar-10-binary.tar.gz", "cifar-10-batches-bin", ".bin", "batches.meta.txt"),
        PYTHON("cifar-10-python.tar.gz", "cifar-10-batches-py", "", "batches.meta");

        final String archive;
        final String folder;
        final String ending;
        final String names;

        Version(String archive, String folder, String ending, String names) {
            this.archive = archive;
            this.folder = folder;
            this.ending = ending;
            this.names = names;
        }

        /** The last is the test set. */
        List<String> batches() {
            List<String> names = new ArrayList<>();
            for (int i = 1; i <= BATCHES; i++) {
                names.add("data_batch_" + i + ending);
            }
            names.add("test_batch" + ending);
            return names;
        }

        CifarBatch parse(String what, byte[] bytes) {
            return this == BINARY ? CifarBatch.binary(what, bytes) : CifarBatch.pickled(what, bytes);
        }

        List<String> classNames(String what, byte[] bytes) {
            return this == BINARY
                    ? new String(bytes, StandardCharsets.UTF_8).lines().map(String::strip).filter(line -> !line.isEmpty()).toList()
                    : CifarBatch.pickledNames(what, bytes);
        }
    }

    /** @param where an archive (.tar.gz) or a folder of batches */
    record Location(Version version, Path where) {}

    static Location locate(Path path) {
        for (Version version : Version.values()) {
            boolean named = path.getFileName() != null && path.getFileName().toString().equals(version.archive);
            if (Files.isRegularFile(path) && named || Files.isRegularFile(path.resolve(version.batches().getFirst()))) {
                return new Location(version, path);
            }
            if (Files.isDirectory(path.resolve(version.folder))) {
                return new Location(version, path.resolve(version.folder));
            }
        }
        for (Version version : Version.values()) {
            if (Files.isRegularFile(path.resolve(version.archive))) {
                return new Location(version, path.resolve(version.archive));
            }
        }
        throw new DataException(("CIFAR-10 was not found in %s: put cifar-10-binary.tar.gz or cifar-10-python.tar.gz there, "
                + "or what is in them (cifar-10-batches-bin or cifar-10-batches-py)").formatted(path));
    }

    static Split open(Location location) {
        Version version = location.version();
        Map<String, CifarBatch> batches = new HashMap<>();
        List<List<String>> names = new ArrayList<>();
        Visitor files = (name, content) -> {
            if (name.equals(version.names)) {
                names.add(version.classNames(location.where() + ": " + name, content.readAll()));
            } else if (version.batches().contains(name)) {
                batches.put(name, version.parse(location.where() + ": " + name, content.readAll()));
            }
        };
        if (Files.isDirectory(location.where())) {
            readFolder(location, files);
        } else {
            readArchive(location.where(), files);
        }
        for (String name : version.batches()) {
            if (!batches.containsKey(name)) {
                throw new DataException("%s lacks %s: %s".formatted(location.where(), name, ADVICE));
            }
        }
        List<String> classes = names.isEmpty() ? CLASSES : names.getFirst();
        if (classes.size() != CLASSES.size()) {
            throw new DataException(String.format(Locale.ROOT, "%s: %s names %d classes, but CIFAR-10 has ten: %s",
                    location.where(), version.names, classes.size(), ADVICE));
        }
        List<CifarBatch> training = version.batches().subList(0, BATCHES).stream().map(batches::get).toList();
        return new Split(dataset("training", classes, training),
                dataset("test", classes, List.of(batches.get(version.batches().getLast()))));
    }

    private static Dataset dataset(String part, List<String> classes, List<CifarBatch> batches) {
        int count = batches.stream().mapToInt(batch -> batch.labels().length).sum();
        byte[] images = new byte[Math.multiplyExact(count, (int) SHAPE.elements())];
        byte[] labels = new byte[count];
        int at = 0;
        for (CifarBatch batch : batches) {
            batch.copyTo(images, at);
            System.arraycopy(batch.labels(), 0, labels, at, batch.labels().length);
            at += batch.labels().length;
        }
        return new MemoryDataset(String.format(Locale.ROOT, "CIFAR-10 %s set, %d images", part, count), classes, SHAPE, images, labels);
    }

    private interface Content {
        byte[] readAll() throws IOException;
    }

    private interface Visitor {
        void found(String name, Content content) throws IOException;
    }

    private static void readFolder(Location location, Visitor files) {
        List<String> names = new ArrayList<>(location.version().batches());
        names.add(location.version().names);
        for (String name : names) {
            Path file = location.where().resolve(name);
            if (Files.isRegularFile(file)) {
                try {
                    files.found(name, () -> limited(file.toString(), Files.size(file), () -> Files.readAllBytes(file)));
                } catch (IOException e) {
                    throw new DataException(file + " cannot be read: " + Reasons.of(e), e);
                }
            }
        }
    }

    private static void readArchive(Path archive, Visitor files) {
        try (InputStream raw = new BufferedInputStream(Files.newInputStream(archive), 1 << 16);
                TarArchiveInputStream tar = new TarArchiveInputStream(new GZIPInputStream(raw, 1 << 16))) {
            for (TarArchiveEntry entry = tar.getNextEntry(); entry != null; entry = tar.getNextEntry()) {
                String name = entry.getName().substring(entry.getName().lastIndexOf('/') + 1);
                long size = entry.getSize();
                if (entry.isFile()) {
                    files.found(name, () -> limited(archive + ": " + name, size, tar::readAllBytes));
                }
            }
        } catch (ZipException e) {
            throw new DataException(archive + " is a damaged gzip file (" + e.getMessage() + "): " + ADVICE, e);
        } catch (EOFException e) {
            throw new DataException(archive + " is truncated: " + ADVICE, e);
        } catch (IOException e) {
            boolean truncated = String.valueOf(e.getMessage()).contains("runcated");
            throw new DataException(archive + (truncated ? " is truncated: " + ADVICE : " cannot be read: " + Reasons.of(e)), e);
        }
    }

    private static byte[] limited(String what, long size, Content content) throws IOException {
        if (size > MOST_BYTES) {
            throw new DataException(String.format(Locale.ROOT,
                    "%s claims %d bytes, but a batch of CIFAR-10 has 31 million: %s", what, size, ADVICE));
        }
        return content.readAll();
    }
}
