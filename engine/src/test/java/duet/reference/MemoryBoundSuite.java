package duet.reference;

import java.util.stream.Stream;

import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/** Puts a backend through every operation that is no product. */
abstract class MemoryBoundSuite extends TrialSuite {
    @TestFactory
    Stream<DynamicTest> pooling() {
        return trials(NeighbourhoodTrials::pooling, 60);
    }

    @TestFactory
    Stream<DynamicTest> localResponseNorm() {
        return trials(NeighbourhoodTrials::responseNorms, 40);
    }

    @TestFactory
    Stream<DynamicTest> spatialNorm() {
        return trials(NeighbourhoodTrials::spatialNorms, 25);
    }

    @TestFactory
    Stream<DynamicTest> filterRenormalise() {
        return trials(OtherTrials::renormalise, 15);
    }

    @TestFactory
    Stream<DynamicTest> elementwise() {
        return trials(OtherTrials::elementwise, 20);
    }

    @TestFactory
    Stream<DynamicTest> stronger() {
        return trials(OtherTrials::stronger, 20);
    }

    @TestFactory
    Stream<DynamicTest> softmaxCrossEntropy() {
        return trials(OtherTrials::softmax, 20);
    }

    @TestFactory
    Stream<DynamicTest> blocks() {
        return trials(OtherTrials::blocks, 10);
    }

    @TestFactory
    Stream<DynamicTest> prepareInput() {
        return trials(OtherTrials::prepareInput, 20);
    }
}
