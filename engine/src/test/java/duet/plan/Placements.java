package duet.plan;

import java.util.List;
import java.util.stream.Stream;

import org.junit.jupiter.api.extension.ParameterContext;
import org.junit.jupiter.params.converter.ArgumentConverter;

/** Placements that tests go through. */
public final class Placements {
    /** Whatever the batch is. */
    public static final List<Placement> ANY_BATCH = List.of(Placement.ONE_DEVICE, Placement.TWO_TOWERS);

    private Placements() {}

    /** Of a test's table, by what they print. */
    public static final class Named implements ArgumentConverter {
        @Override
        public Object convert(Object name, ParameterContext context) {
            return Stream.concat(all(), Stream.of(Placement.hybrid(4, 4))).filter(placement -> placement.toString().equals(name))
                    .findFirst().orElseThrow();
        }
    }

    /** {@return {@link #ANY_BATCH}, for parameterized tests} */
    public static Stream<Placement> anyBatch() {
        return ANY_BATCH.stream();
    }

    /** {@return every kind, for batches of multiples of 4} */
    public static Stream<Placement> all() {
        return Stream.of(Placement.ONE_DEVICE, Placement.TWO_TOWERS, Placement.HALVES, Placement.data(2, 2), Placement.data(1, 4),
                Placement.data(2, 4), Placement.data(4, 4), Placement.hybrid(2, 2), Placement.hybrid(2, 4), Placement.hybrid(2, 2, 2),
                Placement.hybrid(1, 1, 4), Placement.data(Placement.TWO_TOWERS, 2, 2), Placement.data(Placement.TWO_TOWERS, 1, 4),
                Placement.data(Placement.HALVES, 2, 4), Placement.data(Placement.hybrid(2, 2), 2, 2),
                Placement.data(Placement.hybrid(1, 1, 2), 2, 2));
    }
}
