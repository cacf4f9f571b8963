package duet.data.source;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;

import duet.data.DataException;
import duet.files.Reasons;

/**
 * The files of one class.
 *
 * @param folder  of the class; null where one folder holds all
 * @param images  in order
 * @param ignored how many other files there are
 * @param endings of the other files
 */
record ClassFiles(Path folder, List<Path> images, int ignored, Set<String> endings) {
    private static final int MOST_ENDINGS = 4;

    ClassFiles with(List<Path> images, int ignored) {
        return new ClassFiles(folder, images, ignored, endings);
    }

    /** How many images lie in a folder inside that of the class. */
    int deeper() {
        return folder == null ? 0 : (int) images.stream().filter(image -> !image.getParent().equals(folder)).count();
    }

    /** For a message that there are no images: what there is instead. */
    String unknown() {
        String known = told(endings);
        return ignored == 0 ? "" : ", but " + ignored + " other files" + (known.isEmpty() ? "" : " (" + known + ")");
    }

    /** Some of the endings, such as {@code .txt, .webp}. */
    static String told(Set<String> endings) {
        return String.join(", ", endings.stream().filter(ending -> !ending.isEmpty()).sorted().limit(MOST_ENDINGS)
                .map(ending -> "." + ending).toList());
    }

    static List<ClassFiles> of(Path folder, List<String> classes) {
        return classes.stream().map(name -> of(folder.resolve(name))).toList();
    }

    static ClassFiles of(Path folder) {
        List<Path> folders = new ArrayList<>(List.of(folder));
        collect(folder, folders, new HashSet<>());
        folders.sort(Comparator.comparing(Path::toString));
        List<Path> images = new ArrayList<>();
        int ignored = 0;
        Set<String> endings = new TreeSet<>();
        for (Path inside : folders) {
            for (Path file : ImageFolder.children(inside)) {
                if (ImageFiles.isImage(file)) {
                    images.add(file);
                } else if (!Files.isDirectory(file)) {
                    ignored++;
                    endings.add(ImageFiles.ending(file));
                }
            }
        }
        return new ClassFiles(folder, images, ignored, endings);
    }

    /** @param above folders as they really are: a link to one of them would lead round in a circle */
    private static void collect(Path folder, List<Path> all, Set<Path> above) {
        Path real;
        try {
            real = folder.toRealPath();
        } catch (IOException e) {
            throw new DataException("the folder " + folder + " cannot be read: " + Reasons.of(e), e);
        }
        if (!above.add(real)) {
            throw new DataException(folder + " is a link to a folder that it lies in: remove it");
        }
        for (Path child : ImageFolder.children(folder)) {
            if (Files.isDirectory(child)) {
                all.add(child);
                collect(child, all, above);
            }
        }
        above.remove(real);
    }

    /** @param file a line for each image: its name in the folder {@code images} beside the file, a tab, its class, and more */
    static List<ClassFiles> annotated(Path file, List<String> classes) {
        Map<String, Integer> labels = new HashMap<>();
        classes.forEach(name -> labels.put(name, labels.size()));
        List<List<Path>> images = classes.stream().map(name -> (List<Path>) new ArrayList<Path>()).toList();
        try {
            int number = 0;
            for (String line : Files.readAllLines(file)) {
                number++;
                String[] fields = line.split("\t");
                if (line.isBlank()) {
                    continue;
                }
                if (fields.length < 2 || !labels.containsKey(fields[1])) {
                    throw new DataException(file + ": line " + number + (fields.length < 2 ? " has no class after its file's name"
                            : " names the class " + fields[1] + ", but there is none such to learn from"));
                }
                images.get(labels.get(fields[1])).add(file.resolveSibling("images").resolve(fields[0]));
            }
        } catch (IOException e) {
            throw new DataException(file + " cannot be read: " + Reasons.of(e), e);
        }
        return images.stream().map(paths -> new ClassFiles(null, paths.stream().sorted().toList(), 0, Set.of())).toList();
    }
}
