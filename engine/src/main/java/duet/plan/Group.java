package duet.plan;

/** How one group of devices shares the work of a batch, or of one of its runs: see {@link Replicas}. */
sealed interface Group extends Placement permits OneDevice, Towers, Halves, Hybrid {
    @Override
    default Placement group() {
        return this;
    }

    @Override
    default int replicas() {
        return 1;
    }

    @Override
    default int parts() {
        return lanes();
    }

    @Override
    default int rounds() {
        return 1;
    }
}
