package duet.net;

import java.util.ArrayList;
import java.util.List;

/** Infers and checks shapes. */
final class Shapes {
    private Shapes() {}

    static List<Shape> infer(String network, Shape input, List<Layer> layers) {
        return new ArrayList<>(); // filled in by the next commit
    }
}
