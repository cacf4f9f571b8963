package duet.cli.commands;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.stream.IntStream;

import duet.data.Dataset;
import duet.text.Text;

/**
 * What is found by reading every image.
 *
 * @param oneColour images whose pixels are all alike
 * @param ofClasses images of each class that can be read
 */
record Census(int oneColour, List<Integer> ofClasses) {
    /** Fewer images of a class than this share of the mean are told. */
    private static final double FEW = 0.2;
    private static final int MOST_NAMED = 5;

    static Census of(List<Dataset> parts) {
        int[] counts = new int[parts.getFirst().classNames().size()];
        int oneColour = 0;
        for (Dataset images : parts) {
            int channels = images.stored().channels();
            byte[] image = new byte[Math.toIntExact(images.stored().elements())];
            for (int i = 0; i < images.size(); i++) {
                int label = images.read(i, image, 0);
                if (label >= 0) {
                    counts[label]++;
                    oneColour += IntStream.range(channels, image.length).allMatch(at -> image[at] == image[at - channels]) ? 1 : 0;
                }
            }
        }
        return new Census(oneColour, IntStream.of(counts).boxed().toList());
    }

    List<String> findings(List<String> classNames) {
        List<String> findings = new ArrayList<>();
        if (oneColour > 0) {
            findings.add("one colour " + Text.count(oneColour, "image") + " with nothing on it");
        }
        double mean = ofClasses.stream().mapToInt(Integer::intValue).average().orElse(0);
        List<Integer> few = IntStream.range(0, classNames.size()).boxed().filter(label -> ofClasses.get(label) < FEW * mean)
                .sorted(Comparator.comparing(ofClasses::get)).toList();
        if (!few.isEmpty()) {
            findings.add("few images " + String.join(", ", few.stream().limit(MOST_NAMED)
                    .map(label -> classNames.get(label) + " (" + Text.count(ofClasses.get(label)) + ")").toList())
                    + (few.size() > MOST_NAMED ? " and " + (few.size() - MOST_NAMED) + " more classes" : "")
                    + ", where a class has " + Text.count(Math.round(mean)) + " in the mean");
        }
        return findings;
    }
}
