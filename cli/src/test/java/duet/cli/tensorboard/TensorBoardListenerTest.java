package duet.cli.tensorboard;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Consumer;
import java.util.function.ToDoubleFunction;
import javax.imageio.ImageIO;

import com.google.protobuf.InvalidProtocolBufferException;
import duet.cli.tensorboard.TensorBoardListener.Opener;
import duet.cli.tensorboard.proto.HParams.HParamsPluginData;
import duet.cli.tensorboard.proto.HParams.Status;
import duet.cli.tensorboard.proto.TensorBoard.Event;
import duet.cli.tensorboard.proto.TensorBoard.GraphDef;
import duet.cli.tensorboard.proto.TensorBoard.SessionLog;
import duet.cli.tensorboard.proto.TensorBoard.Summary;
import duet.device.Backend;
import duet.plan.Placement;
import duet.train.Tiny;
import duet.train.Trainer;
import duet.train.output.Checkpoint;
import duet.train.output.Metrics;
import duet.train.output.MetricsLog;
import duet.train.output.TrainingListener;
import duet.train.schedule.TrainingOptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Epochs of the tiny training end after steps 6, 11, 17 and 22; it has four classes, so top-5 says nothing. */
class TensorBoardListenerTest {
    @TempDir
    private Path temporary;

    private final List<String> warnings = new ArrayList<>();
    private final Map<String, float[]> first = new TreeMap<>();

    private Path out() {
        return temporary.resolve("out");
    }

    private TrainingOptions options(long steps) {
        return Tiny.options().toBuilder().steps(steps).output(out()).build();
    }

    private void train(long steps, Opener opener) {
        try (Backend backend = Tiny.backend(1);
                Trainer trainer = Trainer.create(Tiny.network(), Placement.ONE_DEVICE, backend, Tiny.data(), options(steps))) {
            trainer.network().parameters().forEach(shape -> first.put(shape.name(), trainer.parameter(shape.name())));
            train(trainer, opener, metrics -> {});
        }
    }

    private void train(Trainer trainer, Opener opener, Consumer<Metrics> hook) {
        try (TensorBoardListener board = new TensorBoardListener(trainer, Tiny.CLASSES, Map.of("data", "patterns"), warnings::add,
                opener)) {
            Trainer.Result result = trainer.train(TrainingListener.all(board, new TrainingListener() {
                @Override
                public void step(Metrics metrics) {
                    hook.accept(metrics);
                }
            }));
            board.finish(result.end() == Trainer.End.COMPLETED);
        }
    }

    private void resume(long steps) {
        Checkpoint checkpoint = Checkpoint.read(out());
        try (Backend backend = Tiny.backend(1);
                Trainer trainer = Trainer.resume(checkpoint, Placement.ONE_DEVICE, backend, Tiny.data(), options(steps))) {
            train(trainer, EventFile::create, metrics -> {});
        }
    }

    private Map<Long, Float> logged(String event, ToDoubleFunction<Metrics> number) {
        Map<Long, Float> logged = new TreeMap<>();
        MetricsLog.read(out().resolve(MetricsLog.FILE), metrics -> {
            if (metrics.event().equals(event)) {
                logged.put(metrics.step(), (float) number.applyAsDouble(metrics));
            }
        });
        return logged;
    }

