package duet.cli.output;

import duet.text.Text;

/** The share of images whose class is among the five most probable, where that says anything: with more than five classes. */
public final class Top5 {
    private static final int CLASSES = 5;

    private Top5() {}

    /** Whether a top-5 accuracy can be below 100 %. */
    public static boolean saysSomething(int classes) {
        return classes > CLASSES;
    }

    /** Such as {@code (top-5 99.77 %)} after a space, or nothing. */
    public static String inBrackets(double share, int classes) {
        return saysSomething(classes) ? " (top-5 " + Text.percent(share) + ")" : "";
    }

    /** Such as {@code top-5 99.77 %} after a comma and a space, or nothing. */
    static String afterComma(double share, int classes) {
        return saysSomething(classes) ? ", top-5 " + Text.percent(share) : "";
    }
}
