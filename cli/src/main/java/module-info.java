/** Command line. */
module duet.cli {
    requires duet.engine;
    requires com.fasterxml.jackson.databind;
    requires info.picocli;
    requires jdk.unsupported;
    requires me.tongfei.progressbar;

    opens duet.cli to info.picocli, com.fasterxml.jackson.databind;
}
