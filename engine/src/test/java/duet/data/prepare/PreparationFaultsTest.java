package duet.data.prepare;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

import duet.data.DamageReport;
import duet.data.shard.PreparationListener;
import duet.data.shard.ShardFolder;
import duet.device.Ranks;
import duet.model.Safetensors;
import duet.net.Shape;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Preparations that are stopped, folders that are damaged, and what must not be mixed. */
class PreparationFaultsTest extends PreparationBed {
    @ParameterizedTest
    @ValueSource(ints = {0, 90})
    void stoppedAnywhereAndRunAgainTheBytesAreTheSame(int quality) throws IOException {
        PreparationOptions options = new PreparationOptions(24, quality, 16, 2, 1);
        prepare(options);
        Map<String, List<Byte>> expected = contents(out);
        for (int stop : new int[] {0, 1, 3, 4}) {
            out = temporary.resolve("stopped-" + stop);
            Path killed = out;
            // What a kill leaves: the first shards, a half-written one, no manifest.
            assertThrows(IllegalStateException.class,
                    () -> Preparation.prepare(SOURCE, killed, options, DamageReport.STRICT, (done, total) -> {
                        if (done > 16L * stop) {
                            throw new IllegalStateException("killed");
                        }
                    }));
            Files.write(out.resolve(".training-00004.shard.tmp"), new byte[1000]);
            assertTrue(unreadable().contains("is not finished: run the same ./duet data prepare again"), this::unreadable);
            Preparation.Result result = prepare(new PreparationOptions(24, quality, 16, 1, 1));
            assertEquals(stop, result.verified());
            assertEquals(expected, contents(out));
            assertFalse(Files.exists(out.resolve(".training-00004.shard.tmp")));
        }
        assertEquals(6, prepare(options).verified());
    }

    @Test
    void aRequestToStopEndsItBetweenImages() {
        PreparationListener stopper = new PreparationListener() {
            @Override
            public void progress(long done, long total) {}

            @Override
            public boolean stopped() {
                return true;
            }
        };
        assertFalse(Preparation.prepare(SOURCE, out, OPTIONS, DamageReport.STRICT, stopper).complete());
        assertTrue(prepare(OPTIONS).complete());
    }

    @Test
    void aFlippedByteIsFoundAndOnlyItsShardIsMadeAnew() throws IOException {
        prepare(OPTIONS);
        Map<String, List<Byte>> expected = contents(out);
        Path shard = out.resolve("training-00002.shard");
        long size = Files.size(shard);
        for (long place : new long[] {70, size / 2, 3, 30, size - 3, 16 * 960 + 64 + 10}) {
            byte[] bytes = Files.readAllBytes(shard);
            bytes[(int) place] ^= 4;
            Files.write(shard, bytes);
            if (place < size / 2) {
                String message = unreadable();
                assertTrue(message.startsWith(shard.toString()) && message.endsWith("makes it again and keeps the others"), message);
            }
            List<String> warnings = new ArrayList<>();
            Preparation.Result result = Preparation.prepare(SOURCE, out, OPTIONS, DamageReport.STRICT, new PreparationListener() {
                @Override
                public void progress(long done, long total) {}

                @Override
                public void warning(String message) {
                    warnings.add(message);
                }
            });
            assertEquals(5, result.verified(), "flipped byte " + place);
            assertEquals(1, warnings.size());
            assertEquals(expected, contents(out));
        }
        Files.write(shard, new byte[10]);
        assertTrue(unreadable().contains("training-00002.shard is truncated"), this::unreadable);
        Files.delete(shard);
        assertTrue(unreadable().contains("training-00002.shard is missing"), this::unreadable);
    }

    @Test
    void nothingIsMixed() throws IOException {
        prepare(OPTIONS);
        Map<String, List<Byte>> before = contents(out);
        assertTrue(refused(() -> prepare(new PreparationOptions(24, 0, 16, 2, 1))).contains("begun with images of 3x20x16, not 3x24x24"));
        assertTrue(refused(() -> prepare(new PreparationOptions(0, 80, 16, 2, 1))).contains("encoding bytes, not jpeg"));
        assertTrue(refused(() -> prepare(new PreparationOptions(0, 0, 15, 2, 1))).contains("16 images in a shard, not 15"));
        assertTrue(refused(() -> Preparation.prepare("synthetic:3x20x16:5:71", out, OPTIONS, DamageReport.STRICT,
                PreparationListener.SILENT)).contains("another source"));
        Path manifest = out.resolve("manifest.json");
        String text = Files.readString(manifest);
        Files.writeString(manifest, text.replaceFirst("\"version\" : 1", "\"version\" : 2"));
        assertTrue(unreadable().contains("is of version 2, but this program reads version 1"), this::unreadable);
        Files.writeString(manifest, text.substring(0, text.length() / 2));
        assertTrue(unreadable().contains("manifest.json is damaged"), this::unreadable);
        Files.writeString(manifest, text);
        assertEquals(before, contents(out));
        Path other = Files.createDirectories(temporary.resolve("other"));
        Files.writeString(other.resolve("letter.txt"), "dear");
        assertTrue(refused(() -> Preparation.prepare(SOURCE, other, OPTIONS, DamageReport.STRICT, PreparationListener.SILENT))
                .contains("holds something else already (letter.txt)"));
    }

    @Test
    void aWrongMeanImageIsRefused() throws IOException {
        prepare(OPTIONS);
        ShardFolder folder = new ShardFolder(out);
        byte[] right = Files.readAllBytes(out.resolve("mean.safetensors"));
        folder.writeMean(new float[3 * 10 * 10], new Shape(3, 10, 10));
        assertTrue(unreadable().contains("holds a mean image of [3, 10, 10], but the images are [3, 20, 16]"), this::unreadable);
        float[] values = new float[960];
        folder.writeMean(values, new Shape(3, 20, 16));
        assertTrue(unreadable().contains("differs from its checksum"), this::unreadable);
        Files.write(out.resolve("mean.safetensors"), java.util.Arrays.copyOf(right, 50));
        assertTrue(unreadable().contains("mean.safetensors"), this::unreadable);
        Files.delete(out.resolve("mean.safetensors"));
        assertTrue(unreadable().contains("mean.safetensors is missing"), this::unreadable);
        prepare(OPTIONS);
        assertArrayEquals(right, Files.readAllBytes(out.resolve("mean.safetensors")));
        try (Safetensors tensors = Safetensors.open(out.resolve("mean.safetensors"))) {
            assertNotEquals(0, tensors.floats("mean")[0]);
        }
    }

    @Test
    void aFullDiskIsToldBeforeAnythingIsWritten() {
        String message = refused(
                () -> Preparation.prepare(SOURCE, out, OPTIONS, DamageReport.STRICT, PreparationListener.SILENT, Ranks.ALONE,
                        folder -> 1000));
        assertTrue(message.contains("1000 bytes free: choose another folder, a smaller --size, or --encoding jpeg"), message);
        assertFalse(Files.exists(out.resolve("preparation.json")));
    }
}
