package duet.cli.commands;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

import duet.cli.options.Source;
import duet.cli.output.CommandFailure;
import duet.cli.output.Output;
import duet.data.source.Datasets;
import duet.device.Precision;
import duet.device.cuda.model.Card;
import duet.device.cuda.model.Forecast;
import duet.device.cuda.model.KernelModel;
import duet.device.cuda.model.Launches;
import duet.net.Network;
import duet.net.Shape;
import duet.plan.Mode;
import duet.plan.Placement;
import duet.plan.Plan;
import duet.plan.Planner;
import duet.plan.StoredImages;
import duet.text.Table;
import duet.text.Text;

/** What the static model says of a training step's launches, each device on a card of its own. Shares and ranks, never times. */
record ModelledStep(Network network, Placement placement, int images, Precision precision) {
    private static final String NO_MACHINE_CODE = "this build has no machine code of the CUDA kernels to look at, because it found no "
            + "nvcc; put nvcc of CUDA 13 on the PATH (or set CUDA_HOME) and build again, no card is needed";

    void show(Output output) {
        KernelModel model = KernelModel.load().orElseThrow(() -> new CommandFailure(NO_MACHINE_CODE));
        Source.checkPlacement(network, placement);
        Source.checkBatch(placement, images);
        List<Forecast> step = CommandFailure.checked(() -> launches().of(plan().streams(), plan().regions()).stream().map(model::forecast)
                .toList());
        double whole = KernelModel.microseconds(step);
        if (output.json()) {
            step.forEach(forecast -> output.object(object(forecast, whole)));
            return;
        }
        output.result(
                "A static model of an H100 (" + Card.H100.multiprocessors() + " multiprocessors), made from machine code: no measurement. "
                        + "It ranks kernels; an upper bound, not a forecast, where warps wait.");
        output.result(network.name() + ", training, batch " + images + ", " + precision + ", " + placement.label() + ", "
                + Text.count(step.size()) + " launches");
        output.result("");
        table(step, whole).forEach(output::result);
    }

    private Launches launches() {
        return new Launches(Card.H100.multiprocessors(), precision);
    }

    private Plan plan() {
        Shape stored = Datasets.storedFor(network.input());
        return Planner.plan(network, placement, Mode.TRAINING, images, new StoredImages(stored.height(), stored.width()), true,
                launches().layout());
    }

    private List<String> table(List<Forecast> step, double whole) {
        boolean several = placement.devices() > 1;
        Table table = new Table(several ? "rllrrlrr" : "llrrlrr");
        table.row(cells(several, "device", "launch", "kernel", "blocks", "waves", "binds", "of the limit", "of the step"));
        step.stream().sorted(Comparator.comparingDouble(forecast -> -forecast.microseconds()))
                .forEach(forecast -> table.row(cells(several, Integer.toString(forecast.launch().device()), forecast.launch().label(),
                        forecast.launch().kernel(), Text.count(forecast.launch().blocks()), percent(forecast.waves()),
                        forecast.binds().toString(), percent(forecast.share()), percent(forecast.microseconds() / whole))));
        return table.lines();
    }

    /** Which device it is says nothing where there is one. */
    private static String[] cells(boolean several, String... cells) {
        List<String> list = new ArrayList<>(List.of(cells));
        if (!several) {
            list.removeFirst();
        }
        return list.toArray(String[]::new);
    }

    private static Map<String, Object> object(Forecast forecast, double whole) {
        Map<String, Object> object = new LinkedHashMap<>();
        object.put("model", "static, an H100, no measurement");
        object.put("device", forecast.launch().device());
        object.put("launch", forecast.launch().label());
        object.put("kernel", forecast.launch().kernel());
        object.put("blocks", forecast.launch().blocks());
        object.put("waves", forecast.waves());
        object.put("binds", forecast.binds().toString());
        object.put("share_of_limit", forecast.share());
        object.put("share_of_step", forecast.microseconds() / whole);
        return object;
    }

    private static String percent(double share) {
        return String.format(Locale.ROOT, "%.1f %%", 100 * share);
    }
}
