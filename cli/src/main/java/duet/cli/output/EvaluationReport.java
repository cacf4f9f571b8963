package duet.cli.output;

import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

import duet.text.Table;
import duet.text.Text;
import duet.use.Evaluation;
import duet.use.Evaluation.ClassResult;

/** Prints an evaluation: for people the result and a table of classes, for programs everything. */
public record EvaluationReport(Output output, Evaluation evaluation) {
    private static final int MOST_CLASSES = 20;
    private static final int WORST_CLASSES = 10;

    /**
     * Prints it.
     *
     * @param networks names
     * @param views    looked at of each image, by the network that had most
     */
    public void print(List<String> networks, int views) {
        if (output.json()) {
            output.object(json(networks, views));
            return;
        }
        table();
        output.result("accuracy " + Text.percent(evaluation.top1()) + " of " + Text.count(evaluation.images(), "image")
                + Top5.inBrackets(evaluation.top5(), evaluation.classNames().size()) + ", loss " + Text.loss(evaluation.loss())
                + (networks.size() > 1 ? ", mean of " + networks.size() + " networks" : "")
                + (views > 1 ? ", " + views + " views" : ""));
    }

    /** All classes, or if there are many those with the lowest accuracy. */
    private void table() {
        List<ClassResult> classes = evaluation.classes().stream().filter(result -> result.images() > 0).toList();
        boolean all = classes.size() <= MOST_CLASSES;
        if (!all) {
            output.say("classes  the " + WORST_CLASSES + " with the lowest accuracy; --json prints all " + classes.size());
            classes = classes.stream().sorted(Comparator.comparingDouble(ClassResult::accuracy)).limit(WORST_CLASSES).toList();
        }
        Table table = new Table("lrrl");
        table.row("class", "accuracy", "images", "most often taken for");
        classes.forEach(result -> table.row(result.name(), Text.percent(result.accuracy()), Text.count(result.images()),
                result.confusedWith() == null ? "-" : result.confusedWith() + " (" + Text.count(result.times()) + ")"));
        table.lines().forEach(output::say);
    }

    private Map<String, Object> json(List<String> networks, int views) {
        Map<String, Object> object = new LinkedHashMap<>();
        object.put("networks", networks);
        object.put("views", views);
        object.put("loss", evaluation.loss());
        object.put("top1", evaluation.top1());
        object.put("top5", evaluation.top5());
        object.put("images", evaluation.images());
        object.put("classes", evaluation.classes());
        object.put("confusions", evaluation.confusions());
        object.put("worst", evaluation.worst());
        return object;
    }
}
