package duet.device.cuda.model;

/**
 * What the model says of a launch.
 *
 * @param launch       what is launched
 * @param binds        what it waits for most
 * @param waves        the share of the multiprocessors' time in which they have a block, 0 to 1
 * @param limit        microseconds at the card's limit: multiplications at the peak of what multiplies, or bytes at the memory's
 * @param microseconds as modelled; not for printing, since nothing has been measured
 */
public record Forecast(Launch launch, Term binds, double waves, double limit, double microseconds) {
    /** {@return the share of the card's limit that it may reach, 0 to 1} */
    public double share() {
        return limit / microseconds;
    }
}
