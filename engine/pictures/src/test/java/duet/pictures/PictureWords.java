package duet.pictures;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.awt.Rectangle;
import java.util.List;

/** What is written on a picture, and that it can be read. */
final class PictureWords {
    private PictureWords() {}

    /** All words lie within the picture, and none on others. */
    static void assertReadable(Canvas canvas) {
        Rectangle picture = new Rectangle(canvas.width(), canvas.height());
        List<Canvas.Words> words = canvas.words();
        for (int i = 0; i < words.size(); i++) {
            Canvas.Words one = words.get(i);
            assertTrue(picture.contains(one.box()), one + " is cut off by " + picture);
            for (Canvas.Words other : words.subList(i + 1, words.size())) {
                assertFalse(one.box().intersects(other.box()), one + " lies on " + other);
            }
        }
    }

    static List<String> texts(Canvas canvas) {
        return canvas.words().stream().map(Canvas.Words::text).toList();
    }

    /** Of the last words that are these. */
    static Rectangle box(Canvas canvas, String text) {
        return canvas.words().reversed().stream().filter(words -> words.text().equals(text)).findFirst().orElseThrow().box();
    }
}
