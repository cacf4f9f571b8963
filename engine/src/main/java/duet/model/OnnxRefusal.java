package duet.model;

/** Why a node cannot be read, without file and node: {@link OnnxReader} puts them in front. */
final class OnnxRefusal extends RuntimeException {
    private static final long serialVersionUID = 1;

    OnnxRefusal(String reason) {
        super(reason);
    }
}
