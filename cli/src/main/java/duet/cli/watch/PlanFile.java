package duet.cli.watch;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import duet.cli.web.WebException;
import duet.device.Backend;
import duet.device.DeviceInfo;
import duet.device.Layout;
import duet.files.WholeFile;
import duet.net.Network;
import duet.net.Shape;
import duet.plan.Mode;
import duet.plan.Placement;
import duet.plan.Plan;
import duet.plan.PlanReport;
import duet.plan.Planner;
import duet.plan.StoredImages;
import duet.train.schedule.Parts;
import duet.train.schedule.TrainingOptions;

/**
 * {@code plan.json} in a training's output folder: what each device does in a step, and what memory it takes; the fields of
 * {@code ./duet plan --json} without tensors and steps, and the devices' names.
 */
public final class PlanFile {
    private static final String FILE = "plan.json";
    private static final ObjectMapper JSON = new ObjectMapper();

    private PlanFile() {}

    /**
     * Writes the plan of a training.
     *
     * @param folder    of the training
     * @param network   that is trained
     * @param placement on how many devices, and how
     * @param options   of the training
     * @param stored    size of the images
     * @param backend   the devices
     */
    public static void write(Path folder, Network network, Placement placement, TrainingOptions options, Shape stored, Backend backend) {
        ObjectNode root = summary(network, placement, options, stored, backend);
        List<DeviceInfo> infos = backend.devices();
        JsonNode devices = root.get("devices");
        for (int device = 0; device < devices.size() && devices.size() == infos.size(); device++) {
            DeviceInfo info = infos.get(device);
            ((ObjectNode) devices.get(device)).put("name", info.name()).put("description", info.description())
                    .put("memoryBytes", info.memoryBytes());
        }
        WholeFile.write(folder.resolve(FILE), (root + "\n").getBytes(StandardCharsets.UTF_8));
    }

    private static ObjectNode summary(Network network, Placement placement, TrainingOptions options, Shape stored, Layout layout) {
        StoredImages images = new StoredImages(stored.height(), stored.width(), options.augmentation().colourNoise() > 0,
                options.augmentation().divisor());
        Plan plan = Planner.plan(network, placement, Mode.TRAINING, options.batch(), images, options.dropout(), layout);
        try {
            return (ObjectNode) JSON.readTree(PlanReport.toSummaryJson(plan));
        } catch (IOException e) {
            throw new IllegalStateException(e);
        }
    }

    /** The plan as the training wrote it; of one that wrote none what its checkpoint leads to, with {@code "assumed": true}. */
    static JsonNode of(Run run) throws IOException {
        byte[] written = RunPictures.read(run.folder().resolve(FILE));
        JsonNode plan = written == null ? null : parse(written);
        if (plan != null && plan.path("layers").isArray() && plan.path("devices").isArray()) {
            return plan;
        }
        Facts facts = run.facts();
        if (facts == null) {
            throw new WebException(404, "this run has no plan yet");
        }
        Network network = facts.model().network();
        return summary(network, assumed(network, facts.state().parts()), facts.options(), facts.model().stored(), Layout.PLAIN)
                .put("assumed", true);
    }

    /** null: what stands there is no JSON. */
    private static JsonNode parse(byte[] text) throws IOException {
        try {
            return JSON.readTree(text);
        } catch (JsonProcessingException e) {
            return null;
        }
    }

    /** What the training would have without an option that says otherwise. */
    private static Placement assumed(Network network, Parts parts) {
        if (parts != null) {
            return parts.on(Placement.goesOn(2, parts.parts()) ? 2 : 1);
        }
        return Planner.canPlace(network, Placement.TWO_TOWERS) ? Placement.TWO_TOWERS : Placement.ONE_DEVICE;
    }
}
