package duet.data.source;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;

import duet.data.DamageReport;
import duet.data.DataException;
import duet.data.Indices;
import duet.data.Split;
import duet.data.image.DamagedImage;
import duet.data.image.ImageFile;
import duet.device.Philox;
import duet.files.Reasons;
import duet.net.Shape;

/**
 * Images sorted into folders by class, {@code DIR/cat/1.jpg}, or {@code DIR/train/cat/1.jpg} and {@code DIR/val/cat/2.jpg}. Classes
 * are sorted by name, files within a class too; links to files are followed, hidden files passed over.
 *
 * @param classes names
 */
record ImageFolder(Path folder, List<String> classes, Part training, Part validation) {
    private static final Set<String> IMAGES = Set.of("jpg", "jpeg", "png", "gif", "bmp");
    private static final List<String> VALIDATION_NAMES = List.of("val", "validation", "valid", "test");
    private static final String LAYOUT = "put the images of each class in a folder of its own, such as %1$s/cat/1.jpg and %1$s/dog/1.jpg";
    private static final int HELD_OUT_ONE_IN = 10;

    /**
     * @param labels  of the files
     * @param ignored how many other files there are
     */
    record Part(Path folder, List<Path> files, int[] labels, int ignored) implements EncodedImages {
        @Override
        public int size() {
            return labels.length;
        }

        @Override
        public int label(int index) {
            return labels[index];
        }

        @Override
        public String name(int index) {
            return files.get(index).toString();
        }

        @Override
        public String shortName(int index) {
            return files.get(index).getFileName().toString();
        }

        @Override
        public long bytes(int index) {
            return files.get(index).toFile().length();
        }

        @Override
        public byte[] read(int index) throws DamagedImage {
            return ImageFile.bytes(files.get(index));
        }

        @Override
        public void close() {}
    }

    /** One class of one part. */
    private record Listing(List<Path> images, int ignored) {}

    /** Where the classes of the two parts are; validation is null if it is held out. */
    private record Parts(Path training, Path validation) {}

    /** Names of the classes alone: quick even where there are a million images. */
    static List<String> classNames(Path folder) {
        return classFolders(parts(folder).training());
    }

    /** @param seed of the held-out share: a tenth of each class, at least one image of a class that has two or more */
    static ImageFolder scan(Path folder, long seed) {
        Parts parts = parts(folder);
        List<String> classes = classFolders(parts.training());
        List<Listing> training = listings(parts.training(), classes);
        for (int c = 0; c < classes.size(); c++) {
            if (training.get(c).images().isEmpty()) {
                throw new DataException("%s holds no images (.jpg, .png): add some, or remove the folder".formatted(
                        parts.training().resolve(classes.get(c))));
            }
        }
        if (parts.validation() == null) {
            return holdOut(folder, parts.training(), classes, training, seed);
        }
        checkSame(parts, classes, classFolders(parts.validation()));
        List<Listing> validation = listings(parts.validation(), classes);
        if (validation.stream().allMatch(listing -> listing.images().isEmpty())) {
            throw new DataException(parts.validation() + " holds no images (.jpg, .png) to validate with: add some, or remove the folder");
        }
        return new ImageFolder(folder, classes, part(parts.training(), training), part(parts.validation(), validation));
    }

    /** Both parts, decoded when asked. */
    Split open(Shape stored, DamageReport damage) {
        return DecodedDataset.open(folder.toString(), stored, damage, described("training", training), described("validation", validation));
    }

    private DecodedDataset.Part described(String name, Part part) {
        return new DecodedDataset.Part(String.format(Locale.ROOT,
                "folder %s, %s part, %d images in %d classes%s", part.folder(), name, part.size(), classes.size(),
                part.ignored() == 0 ? "" : " (" + part.ignored() + " other files ignored)"),
                classes, part);
    }

    private static Parts parts(Path folder) {
        if (!Files.isDirectory(folder)) {
            throw new DataException(Files.exists(folder)
                    ? folder + " is a file: give the folder that holds a folder of images for each class"
                    : "there is no folder " + folder + ": give one that holds a folder of images for each class");
        }
        Path training = folder.resolve("train");
        if (!hasClasses(training)) {
            return new Parts(folder, null);
        }
        for (String name : VALIDATION_NAMES) {
            if (hasClasses(folder.resolve(name))) {
                return new Parts(training, folder.resolve(name));
            }
        }
        // A folder that is alone is not one of several classes.
        return children(folder).stream().filter(Files::isDirectory).count() == 1 ? new Parts(training, null) : new Parts(folder, null);
    }

    /** Folders inside, and no images: it is not itself a class of that name. */
    private static boolean hasClasses(Path folder) {
        if (!Files.isDirectory(folder)) {
            return false;
        }
        List<Path> children = children(folder);
        return children.stream().anyMatch(Files::isDirectory) && children.stream().noneMatch(ImageFolder::isImage);
    }

