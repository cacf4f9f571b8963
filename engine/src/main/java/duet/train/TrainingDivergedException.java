package duet.train;

import duet.train.schedule.TrainingException;

/** Training produced a NaN or an infinity. What had been written before stays as it was. */
public class TrainingDivergedException extends TrainingException {
    private static final long serialVersionUID = 1;

    private final String layer;
    private final long step;

    /**
     * A step whose result is not finite.
     *
     * @param message a sentence with the step, the layer and the way out
     * @param layer   the first one whose result is not finite
     * @param step    counted from 1
     */
    public TrainingDivergedException(String message, String layer, long step) {
        super(message);
        this.layer = layer;
        this.step = step;
    }

    /** {@return the first layer, in network order, with a result that is not finite} */
    public String layer() {
        return layer;
    }

    /** {@return the step that produced it, counted from 1} */
    public long step() {
        return step;
    }
}