    @Test
    void scalarsAreThoseOfTheMetricsFile() throws IOException {
        train(13, EventFile::create);
        List<Event> events = EventRecords.readAll(out());
        assertEquals("brain.Event:2", events.getFirst().getFileVersion());
        assertEquals(logged("train", Metrics::loss), EventRecords.scalars(events, "loss/train"));
        assertEquals(logged("train", Metrics::top1), EventRecords.scalars(events, "top1/train"));
        assertEquals(logged("train", Metrics::learningRate), EventRecords.scalars(events, "learning_rate"));
        assertEquals(logged("train", Metrics::imagesPerSecond), EventRecords.scalars(events, "images_per_second"));
        assertEquals(logged("validation", Metrics::loss), EventRecords.scalars(events, "loss/validation"));
        assertEquals(logged("validation", Metrics::top1), EventRecords.scalars(events, "top1/validation"));
        assertEquals(Set.of(6L, 11L, 13L), EventRecords.scalars(events, "top1/validation").keySet());
        assertEquals(Map.of(), EventRecords.scalars(events, "top5/train"));
        double now = System.currentTimeMillis() / 1000.0;
        assertTrue(events.stream().allMatch(event -> now - event.getWallTime() < 600 && now >= event.getWallTime()));
        assertEquals(List.of(), warnings);
    }

    @Test
    void theNetworkAndItsOptionsStandAtTheBeginning() throws IOException {
        train(2, EventFile::create);
        List<Event> events = EventRecords.readAll(out());
        GraphDef graph = events.stream().filter(Event::hasGraphDef).map(TensorBoardListenerTest::graph).findFirst().orElseThrow();
        assertEquals(NetworkGraph.of(Tiny.network()), graph);
        HParamsPluginData experiment = hyperparameters(events, "experiment", 0);
        assertEquals(List.of("top1/validation", "loss/validation"),
                experiment.getExperiment().getMetricInfosList().stream().map(metric -> metric.getName().getTag()).toList());
        var values = hyperparameters(events, "session_start_info", 0).getSessionStartInfo().getHparamsMap();
        assertEquals(8, values.get("batch").getNumberValue());
        assertEquals(0.02, values.get("lr").getNumberValue());
        assertEquals("constant", values.get("lr-policy").getStringValue());
        assertTrue(values.get("mirror").getBoolValue());
        assertEquals("patterns", values.get("data").getStringValue());
        assertEquals(values.keySet(), Set.copyOf(experiment.getExperiment().getHparamInfosList().stream().map(info -> info.getName())
                .toList()));
        assertEquals(Status.STATUS_SUCCESS, hyperparameters(events, "session_end_info", 2).getSessionEndInfo().getStatus());
    }

    private static GraphDef graph(Event event) {
        try {
            return GraphDef.parseFrom(event.getGraphDef());
        } catch (InvalidProtocolBufferException e) {
            throw new AssertionError(e);
        }
    }

    private static HParamsPluginData hyperparameters(List<Event> events, String kind, long step) throws IOException {
        Summary.Value value = EventRecords.values(events, "_hparams_/" + kind).get(step);
        assertEquals("hparams", value.getMetadata().getPluginData().getPluginName());
        assertTrue(value.hasTensor(), "TensorBoard wants one");
        return HParamsPluginData.parseFrom(value.getMetadata().getPluginData().getContent());
    }

    @Test
    void theFirstValidationHasPicturesAndHistograms() throws IOException {
        train(6, EventFile::create);
        List<Event> events = EventRecords.readAll(out());
        Map<String, float[]> last = Checkpoint.read(out()).tensors();
        for (String name : first.keySet()) {
            float[] now = last.get(name);
            float[] change = new float[now.length];
            for (int i = 0; i < now.length; i++) {
                change[i] = now[i] - first.get(name)[i];
            }
            assertEquals(Histogram.of(now).toProto(), EventRecords.values(events, "parameters/" + name).get(6L).getHisto());
            assertEquals(Histogram.of(change).toProto(), EventRecords.values(events, "updates/" + name).get(6L).getHisto());
            if (name.endsWith(".weight")) {
                assertEquals((float) (Histogram.of(change).norm() / Histogram.of(now).norm()),
                        EventRecords.scalars(events, "update_ratio/" + name).get(6L));
            }
        }
        for (String tag : List.of("filters", "confusion")) {
            Summary.Image image = EventRecords.values(events, tag).get(6L).getImage();
            var picture = ImageIO.read(new ByteArrayInputStream(image.getEncodedImageString().toByteArray()));
            assertEquals(picture.getWidth(), image.getWidth());
            assertEquals(picture.getHeight(), image.getHeight());
        }
    }

