package duet.data.source;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

import duet.data.DataException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ImageFilesTest {
    @TempDir
    private Path folder;

    private void file(String name) throws IOException {
        Files.createDirectories(folder.resolve(name).getParent());
        Files.createFile(folder.resolve(name));
    }

    @Test
    void imagesOfAllFoldersBelowInOrder() throws IOException {
        for (String name : List.of("b.JPG", "c/2.png", "c/1.gif", "a.bmp", "notes.txt", ".hidden.png", ".cache/3.png", "noending",
                "x.png/4.jpeg")) {
            file(name);
        }
        Files.createSymbolicLink(folder.resolve("link.png"), folder.resolve("a.bmp"));
        assertEquals(List.of("a.bmp", "b.JPG", "c/1.gif", "c/2.png", "link.png", "x.png/4.jpeg"),
                ImageFiles.below(folder).stream().map(file -> folder.relativize(file).toString()).toList());
    }

    @Test
    void whatHoldsNoneSaysSo() throws IOException {
        file("notes.txt");
        assertTrue(
                assertThrows(DataException.class, () -> ImageFiles.below(folder)).getMessage().startsWith(folder + ": a folder without"));
        Files.createSymbolicLink(folder.resolve("again"), folder);
        assertEquals(folder.resolve("again") + " is a link to a folder that it lies in: remove it",
                assertThrows(DataException.class, () -> ImageFiles.below(folder)).getMessage());
    }
}
