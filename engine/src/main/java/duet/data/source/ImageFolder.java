package duet.data.source;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.TreeSet;
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
 * Images sorted into folders by class, {@code DIR/cat/1.jpg}, or {@code DIR/train/cat/1.jpg} and {@code DIR/val/cat/2.jpg}; as deep in a
 * class's folder as one likes. Classes are sorted by name; files of a class by folder, then by name, which is the order of torchvision's
 * ImageFolder. Links are followed, hidden files passed over. Tiny ImageNet's validation images, which lie in one folder, are sorted by the
 * {@code val_annotations.txt} beside it.
 *
 * @param classes    names
 * @param validation null if there is none
 */
record ImageFolder(Path folder, List<String> classes, Part training, Part validation) {
    private static final List<String> VALIDATION_NAMES = List.of("val", "validation", "valid", "test");
    private static final String ANNOTATIONS = "val_annotations.txt";
    private static final String LAYOUT = "put the images of each class in a folder of its own, such as %1$s/cat/1.jpg and %1$s/dog/1.jpg";
    private static final int HELD_OUT_ONE_IN = 10;

    /**
     * @param labels  of the files
     * @param deeper  how many of the files lie in a folder inside their class's
     * @param ignored how many other files there are
     * @param endings of the other files, for people
     */
    record Part(Path folder, List<Path> files, int[] labels, int deeper, int ignored, String endings) implements EncodedImages {
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

    /** Where the classes of the two parts are; training is null if there is but a part to validate with, validation if it is held out. */
    private record Parts(Path training, Path validation) {
        Path classes() {
            return training != null ? training : validation;
        }
    }

    /** Names of the classes alone: quick even where there are a million images. */
    static List<String> classNames(Path folder) {
        return learnable(parts(folder));
    }

    /** Names of the classes that {@link #look} finds. */
    static List<String> lookedAtClassNames(Path folder) {
        return classFolders(parts(folder).classes());
    }

    private static List<String> learnable(Parts parts) {
        if (parts.training() == null) {
            throw new DataException("%1$s is a part to validate with, and there is no %2$s to learn from: add it, or measure a trained "
                    .formatted(parts.validation(), parts.validation().resolveSibling("train"))
                    + "network by './duet evaluate RUN --data folder:" + parts.validation().getParent() + "'");
        }
        List<String> classes = classFolders(parts.training());
        if (classes.size() == 1) {
            throw new DataException(
                    "%s holds the one class \"%s\", and telling apart takes two at least: ".formatted(parts.training(), classes.getFirst())
                            + LAYOUT.formatted(parts.training()));
        }
        return classes;
    }

    /** Whether there is a folder of images to validate with. */
    static boolean hasValidation(Path folder) {
        return parts(folder).validation() != null;
    }

    /** @param seed of the held-out share: a tenth of each class, at least one image of a class that has two or more */
    static ImageFolder scan(Path folder, long seed) {
        Parts parts = parts(folder);
        List<String> classes = learnable(parts);
        List<ClassFiles> training = ClassFiles.of(parts.training(), classes);
        for (int c = 0; c < classes.size(); c++) {
            if (training.get(c).images().isEmpty()) {
                throw new DataException("%s holds no images (%s)%s: add some, or remove the folder".formatted(
                        parts.training().resolve(classes.get(c)), ImageFiles.KNOWN, training.get(c).unknown()));
            }
        }
        if (parts.validation() == null) {
            return holdOut(folder, parts.training(), classes, training, seed);
        }
        return new ImageFolder(folder, classes, part(parts.training(), training), validation(parts, classes));
    }

    /** Everything there is, or the part to validate with; that of a trained network may be all there is, and have one class. */
    static ImageFolder look(Path folder, boolean all) {
        Parts parts = parts(folder);
        List<String> classes = classFolders(parts.classes());
        Part training = parts.training() == null || !all ? null : part(parts.training(), ClassFiles.of(parts.training(), classes));
        Part validation = parts.validation() == null ? null : validation(parts, classes);
        if ((training == null ? 0 : training.size()) + (validation == null ? 0 : validation.size()) == 0) {
            throw new DataException(folder + " holds no images (" + ImageFiles.KNOWN + "): " + LAYOUT.formatted(folder));
        }
        return new ImageFolder(folder, classes, training, validation);
    }

    private static Part validation(Parts parts, List<String> classes) {
        Path annotations = parts.validation().resolve(ANNOTATIONS);
        List<ClassFiles> validation;
        if (Files.exists(annotations)) {
            validation = ClassFiles.annotated(annotations, classes);
        } else {
            checkSame(parts, classes, classFolders(parts.validation()));
            validation = ClassFiles.of(parts.validation(), classes);
        }
        if (validation.stream().allMatch(listing -> listing.images().isEmpty())) {
            throw new DataException(parts.validation() + " holds no images (" + ImageFiles.KNOWN
                    + ") to validate with: add some, or remove the folder");
        }
        return part(parts.validation(), validation);
    }

