/** The engine: networks, plans, devices, training. Packages may use those below them in this list. */
module duet.engine {
    requires duet.bindings;
    requires com.fasterxml.jackson.databind;
    requires com.google.protobuf;
    requires java.desktop;
    requires java.net.http;
    requires jdk.management;
    requires org.apache.commons.compress;
    requires org.knowm.xchart;

    exports duet.train;
    exports duet.data;
    exports duet.model;
    exports duet.plan;
    exports duet.net;
    exports duet.device;

    opens duet.data to com.fasterxml.jackson.databind;
    opens duet.train to com.fasterxml.jackson.databind;
}
