/** JMH benchmarks. */
module duet.bench {
    requires duet.bindings;
    requires jmh.core;
    requires jdk.unsupported;

    exports duet.bench;
}
