package duet.cli;

import java.util.LinkedHashMap;
import java.util.Map;

import duet.device.Backend;
import duet.device.Backends;
import duet.device.DeviceInfo;

import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

@Command(
        name = "devices",
        description = "Shows the devices of this machine, which of them a training would use, and why.",
        footerHeading = "%nExamples:%n",
        footer = {"  ./duet devices", "  ./duet devices --json"})
final class DevicesCommand implements Runnable {
    @Mixin
    private Output output;

    @Override
    public void run() {
        show(2, "two towers");
        show(1, "one device");
        if (!output.json()) {
            output.result("CUDA: not available, this build has no CUDA kernels");
        }
    }

    private void show(int count, String placement) {
        try (Backend backend = Backends.openDefault(count, 0)) {
            if (output.json()) {
                Map<String, Object> object = new LinkedHashMap<>();
                object.put("placement", count == 1 ? "one" : "towers");
                object.put("description", backend.description());
                object.put("devices", backend.devices());
                output.object(object);
                return;
            }
            output.result(placement + ": " + backend.description());
            for (DeviceInfo device : backend.devices()) {
                output.result("  " + device.name() + "  " + device.description()
                        + (device.memoryBytes() == 0 ? "" : ", " + Text.bytes(device.memoryBytes())));
            }
        }
    }
}
