package duet.text;

import java.util.ArrayList;
import java.util.List;

/** A table for people: columns as wide as their longest cell, two spaces apart, nothing behind the last letter of a line. */
public final class Table {
    private static final String GAP = "  ";

    private final String alignment;
    private final List<String[]> rows = new ArrayList<>();

    /**
     * A table without rows.
     *
     * @param alignment for each column {@code l} or {@code r}: where its cells begin, or end
     */
    public Table(String alignment) {
        if (!alignment.matches("[lr]+")) {
            throw new IllegalArgumentException("\"" + alignment + "\" are not columns; use l and r");
        }
        this.alignment = alignment;
    }

    /**
     * Adds a row with a cell for each column; the first one is usually the heading.
     *
     * @param cells as many as there are columns
     */
    public void row(String... cells) {
        if (cells.length != alignment.length()) {
            throw new IllegalArgumentException(cells.length + " cells for " + alignment.length() + " columns");
        }
        rows.add(cells.clone());
    }

    /** {@return the rows as lines of text} */
    public List<String> lines() {
        int[] widths = new int[alignment.length()];
        for (String[] row : rows) {
            for (int i = 0; i < row.length; i++) {
                widths[i] = Math.max(widths[i], row[i].length());
            }
        }
        return rows.stream().map(row -> line(row, widths)).toList();
    }

    private String line(String[] row, int[] widths) {
        StringBuilder line = new StringBuilder();
        for (int i = 0; i < row.length; i++) {
            String space = " ".repeat(widths[i] - row[i].length());
            line.append(i == 0 ? "" : GAP).append(alignment.charAt(i) == 'l' ? row[i] + space : space + row[i]);
        }
        return line.toString().stripTrailing();
    }
}