    /** Both parts, decoded when asked. */
    Split open(Shape stored, DamageReport damage) {
        return DecodedDataset.open(folder.toString(), stored, damage, described(", training part", training),
                described(", validation part", validation));
    }

    /** All images that are there, of one part after those of the other. */
    Split openAll(Shape stored, DamageReport damage) {
        Part none = new Part(folder, List.of(), new int[0], 0, 0, "");
        return DecodedDataset.open(folder.toString(), stored, damage, described("", training == null ? none : training),
                described("", validation == null ? none : validation));
    }

    private DecodedDataset.Part described(String name, Part part) {
        return new DecodedDataset.Part(String.format(Locale.ROOT,
                "folder %s%s, %d images in %d classes%s%s", part.folder(), name, part.size(), classes.size(),
                part.deeper() == 0 ? "" : ", " + part.deeper() + " of them in folders inside those of the classes",
                part.ignored() == 0 ? ""
                        : " (" + part.ignored() + " other files ignored" + (part.endings().isEmpty() ? "" : ": " + part.endings()) + ")"),
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
            List<Path> folders = children(folder).stream().filter(Files::isDirectory).toList();
            boolean alone = folders.size() == 1 && VALIDATION_NAMES.contains(folders.getFirst().getFileName().toString())
                    && hasClasses(folders.getFirst());
            return alone ? new Parts(null, folders.getFirst()) : new Parts(folder, null);
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
        return children.stream().anyMatch(Files::isDirectory) && children.stream().noneMatch(ImageFiles::isImage);
    }

    private static List<String> classFolders(Path folder) {
        List<Path> children = children(folder);
        List<String> classes = children.stream().filter(Files::isDirectory).map(child -> child.getFileName().toString()).toList();
        if (classes.isEmpty()) {
            long images = children.stream().filter(ImageFiles::isImage).count();
            throw new DataException((images > 0
                    ? folder + " holds " + images + " images but no class folders: "
                    : folder + " holds neither class folders nor images: ") + LAYOUT.formatted(folder));
        }
        return classes;
    }

    /** What is not hidden, sorted by name. */
    static List<Path> children(Path folder) {
        if (!Files.isDirectory(folder)) {
            return List.of();
        }
        try (Stream<Path> children = Files.list(folder)) {
            // by way of their texts, so that a name with letters that the locale has not shows here
            return children.map(child -> child.getFileName().toString()).filter(name -> !name.startsWith(".")).sorted()
                    .map(folder::resolve).toList();
        } catch (InvalidPathException e) {
            throw new DataException("a name in " + folder + ": " + Reasons.of(e), e);
        } catch (IOException | java.io.UncheckedIOException e) {
            IOException cause = e instanceof IOException io ? io : (IOException) e.getCause();
            throw new DataException("the folder " + folder + " cannot be read: " + Reasons.of(cause), e);
        }
    }

    private static void checkSame(Parts parts, List<String> training, List<String> validation) {
        String missing = difference(training, validation);
        String added = difference(validation, training);
        if (!missing.isEmpty() || !added.isEmpty()) {
            throw new DataException(
                    "%s and %s must hold the same classes, but the second %s".formatted(parts.classes(), parts.validation(),
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

    private static Part part(Path folder, List<ClassFiles> classes) {
        List<Path> files = new ArrayList<>();
        List<Integer> labels = new ArrayList<>();
        int deeper = 0;
        int ignored = 0;
        Set<String> endings = new TreeSet<>();
        for (int label = 0; label < classes.size(); label++) {
            ClassFiles listed = classes.get(label);
            endings.addAll(listed.ignored() == 0 ? Set.of() : listed.endings());
            files.addAll(listed.images());
            deeper += listed.deeper();
            ignored += listed.ignored();
            labels.addAll(Collections.nCopies(listed.images().size(), label));
        }
        return new Part(folder, files, labels.stream().mapToInt(Integer::intValue).toArray(), deeper, ignored, ClassFiles.told(endings));
    }

    private static ImageFolder holdOut(Path folder, Path root, List<String> classes, List<ClassFiles> all, long seed) {
        List<ClassFiles> training = new ArrayList<>();
        List<ClassFiles> validation = new ArrayList<>();
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
            training.add(all.get(label).with(kept, all.get(label).ignored()));
            validation.add(all.get(label).with(validating, 0));
        }
        Part validationPart = part(root, validation);
        if (validationPart.files().isEmpty()) {
            throw new DataException("no class of " + root + " has two images, so none can be held out to validate with: add images");
        }
        return new ImageFolder(folder, classes, part(root, training), validationPart);
    }
}
