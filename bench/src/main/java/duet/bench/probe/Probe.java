package duet.bench.probe;

import com.fasterxml.jackson.databind.node.ObjectNode;

/** A question to a card. */
@FunctionalInterface
interface Probe {
    /**
     * Asks it.
     *
     * @param answer takes {@code correct}, whether the results are right to the bit; {@code replaces}, the constant of the model;
     *               {@code found}, in words; on a card numbers. On the virtual GPU no rates.
     */
    void ask(ProbeCard card, ObjectNode answer);
}
