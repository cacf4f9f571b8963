/** JMH benchmarks, and what is measured and compared on a real card. */
module duet.bench {
    requires com.fasterxml.jackson.databind;
    requires duet.bindings;
    requires duet.engine;
    requires jmh.core;
    requires jdk.unsupported;
}
