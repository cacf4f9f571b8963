package duet.reference;

import duet.device.Backend;

/** The suite itself: the reference backend must pass it whatever its schedule. */
class ReferenceOperationTest extends OperationSuite {
    @Override
    Backend open(int threads) {
        return new ReferenceBackend(1, Schedule.random(threads));
    }

    @Override
    boolean largeShapes() {
        return false;
    }
}
