package duet.data.source;

import java.io.BufferedInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.zip.GZIPInputStream;
import java.util.zip.ZipException;

import duet.data.DataException;
import duet.files.Reasons;
import org.apache.commons.compress.archivers.tar.TarArchiveEntry;
import org.apache.commons.compress.archivers.tar.TarArchiveInputStream;

/**
 * What the development kit of ILSVRC-2012 says.
 *
 * @param synsets     the classes, sorted by WNID: a label is an index into them (the order of folders, Caffe and torchvision, not that of
 *                    the kit's own numbers)
 * @param groundTruth labels of the validation images in the order of their numbers
 */
record IlsvrcDevKit(List<Synset> synsets, int[] groundTruth) {
    private static final String META = "data/meta.mat";
    private static final String TRUTH = "data/ILSVRC2012_validation_ground_truth.txt";
    private static final long MOST_BYTES = 256L << 20;
    private static final String ADVICE = "; get ILSVRC2012_devkit_t12.tar.gz again";

    /**
     * @param number the kit's ILSVRC2012_ID
     * @param wnid   such as {@code n01440764}
     * @param words  such as {@code tench, Tinca tinca}
     */
    record Synset(int number, String wnid, String words) {
        /** As in the lists that go with published networks; words alone name two classes "crane". */
        String className() {
            return wnid + " " + words;
        }
    }

    static IlsvrcDevKit read(Path archive) {
        Map<String, byte[]> files = files(archive);
        List<Synset> synsets = synsets(archive + ": " + META, files.get(META));
        return new IlsvrcDevKit(synsets,
                groundTruth(archive + ": " + TRUTH, new String(files.get(TRUTH), StandardCharsets.US_ASCII), synsets));
    }

    private static Map<String, byte[]> files(Path archive) {
        Map<String, byte[]> files = new HashMap<>();
        try (InputStream raw = new BufferedInputStream(Files.newInputStream(archive), 1 << 16);
                TarArchiveInputStream tar = new TarArchiveInputStream(new GZIPInputStream(raw, 1 << 16))) {
            for (TarArchiveEntry entry = tar.getNextEntry(); entry != null; entry = tar.getNextEntry()) {
                for (String wanted : List.of(META, TRUTH)) {
                    if (entry.isFile() && (entry.getName().equals(wanted) || entry.getName().endsWith("/" + wanted))) {
                        if (entry.getSize() > MOST_BYTES) {
                            throw new DataException(archive + ": " + wanted + " claims " + entry.getSize() + " bytes" + ADVICE);
                        }
                        files.put(wanted, tar.readAllBytes());
                    }
                }
            }
        } catch (ZipException e) {
            throw new DataException(archive + " is a damaged gzip file (" + e.getMessage() + ")" + ADVICE, e);
        } catch (EOFException e) {
            throw new DataException(archive + " is truncated" + ADVICE, e);
        } catch (IOException e) {
            boolean truncated = String.valueOf(e.getMessage()).contains("runcated");
            throw new DataException(archive + (truncated ? " is truncated" : " cannot be read: " + Reasons.of(e)) + ADVICE, e);
        }
        for (String wanted : List.of(META, TRUTH)) {
            if (!files.containsKey(wanted)) {
                throw new DataException(archive + " lacks " + wanted + ADVICE);
            }
        }
        return files;
    }

    /** A structure array {@code synsets}: inner nodes of the WordNet tree have children, classes have none. */
    private static List<Synset> synsets(String what, byte[] bytes) {
        List<Synset> classes = new ArrayList<>();
        try {
            for (Map<String, Object> synset : MatFile.structures(bytes, "synsets")) {
                if (number(synset, "num_children") == 0) {
                    classes.add(new Synset(number(synset, "ILSVRC2012_ID"), text(synset, "WNID"), text(synset, "words")));
                }
            }
        } catch (IllegalArgumentException e) {
            throw new DataException(what + " is damaged, or has no synsets with ILSVRC2012_ID, WNID, words and num_children ("
                    + e.getMessage() + ")" + ADVICE, e);
        }
        if (classes.size() < 2 || classes.stream().map(Synset::number).distinct().count() != classes.size()
                || classes.stream().map(Synset::wnid).distinct().count() != classes.size()) {
            throw new DataException(what + " names " + classes.size() + " classes, not all of them different" + ADVICE);
        }
        classes.sort(Comparator.comparing(Synset::wnid));
        return classes;
    }

    private static int number(Map<String, Object> synset, String field) {
        if (synset.get(field) instanceof Double number && number == number.intValue()) {
            return number.intValue();
        }
        throw new IllegalArgumentException("a synset without the number " + field);
    }

    private static String text(Map<String, Object> synset, String field) {
        if (synset.get(field) instanceof String text) {
            return text;
        }
        throw new IllegalArgumentException("a synset without the text " + field);
    }

    /** A number of the kit in each line. */
    private static int[] groundTruth(String what, String text, List<Synset> synsets) {
        Map<String, Integer> labels = new HashMap<>();
        for (int label = 0; label < synsets.size(); label++) {
            labels.put(Integer.toString(synsets.get(label).number()), label);
        }
        List<String> lines = text.lines().map(String::strip).filter(line -> !line.isEmpty()).toList();
        int[] truth = new int[lines.size()];
        for (int i = 0; i < truth.length; i++) {
            Integer label = labels.get(lines.get(i));
            if (label == null) {
                throw new DataException("%s: line %d is \"%s\", which is the number (ILSVRC2012_ID) of no class in meta.mat%s".formatted(
                        what, i + 1, lines.get(i).substring(0, Math.min(20, lines.get(i).length())), ADVICE));
            }
            truth[i] = label;
        }
        return truth;
    }

    List<String> classNames() {
        return synsets.stream().map(Synset::className).toList();
    }
}
