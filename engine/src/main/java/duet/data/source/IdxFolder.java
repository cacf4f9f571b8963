package duet.data.source;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;

import duet.data.DataException;
import duet.files.Reasons;

/**
 * The files of one data set of the MNIST family in a folder, called {@code train-images-idx3-ubyte} and so on: gzipped or not, with a dot
 * or a hyphen before {@code idx}, {@code t10k} or {@code test}, and perhaps a name before it, as EMNIST and QMNIST have.
 *
 * @param prefix such as {@code emnist-balanced}; empty for MNIST's own names
 * @param files  by part and content, such as {@code train-images}
 */
record IdxFolder(Path folder, String prefix, Map<String, Path> files) {
    static final String TRAIN = "train";
    static final String TEST = "test";
    static final String IMAGES = "-images";
    static final String LABELS = "-labels";
    /** Names of classes, one a line. */
    static final String CLASSES = "classes.txt";
    private static final Pattern NAME = Pattern.compile("(?:(.+)-)?(train|t10k|test)-(images|labels)[-.]idx\\d-\\w+(?:\\.gz)?");

    /**
     * Looks for the four files.
     *
     * @param where a folder, or where it holds several data sets the folder and the name that one's files begin with
     * @param use   how this source is written, for messages
     */
    static IdxFolder find(Path where, String use) {
        boolean named = !Files.isDirectory(where) && where.toAbsolutePath().getParent() != null
                && Files.isDirectory(where.toAbsolutePath().getParent());
        Path folder = named ? where.toAbsolutePath().getParent() : where;
        Map<String, IdxFolder> sets = list(folder);
        if (named) {
            sets.keySet().removeIf(prefix -> !prefix.equals(where.getFileName().toString()));
        }
        if (sets.isEmpty()) {
            throw new DataException(
                    where + " holds no IDX files: there should be train-images-idx3-ubyte, train-labels-idx1-ubyte and the same "
                            + "for t10k or test, gzipped or not");
        }
        if (sets.size() > 1) {
            throw new DataException(where + " holds several data sets: write " + sets.keySet().stream()
                    .map(prefix -> use + ":" + where.resolve(prefix.isEmpty() ? "train" : prefix)).collect(Collectors.joining(" or ")));
        }
        IdxFolder found = sets.values().iterator().next();
        for (String part : List.of(TRAIN, TEST)) {
            for (String content : List.of(IMAGES, LABELS)) {
                if (!found.files.containsKey(part + content)) {
                    throw new DataException(folder + " has the " + found.files.size() + " files " + found.files.values().stream()
                            .map(file -> file.getFileName().toString()).sorted().collect(Collectors.joining(", ")) + ", but not "
                            + found.start() + (part.equals(TEST) ? "t10k" : part) + content + (content.equals(IMAGES) ? "-idx3" : "-idx1")
                            + "-ubyte" + (use.equals("fashion-mnist") ? ": get all four files by ./duet data fetch fashion-mnist" : ""));
                }
            }
        }
        return found;
    }

    private String start() {
        return prefix.isEmpty() ? "" : prefix + "-";
    }

    private static Map<String, IdxFolder> list(Path folder) {
        Map<String, IdxFolder> sets = new TreeMap<>();
        if (!Files.isDirectory(folder)) {
            return sets;
        }
        try (Stream<Path> paths = Files.list(folder)) {
            for (Path file : paths.sorted().toList()) {
                Matcher name = NAME.matcher(file.getFileName().toString());
                if (name.matches() && Files.isRegularFile(file)) {
                    String prefix = name.group(1) == null ? "" : name.group(1);
                    String part = name.group(2).equals(TRAIN) ? TRAIN : TEST;
                    sets.computeIfAbsent(prefix, any -> new IdxFolder(folder, any, new TreeMap<>())).files
                            .putIfAbsent(part + "-" + name.group(3), file);
                }
            }
            return sets;
        } catch (IOException e) {
            throw new DataException("the folder " + folder + " cannot be read: " + Reasons.of(e), e);
        }
    }

    /**
     * Names of the classes: from {@code classes.txt} (one a line), or from EMNIST's {@code PREFIX-mapping.txt} (a label and the code of its
     * character in each line); else the labels themselves.
     *
     * @param count how many there are at least
     */
    List<String> classNames(int count) {
        Path mapping = folder.resolve(prefix + "-mapping.txt");
        Path classes = folder.resolve(CLASSES);
        if (Files.isRegularFile(classes)) {
            return lines(classes);
        }
        List<String> names = new ArrayList<>();
        for (int label = 0; label < count; label++) {
            names.add(Integer.toString(label));
        }
        if (Files.isRegularFile(mapping)) {
            for (String line : lines(mapping)) {
                String[] words = line.split("\\s+");
                if (words.length < 2 || !words[0].matches("\\d{1,3}") || !words[1].matches("\\d{1,6}")) {
                    throw new DataException(mapping + ": \"" + line + "\" should be a label and the code of its character");
                }
                int label = Integer.parseInt(words[0]);
                while (names.size() <= label) {
                    names.add(Integer.toString(names.size()));
                }
                names.set(label, Character.toString(Integer.parseInt(words[1])));
            }
        }
        return names;
    }

    private static List<String> lines(Path file) {
        try {
            return Files.readAllLines(file, StandardCharsets.UTF_8).stream().map(String::strip).filter(line -> !line.isEmpty()).toList();
        } catch (IOException e) {
            throw new DataException(file + " cannot be read as UTF-8 text: " + Reasons.of(e), e);
        }
    }
}
