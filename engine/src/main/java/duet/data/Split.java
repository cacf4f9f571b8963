package duet.data;

/**
 * Images to learn from and images to validate with. Both have the same classes and stored size.
 *
 * @param training   images to learn from
 * @param validation images to validate with; may be empty
 */
public record Split(Dataset training, Dataset validation) implements AutoCloseable {
    @Override
    public void close() {
        training.close();
        validation.close();
    }
}
