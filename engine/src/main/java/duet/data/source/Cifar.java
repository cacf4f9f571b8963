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
 * CIFAR-10 and CIFAR-100 (Krizhevsky, "Learning multiple layers of features from tiny images", 2009): 50,000 training and 10,000 test
 * images, 32 x 32, colour. The binary or the "python" version, as archive or unpacked.
 */
final class Cifar {
    static final Shape SHAPE = new Shape(3, 32, 32);
    /** The largest file is CIFAR-100's training set, 155 MB. */
    private static final long MOST_BYTES = 1L << 30;

    private Cifar() {}

    /** @param where an archive (.tar.gz) or a folder of batches */
    record Location(CifarSet set, CifarVersion version, Path where) {
        String names() {
            return set.names(version);
        }

        List<String> batches() {
            return set.batches(version);
        }

        String advice() {
            return "get " + set.archive(CifarVersion.BINARY) + " (or the python version) again";
        }
    }

    static Location locate(CifarSet set, Path path) {
        for (CifarVersion version : CifarVersion.values()) {
            boolean named = path.getFileName() != null && path.getFileName().toString().equals(set.archive(version));
            if (Files.isRegularFile(path) && named || Files.isRegularFile(path.resolve(set.batches(version).getFirst()))) {
                return new Location(set, version, path);
            }
            if (Files.isDirectory(path.resolve(set.folder(version)))) {
                return new Location(set, version, path.resolve(set.folder(version)));
            }
        }
        for (CifarVersion version : CifarVersion.values()) {
            if (Files.isRegularFile(path.resolve(set.archive(version)))) {
                return new Location(set, version, path.resolve(set.archive(version)));
            }
        }
        throw new DataException(String.format(Locale.ROOT, "%s was not found in %s: put %s or %s there, or what is in them (%s or %s)%s",
                set.title, path, set.archive(CifarVersion.BINARY), set.archive(CifarVersion.PYTHON), set.folder(CifarVersion.BINARY),
                set.folder(CifarVersion.PYTHON), otherSet(set, path)));
    }

    /** The way out where the other data set is there. */
    private static String otherSet(CifarSet set, Path path) {
        CifarSet other = set == CifarSet.CIFAR_10 ? CifarSet.CIFAR_100 : CifarSet.CIFAR_10;
        for (CifarVersion version : CifarVersion.values()) {
            if (Files.exists(path.resolve(other.folder(version))) || Files.exists(path.resolve(other.archive(version)))
                    || Files.isRegularFile(path.resolve(other.batches(version).getFirst()))) {
                return "; there is " + other.title + ": use " + (other == CifarSet.CIFAR_10 ? "cifar10:" : "cifar100:") + path;
            }
        }
        return "";
    }

    static Split open(Location location) {
        Map<String, CifarBatch> batches = new HashMap<>();
        List<List<String>> names = new ArrayList<>();
        Visitor files = (name, content) -> {
            String what = location.where() + ": " + name;
            if (name.equals(location.names())) {
                names.add(classNames(location, what, content.readAll()));
            } else if (location.batches().contains(name)) {
                batches.put(name, location.version() == CifarVersion.BINARY ? CifarBatch.binary(location.set(), what, content.readAll())
                        : CifarBatch.pickled(location.set(), what, content.readAll()));
            }
        };
        if (Files.isDirectory(location.where())) {
            readFolder(location, files);
        } else {
            readArchive(location, files);
        }
        for (String name : location.batches()) {
            if (!batches.containsKey(name)) {
                throw new DataException(location.where() + " lacks " + name + ": " + location.advice());
            }
        }
        List<String> classes = names.isEmpty() ? location.set().defaultNames() : names.getFirst();
        if (classes.size() != location.set().classes) {
            throw new DataException(String.format(Locale.ROOT, "%s: %s names %d classes, but %s has %d: %s", location.where(),
                    location.names(), classes.size(), location.set().title, location.set().classes, location.advice()));
        }
        List<String> parts = location.batches();
        List<CifarBatch> training = parts.subList(0, parts.size() - 1).stream().map(batches::get).toList();
        return new Split(dataset(location.set(), "training", classes, training),
                dataset(location.set(), "test", classes, List.of(batches.get(parts.getLast()))));
    }

    private static List<String> classNames(Location location, String what, byte[] bytes) {
        return location.version() == CifarVersion.PYTHON ? CifarBatch.pickledNames(location.set(), what, bytes)
                : new String(bytes, StandardCharsets.UTF_8).lines().map(String::strip).filter(line -> !line.isEmpty()).toList();
    }

    private static Dataset dataset(CifarSet set, String part, List<String> classes, List<CifarBatch> batches) {
        int count = batches.stream().mapToInt(batch -> batch.labels().length).sum();
        byte[] images = new byte[Math.multiplyExact(count, (int) SHAPE.elements())];
        byte[] labels = new byte[count];
        int at = 0;
        for (CifarBatch batch : batches) {
            batch.copyTo(images, at);
            System.arraycopy(batch.labels(), 0, labels, at, batch.labels().length);
            at += batch.labels().length;
        }
        return new MemoryDataset(set.title + " " + part + " set, " + count + " images", classes, SHAPE, images, labels);
    }

    private interface Content {
        byte[] readAll() throws IOException;
    }

    private interface Visitor {
        void found(String name, Content content) throws IOException;
    }

    private static void readFolder(Location location, Visitor files) {
        List<String> names = new ArrayList<>(location.batches());
        names.add(location.names());
        for (String name : names) {
            Path file = location.where().resolve(name);
            if (Files.isRegularFile(file)) {
                try {
                    files.found(name, () -> limited(location, file.toString(), Files.size(file), () -> Files.readAllBytes(file)));
                } catch (IOException e) {
                    throw new DataException(file + " cannot be read: " + Reasons.of(e), e);
                }
            }
        }
    }

    private static void readArchive(Location location, Visitor files) {
        Path archive = location.where();
        try (InputStream raw = new BufferedInputStream(Files.newInputStream(archive), 1 << 16);
                TarArchiveInputStream tar = new TarArchiveInputStream(new GZIPInputStream(raw, 1 << 16))) {
            for (TarArchiveEntry entry = tar.getNextEntry(); entry != null; entry = tar.getNextEntry()) {
                String name = entry.getName().substring(entry.getName().lastIndexOf('/') + 1);
                long size = entry.getSize();
                if (entry.isFile()) {
                    files.found(name, () -> limited(location, archive + ": " + name, size, tar::readAllBytes));
                }
            }
        } catch (ZipException e) {
            throw new DataException(archive + " is a damaged gzip file (" + e.getMessage() + "): " + location.advice(), e);
        } catch (EOFException e) {
            throw new DataException(archive + " is truncated: " + location.advice(), e);
        } catch (IOException e) {
            boolean truncated = String.valueOf(e.getMessage()).contains("runcated");
            throw new DataException(archive + (truncated ? " is truncated: " + location.advice() : " cannot be read: " + Reasons.of(e)), e);
        }
    }

    private static byte[] limited(Location location, String what, long size, Content content) throws IOException {
        if (size > MOST_BYTES) {
            throw new DataException(
                    what + " claims " + size + " bytes, but no file of " + location.set().title + " has more than 200 million: "
                            + location.advice());
        }
        return content.readAll();
    }
}
