/** Command line. */
module duet.cli {
    requires duet.engine;
    requires com.fasterxml.jackson.databind;
    requires info.picocli;
    requires java.desktop;
    requires jdk.unsupported;
    requires me.tongfei.progressbar;
    requires org.knowm.xchart;

    opens duet.cli to info.picocli, com.fasterxml.jackson.databind;
}
