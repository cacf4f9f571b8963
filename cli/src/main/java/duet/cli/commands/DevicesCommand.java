package duet.cli.commands;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;

import duet.cli.output.Output;
import duet.device.Backend;
import duet.device.Backends;
import duet.device.DeviceInfo;
import duet.device.VirtualGpu;
import duet.text.Text;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

@Command(
        name = "devices",
        description = "Shows the devices of this machine, which of them a training would use, and why.",
        footerHeading = "%nExamples:%n",
        footer = {"  ./duet devices", "  ./duet devices --json"})
public final class DevicesCommand implements Runnable {
    @Mixin
    private Output output;

    @Override
    public void run() {
        show(2, "two towers");
        show(1, "one device");
        kind("CUDA", "cuda", Backends.noCuda(), "--devices cuda:0,cuda:1, or cuda:0,cuda:0 for two devices on one card");
        kind("virtual GPU", "virtual", VirtualGpu.problem(),
                "--devices virtual:0,virtual:1; it checks the CUDA kernels on the CPU and is slow");
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

    /** @param problem why there are none, or empty */
    private void kind(String title, String name, Optional<String> problem, String use) {
        if (output.json()) {
            Map<String, Object> object = new LinkedHashMap<>();
            object.put("kind", name);
            object.put("available", problem.isEmpty());
            object.put("problem", problem.orElse(null));
            output.object(object);
        } else {
            output.result(title + ": " + problem.map(sentence -> "not available: " + sentence).orElse("available: " + use));
        }
    }
}