    /** The state after step 11 is the last that has histograms, however little time the training has taken. */
    @Test
    void theLastValidationHasThemToo() throws IOException {
        train(11, EventFile::create);
        List<Event> events = EventRecords.readAll(out());
        assertTrue(EventRecords.values(events, "parameters/conv1.weight").keySet().containsAll(Set.of(6L, 11L)));
        assertTrue(EventRecords.values(events, "confusion").keySet().containsAll(Set.of(6L, 11L)));
    }

    @Test
    void aResumedTrainingHasAFileOfItsOwn() throws IOException {
        train(6, EventFile::create);
        resume(11);
        assertEquals(2, EventFile.in(out()).size());
        List<Event> second = EventRecords.read(EventFile.in(out()).getLast());
        List<Event> starts = EventRecords.readAll(out()).stream().filter(Event::hasSessionLog).toList();
        assertEquals(List.of(1L, 7L), starts.stream().map(Event::getStep).toList());
        assertTrue(starts.stream().allMatch(start -> start.getSessionLog().getStatus() == SessionLog.SessionStatus.START));
        assertEquals(starts.getLast(), second.get(1), "right after the version: what comes later must stay");
        assertTrue(second.stream().noneMatch(Event::hasGraphDef), "TensorBoard wants one");
        assertEquals(Set.of(7L, 8L, 9L, 10L, 11L), EventRecords.scalars(second, "loss/train").keySet());
        assertEquals(logged("train", Metrics::loss), EventRecords.scalars(EventRecords.readAll(out()), "loss/train"));
    }

    @Test
    void aTrainingGoesOnWithoutEvents() {
        train(6, (folder, seconds) -> {
            throw new AccessDeniedException("events");
        });
        assertEquals(List.of("TensorBoard gets no more events of this training: " + out() + ": permission denied"), warnings);
        assertEquals(6, Checkpoint.read(out()).state().step());
    }

    @Test
    void aFullDiskIsSaidOnce() throws IOException {
        assumeTrue(Files.exists(Path.of("/dev/full")), "there is no /dev/full");
        train(6, (folder, seconds) -> EventFile.open(Path.of("/dev/full")));
        assertEquals(List.of("TensorBoard gets no more events of this training: " + out() + ": no space left on device"), warnings);
        assertEquals(6, Checkpoint.read(out()).state().step());
        assertEquals(7, Files.readAllLines(out().resolve("metrics.jsonl")).size());
    }

    /** What has been told is in the file, though nobody has closed it. */
    @Test
    void everyStepIsThereAtOnce() {
        List<Integer> seen = new ArrayList<>();
        try (Backend backend = Tiny.backend(1);
                Trainer trainer = Trainer.create(Tiny.network(), Placement.ONE_DEVICE, backend, Tiny.data(), options(3))) {
            train(trainer, EventFile::create, metrics -> {
                try {
                    seen.add(EventRecords.scalars(EventRecords.readAll(out()), "loss/train").size());
                } catch (IOException e) {
                    throw new AssertionError(e);
                }
            });
        }
        assertEquals(List.of(1, 2, 3), seen);
    }

    @Test
    void aStoppedTrainingHasNoEnd() throws IOException {
        try (Backend backend = Tiny.backend(1);
                Trainer trainer = Trainer.create(Tiny.network(), Placement.ONE_DEVICE, backend, Tiny.data(), options(9))) {
            train(trainer, EventFile::create, metrics -> {
                if (metrics.step() == 4) {
                    trainer.requestStop();
                }
            });
        }
        List<Event> events = EventRecords.readAll(out());
        assertEquals(Map.of(), EventRecords.values(events, "_hparams_/session_end_info"));
        assertArrayEquals(new Object[] {1L, 2L, 3L, 4L}, EventRecords.scalars(events, "loss/train").keySet().toArray());
    }
}
