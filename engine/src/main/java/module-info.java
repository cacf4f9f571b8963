/** The engine: networks, plans, devices, training. Packages may use those below them in this list; {@code README.md} is its map. */
module duet.engine {
    requires duet.bindings;
    requires com.fasterxml.jackson.databind;
    requires com.google.protobuf;
    requires java.desktop;
    requires java.net.http;
    requires jdk.management;
    requires org.apache.commons.compress;

    exports duet.use;
    exports duet.train;
    exports duet.train.output;
    exports duet.train.schedule;
    exports duet.data.prepare;
    exports duet.data.source;
    exports duet.data.shard;
    exports duet.data;
    exports duet.model;
    exports duet.plan;
    exports duet.net;
    exports duet.device;
    exports duet.device.ranks;
    exports duet.files;
    exports duet.device.cuda.model to duet.cli, duet.bench;
    exports duet.json to duet.cli;
    exports duet.text to duet.cli;

    uses duet.device.BackendProvider;

    provides duet.device.BackendProvider with
            duet.device.cpu.CpuProvider,
            duet.device.cuda.CudaProvider,
            duet.device.cuda.VirtualProvider;

    opens duet.data to com.fasterxml.jackson.databind;
    opens duet.data.shard to com.fasterxml.jackson.databind;
    opens duet.train.output to com.fasterxml.jackson.databind;
    opens duet.train.schedule to com.fasterxml.jackson.databind;
}
