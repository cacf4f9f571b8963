/** Command line. */
module duet.cli {
    requires duet.engine;
    requires duet.pictures;
    requires com.fasterxml.jackson.databind;
    requires com.google.protobuf;
    requires info.picocli;
    requires io.prometheus.metrics.core;
    requires io.prometheus.metrics.model;
    requires io.prometheus.writer.text;
    requires java.desktop;
    requires java.logging;
    requires jdk.unsupported;
    requires me.tongfei.progressbar;
    requires org.eclipse.jetty.http2.server;
    requires org.eclipse.jetty.server;
    requires org.knowm.xchart;

    opens duet.cli to info.picocli;
    opens duet.cli.commands to info.picocli, com.fasterxml.jackson.databind;
    opens duet.cli.options to info.picocli;
    opens duet.cli.output to info.picocli, com.fasterxml.jackson.databind;
    opens duet.cli.watch to com.fasterxml.jackson.databind;
    opens duet.cli.bench to com.fasterxml.jackson.databind;
    opens duet.cli.serve to com.fasterxml.jackson.databind;
}
