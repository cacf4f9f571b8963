package duet.train.output;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeFalse;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;

import duet.device.Arithmetic;
import duet.device.ConvolutionChoice;
import duet.device.Precision;
import duet.files.FileException;
import duet.files.WholeFile;
import duet.model.Safetensors;
import duet.model.SafetensorsException;
import duet.net.NetworkJson;
import duet.net.ParameterShape;
import duet.net.Shape;
import duet.train.Tiny;
import duet.train.schedule.LearningRate;
import duet.train.schedule.Parts;
import duet.train.schedule.TrainingException;
import duet.train.schedule.TrainingState;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class CheckpointTest {
    @TempDir
    private Path folder;

    static TrainingState state(LearningRate rate) {
        return new TrainingState(123, Tiny.options().toBuilder().learningRate(rate).build(), "folder:a \"b\"", 44,
                new Arithmetic(ConvolutionChoice.DIRECT, Precision.BF16), false, 2, 0.1, 3, 4, new Parts("data,hybrid", 4, 2, 3));
    }

    static Checkpoint checkpoint(TrainingState state) {
        Map<String, float[]> tensors = new LinkedHashMap<>();
        List<ParameterShape> shapes = Tiny.network().parameters();
        for (int i = 0; i < shapes.size(); i++) {
            tensors.put(shapes.get(i).name(), shapes.get(i).initial(1, i));
        }
        for (int i = 0; state != null && i < shapes.size(); i++) {
            tensors.put(shapes.get(i).momentumName(), shapes.get(i).initial(2, i));
        }
        tensors.put("input.mean", new float[144]);
        return new Checkpoint(Tiny.network(), Tiny.CLASSES, Tiny.STORED, tensors, state);
    }

    private static void assertSame(Checkpoint expected, Checkpoint actual) {
        assertEquals(expected.network(), actual.network());
        assertEquals(expected.classNames(), actual.classNames());
        assertEquals(expected.stored(), actual.stored());
        assertEquals(expected.state(), actual.state());
        assertEquals(expected.tensors().keySet(), actual.tensors().keySet());
        expected.tensors().forEach((name, values) -> assertArrayEquals(values, actual.tensors().get(name), name));
    }

    private List<String> names() throws IOException {
        try (Stream<Path> files = Files.list(folder)) {
            return files.map(file -> file.getFileName().toString()).sorted().toList();
        }
    }

    @Test
    void givesBackWhatWasWritten() throws IOException {
        Path file = folder.resolve("a.safetensors");
        for (LearningRate rate : List.of(new LearningRate.Constant(1 / 3.0), new LearningRate.Steps(0.1, 2.5, 0.3),
                new LearningRate.Linear(0.02, 40), new LearningRate.Plateau(0.01, 0.1, 2, 3))) {
            Checkpoint checkpoint = checkpoint(state(rate));
            checkpoint.write(file);
            assertSame(checkpoint, Checkpoint.read(file));
        }
        checkpoint(null).write(file);
        assertSame(checkpoint(null), Checkpoint.read(file));
        assertNull(Checkpoint.read(file).state());
        assertEquals(List.of("a.safetensors"), names());
    }

    /** A mean colour has no size; a mean image has. */
    @Test
    void aMeanColourFitsImagesOfAnySize() {
        Checkpoint flat = checkpoint(null);
        Arrays.fill(flat.tensors().get("input.mean"), 3);
        Checkpoint larger = flat.storedAs(new Shape(1, 16, 15));
        assertEquals(new Shape(1, 16, 15), larger.stored());
        float[] mean = new float[240];
        Arrays.fill(mean, 3);
        assertArrayEquals(mean, larger.tensors().get("input.mean"));
        assertEquals(flat.tensors().keySet(), larger.tensors().keySet());
        assertSame(flat, larger.storedAs(Tiny.STORED));
        Checkpoint image = checkpoint(null);
        image.tensors().get("input.mean")[7] = 1;
        assertEquals(Tiny.STORED, image.storedAs(new Shape(1, 16, 15)).stored());
        assertEquals(Tiny.STORED, flat.storedAs(new Shape(3, 16, 15)).stored(), "other channels");
    }

    @Test
    void shapesAreThoseOfOtherTools() throws IOException {
        Path file = folder.resolve("a.safetensors");
        checkpoint(state(new LearningRate.Constant(1))).write(file);
        try (Safetensors tensors = Safetensors.open(file)) {
            assertEquals(List.of(6L, 2L, 3L, 3L), tensors.entries().get("conv2.weight").shape());
            assertEquals(List.of(8L, 6L * 5 * 5), tensors.entries().get("fc3.weight").shape());
            assertEquals(List.of(4L), tensors.entries().get("conv1.bias").shape());
            assertEquals(List.of(6L, 2L, 3L, 3L), tensors.entries().get("momentum.conv2.weight").shape());
            assertEquals(List.of(1L, 12L, 12L), tensors.entries().get("input.mean").shape());
            assertEquals(17, tensors.entries().size());
        }
    }

    @Test
    void aFailedWriteChangesNothing() throws IOException {
        Path file = folder.resolve("a.safetensors");
        Checkpoint good = checkpoint(null);
        good.write(file);
        Checkpoint bad = checkpoint(null);
        bad.tensors().get("fc4.weight")[3] = Float.NaN;
        String message = assertThrows(TrainingException.class, () -> bad.write(file)).getMessage();
        assertTrue(message.startsWith("fc4.weight holds a NaN"), message);
        String full = assertThrows(FileException.class, () -> WholeFile.write(file, channel -> {
            channel.write(ByteBuffer.allocate(1000));
            throw new IOException("No space left on device");
        })).getMessage();
        assertEquals(file + ": cannot be written: no space left on device", full);
        assertEquals(List.of("a.safetensors"), names());
        assertSame(good, Checkpoint.read(file));
    }

    /** On a file system of 64 KiB, which only root can make. */
    @Test
    void aFullDiskChangesNothing() throws Exception {
        Path disk = Files.createDirectory(folder.resolve("disk"));
        Process mount = new ProcessBuilder("mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", disk.toString()).start();
        assumeTrue(mount.waitFor() == 0, "mounting a small file system needs root");
        try {
            Path file = disk.resolve("a.safetensors");
            Checkpoint good = checkpoint(null);
            good.write(file);
            Files.write(disk.resolve("ballast"), new byte[40_000]);
            String message = assertThrows(FileException.class,
                    () -> checkpoint(state(new LearningRate.Constant(1))).write(file)).getMessage();
            assertEquals(file + ": cannot be written: no space left on device", message);
            assertSame(good, Checkpoint.read(file));
            try (Stream<Path> files = Files.list(disk)) {
                assertEquals(2, files.count(), "no temporary file is left");
            }
        } finally {
            assertEquals(0, new ProcessBuilder("umount", disk.toString()).start().waitFor());
        }
    }

    @Test
    void aFolderThatIsNotThereOrNotAFolder() throws IOException {
        Checkpoint good = checkpoint(null);
        Path missing = folder.resolve("missing/a.safetensors");
        assertEquals(missing + ": cannot be written: no such file or folder",
                assertThrows(FileException.class, () -> good.write(missing)).getMessage());
        Path inFile = Files.writeString(folder.resolve("text"), "x").resolve("a.safetensors");
        assertEquals(inFile + ": cannot be written: not a directory",
                assertThrows(FileException.class, () -> good.write(inFile)).getMessage());
        assertEquals(missing + ": cannot be read: no such file or folder",
                assertThrows(TrainingException.class, () -> Checkpoint.read(missing)).getMessage());
    }

    @Test
    void aFolderThatMayNotBeWrittenTo() throws IOException {
        Path locked = Files.createDirectory(folder.resolve("locked"));
        assertTrue(locked.toFile().setWritable(false));
        assumeFalse(Files.isWritable(locked), "root may write anywhere");
        Path file = locked.resolve("a.safetensors");
        assertEquals(file + ": cannot be written: permission denied",
                assertThrows(TrainingException.class, () -> checkpoint(null).write(file)).getMessage());
    }

    @Test
    void theLatestGoodCheckpointOfAFolder() throws IOException {
        List<String> warnings = new ArrayList<>();
        Path first = folder.resolve("checkpoint-00000005.safetensors");
        Path second = folder.resolve("checkpoint-00000010.safetensors");
        Path third = folder.resolve("checkpoint-100000000.safetensors");
        checkpoint(null).write(first);
        checkpoint(state(new LearningRate.Constant(1))).write(second);
        Files.write(third, java.util.Arrays.copyOf(Files.readAllBytes(second), 2000));
        Files.writeString(folder.resolve("checkpoint-x.safetensors"), "no");
        assertEquals(123, Checkpoint.read(folder, warnings::add).state().step());
        assertEquals(1, warnings.size());
        assertTrue(warnings.getFirst().contains(third + ": cut off"), warnings.getFirst());
        Files.delete(first);
        Files.delete(second);
        assertThrows(SafetensorsException.class, () -> Checkpoint.read(folder));
        Files.delete(third);
        String message = assertThrows(TrainingException.class, () -> Checkpoint.read(folder)).getMessage();
        assertTrue(message.startsWith(folder + ": holds no checkpoint"), message);
    }

    /** Takes a good file apart, changes its metadata or tensors, and writes it again (with right checksums). */
    static Path changed(Path folder, UnaryOperator<Map<String, String>> metadata, UnaryOperator<List<Safetensors.Block>> blocks)
            throws IOException {
        Path file = folder.resolve("changed.safetensors");
        checkpoint(state(new LearningRate.Constant(1))).write(file);
        Map<String, String> texts;
        List<Safetensors.Block> tensors = new ArrayList<>();
        try (Safetensors good = Safetensors.open(file)) {
            texts = new LinkedHashMap<>(good.metadata());
            texts.remove(Safetensors.CHECKSUMS);
            for (Safetensors.Entry entry : good.entries().values()) {
                float[] values = good.floats(entry.name());
                tensors.add(new Safetensors.Block(entry.name(), entry.shape().stream().map(Long::intValue).toList(), () -> values));
            }
        }
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE, StandardOpenOption.TRUNCATE_EXISTING)) {
            Safetensors.write(channel, metadata.apply(texts), blocks.apply(tensors));
        }
        return file;
    }

    private void assertRefused(Path file, String reason) {
        String message = assertThrows(TrainingException.class, () -> Checkpoint.read(file)).getMessage();
        assertTrue(message.startsWith(file + ": "), message);
        assertTrue(message.contains(reason), message);
        assertFalse(message.contains("\n"), message);
    }

    private void assertMetadataRefused(String name, String text, String reason) throws IOException {
        assertRefused(changed(folder, metadata -> {
            if (text == null) {
                metadata.remove(name);
            } else {
                metadata.put(name, text);
            }
            return metadata;
        }, blocks -> blocks), reason);
    }

    @Test
    void metadataThatDoNotFit() throws IOException {
        assertMetadataRefused("duet", null, "not a Duet checkpoint");
        assertMetadataRefused("duet", "7", "a checkpoint of version 7");
        assertMetadataRefused("network", null, "no entry network");
        assertMetadataRefused("network", "{\"layers\":7}", "the network in the metadata is damaged");
        assertMetadataRefused("network", NetworkJson.write(Tiny.network()).replace("conv2", "conv9"),
                "conv9.weight [6, 2, 3, 3] is missing");
        assertMetadataRefused("classNames", "[\"a\",\"b\"]", "2 class names for a network with 4 classes");
        assertMetadataRefused("stored", "{\"channels\":1,\"height\":12}", "the entry stored");
        assertMetadataRefused("stored", "{\"channels\":1,\"height\":12,\"width\":13}", "input.mean has shape [1, 12, 12]");
        assertMetadataRefused("state", "{\"step\":1}", "the entry state");
        assertMetadataRefused("state", "null", "the entry state of the metadata is damaged: must be a JSON object such as {\"step\": ...}");
        assertMetadataRefused("classNames", "[null,\"b\",\"c\",\"d\"]", "entry 1 must be a text in quotes, not null");
        assertMetadataRefused("state", "[]", "must be a JSON object");
        assertMetadataRefused("state", "x", "the entry state");
    }

    @Test
    void ofAProgramThatDidNotSayHowItComputed() throws IOException {
        Path file = changed(folder, metadata -> {
            metadata.computeIfPresent("state", (name, text) -> text.replaceFirst(",\"arithmetic\":\\{[^}]*}", ""));
            assertFalse(metadata.get("state").contains("arithmetic"), metadata.get("state"));
            return metadata;
        }, blocks -> blocks);
        assertEquals(Arithmetic.DEFAULT, Checkpoint.read(file).state().arithmetic());
    }

    @Test
    void tensorsThatDoNotFit() throws IOException {
        assertRefused(changed(folder, metadata -> metadata, blocks -> blocks.subList(1, blocks.size())),
                "conv1.weight [4, 1, 3, 3] is missing");
        assertRefused(changed(folder, metadata -> metadata, blocks -> {
            blocks.add(new Safetensors.Block("conv7.weight", List.of(1), () -> new float[1]));
            return blocks;
        }), "no place for the tensor conv7.weight");
        assertRefused(changed(folder, metadata -> metadata, blocks -> {
            blocks.set(0, new Safetensors.Block("conv1.weight", List.of(4, 3, 3, 1), () -> new float[36]));
            return blocks;
        }), "conv1.weight has shape [4, 3, 3, 1], but the network needs [4, 1, 3, 3]");
    }

    @Test
    void aDamagedNumberIsFound() throws IOException {
        Path file = folder.resolve("a.safetensors");
        checkpoint(state(new LearningRate.Constant(1))).write(file);
        String text = new String(Files.readAllBytes(file), StandardCharsets.ISO_8859_1);
        Files.write(file, text.replace("\\\"step\\\":123", "\\\"step\\\":124").getBytes(StandardCharsets.ISO_8859_1));
        assertThrows(SafetensorsException.class, () -> Checkpoint.read(file));
    }
}
