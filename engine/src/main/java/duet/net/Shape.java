package duet.net;

/** What a layer makes of one image: channels x height x width. */
public record Shape(int channels, int height, int width) {
    public long elements() {
        return (long) channels * height * width;
    }

    @Override
    public String toString() {
        return channels + "x" + height + "x" + width;
    }
}
