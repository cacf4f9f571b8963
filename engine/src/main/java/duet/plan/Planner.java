package duet.plan;

import duet.device.Layout;
import duet.net.Network;

/** Makes plans. */
public final class Planner {
    private Planner() {}

    /**
     * @param dropout false leaves dropout out of a training plan (the evaluation scaling stays as the layer says)
     * @param layout  the backend that will run it, or {@link Layout#PLAIN}
     */
    public static Plan plan(Network network, Placement placement, Mode mode, int batch, Shapes images, boolean dropout, Layout layout) {
        throw new IllegalStateException("replaced by the plan package");
    }

    /** Size of the stored images that the host hands over. */
    public record Shapes(int storedHeight, int storedWidth) {}
}