    private static List<String> classFolders(Path folder) {
        List<Path> children = children(folder);
        List<String> classes = children.stream().filter(Files::isDirectory).map(child -> child.getFileName().toString()).toList();
        if (classes.isEmpty()) {
            long images = children.stream().filter(ImageFolder::isImage).count();
            throw new DataException((images > 0
                    ? folder + " holds " + images + " images but no class folders: "
                    : folder + " holds neither class folders nor images: ") + LAYOUT.formatted(folder));
        }
        if (classes.size() == 1) {
            throw new DataException(
                    "%s holds the one class \"%s\", and telling apart takes two at least: ".formatted(folder, classes.getFirst())
                            + LAYOUT.formatted(folder));
        }
        return classes;
    }

    private static List<Listing> listings(Path folder, List<String> classes) {
        return classes.stream().map(name -> {
            List<Path> files = children(folder.resolve(name));
            List<Path> images = files.stream().filter(ImageFolder::isImage).toList();
            return new Listing(images, files.size() - images.size());
        }).toList();
    }

    /** What is not hidden, sorted by name. */
    private static List<Path> children(Path folder) {
        if (!Files.isDirectory(folder)) {
            return List.of();
        }
        try (Stream<Path> children = Files.list(folder)) {
            return children.filter(child -> !child.getFileName().toString().startsWith("."))
                    .sorted(Comparator.comparing(child -> child.getFileName().toString())).toList();
        } catch (IOException | java.io.UncheckedIOException e) {
            IOException cause = e instanceof IOException io ? io : (IOException) e.getCause();
            throw new DataException("the folder " + folder + " cannot be read: " + Reasons.of(cause), e);
        }
    }

    /** A broken link counts: it is reported as damaged when it is read. A pipe or a folder with such a name does not. */
    static boolean isImage(Path file) {
        String name = file.getFileName().toString();
        return IMAGES.contains(name.substring(name.lastIndexOf('.') + 1).toLowerCase(Locale.ROOT)) && name.contains(".")
                && (Files.isRegularFile(file) || !Files.exists(file) && Files.exists(file, LinkOption.NOFOLLOW_LINKS));
    }

    private static void checkSame(Parts parts, List<String> training, List<String> validation) {
        String missing = difference(training, validation);
        String added = difference(validation, training);
        if (!missing.isEmpty() || !added.isEmpty()) {
            throw new DataException(
                    "%s and %s must hold the same classes, but the second %s".formatted(parts.training(), parts.validation(),
                            Stream.of(missing.isEmpty() ? "" : "lacks " + missing, added.isEmpty() ? "" : "has " + added + " too")
                                    .filter(text -> !text.isEmpty()).collect(Collectors.joining(" and "))));
        }
    }

    private static String difference(List<String> names, List<String> others) {
        Set<String> known = Set.copyOf(others);
        List<String> rest = names.stream().filter(name -> !known.contains(name)).toList();
        return String.join(", ", rest.subList(0, Math.min(3, rest.size())))
                + (rest.size() > 3 ? " and " + (rest.size() - 3) + " more" : "");
    }

    private static Part part(Path folder, List<Listing> listings) {
        List<Path> files = new ArrayList<>();
        List<Integer> labels = new ArrayList<>();
        int ignored = 0;
        for (int label = 0; label < listings.size(); label++) {
            files.addAll(listings.get(label).images());
            ignored += listings.get(label).ignored();
            labels.addAll(java.util.Collections.nCopies(listings.get(label).images().size(), label));
        }
        return new Part(folder, files, labels.stream().mapToInt(Integer::intValue).toArray(), ignored);
    }

    private static ImageFolder holdOut(Path folder, Path root, List<String> classes, List<Listing> all, long seed) {
        List<Listing> training = new ArrayList<>();
        List<Listing> validation = new ArrayList<>();
        for (int label = 0; label < classes.size(); label++) {
            List<Path> images = all.get(label).images();
            int heldOut = images.size() < 2 ? 0 : Math.max(1, Math.round((float) images.size() / HELD_OUT_ONE_IN));
            int[] order = Indices.permutation(seed, Philox.HOLD_OUT, label, images.size());
            boolean[] held = new boolean[images.size()];
            for (int i = 0; i < heldOut; i++) {
                held[order[i]] = true;
            }
            List<Path> kept = new ArrayList<>();
            List<Path> validating = new ArrayList<>();
            for (int i = 0; i < held.length; i++) {
                (held[i] ? validating : kept).add(images.get(i));
            }
            training.add(new Listing(kept, all.get(label).ignored()));
            validation.add(new Listing(validating, 0));
        }
        Part validationPart = part(root, validation);
        if (validationPart.files().isEmpty()) {
            throw new DataException("no class of " + root + " has two images, so none can be held out to validate with: add images");
        }
        return new ImageFolder(folder, classes, part(root, training), validationPart);
    }
}
