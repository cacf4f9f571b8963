package duet.text;

import java.util.Comparator;
import java.util.List;

/** What somebody may have meant. */
public final class Suggestion {
    private Suggestion() {}

    /**
     * {@return a hint at the nearest possible word and a list of all, such as {@code did you mean stride? It can be filters, kernel,
     * stride}}
     *
     * @param given    what was written
     * @param possible what would have been right
     */
    public static String of(String given, List<String> possible) {
        String nearest = nearest(given, possible);
        String all = "it can be " + String.join(", ", possible);
        return nearest != null ? "did you mean \"" + nearest + "\"? (" + all + ")" : all;
    }

    /**
     * {@return the nearest possible word; null if none is near}
     *
     * @param given    what was written
     * @param possible what would have been right
     */
    public static String nearest(String given, List<String> possible) {
        String nearest = possible.stream().min(Comparator.comparingInt(candidate -> distance(given, candidate))).orElseThrow();
        return distance(given, nearest) <= (nearest.length() + 1) / 3 ? nearest : null;
    }

    /** Levenshtein: insertions, deletions and replacements of a character. */
    private static int distance(String left, String right) {
        int[] row = new int[right.length() + 1];
        for (int j = 0; j <= right.length(); j++) {
            row[j] = j;
        }
        for (int i = 1; i <= left.length(); i++) {
            int diagonal = row[0];
            row[0] = i;
            for (int j = 1; j <= right.length(); j++) {
                int replaced = diagonal + (left.charAt(i - 1) == right.charAt(j - 1) ? 0 : 1);
                diagonal = row[j];
                row[j] = Math.min(replaced, Math.min(row[j], row[j - 1]) + 1);
            }
        }
        return row[right.length()];
    }
}
