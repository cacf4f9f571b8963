package duet.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.FileTime;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The launcher in a project folder of its own, with tools that only print how they were called. */
class LauncherTest {
    private static final List<String> SYSTEM_TOOLS = List.of("bash", "env", "readlink", "dirname", "sed", "grep", "find", "head", "tail",
            "mkdir",
            "rm", "cp", "id", "tee", "awk", "sh", "touch");

    @TempDir
    Path folder;

    private Path project;
    private Path tools;
    private Path jdk;

    private record Result(int code, String out, String err) {}

    @BeforeEach
    void prepare() throws IOException {
        project = Files.createDirectories(folder.resolve("a project"));
        tools = Files.createDirectory(folder.resolve("tools"));
        jdk = folder.resolve("jdk");
        Files.copy(Path.of("../duet"), project.resolve("duet"), StandardCopyOption.COPY_ATTRIBUTES);
        Files.writeString(project.resolve("pom.xml"), "<project/>");
        for (String tool : SYSTEM_TOOLS) {
            script(tools.resolve(tool), "exec " + find(tool) + " \"$@\"");
        }
        script(jdk.resolve("bin/javac"), "exit 0");
        script(jdk.resolve("bin/java"), "for argument; do printf '<%s>' \"$argument\"; done; pwd; exit 7");
        Files.writeString(jdk.resolve("release"), "JAVA_VERSION=\"25.0.1\"\n");
    }

    private static Path find(String tool) {
        for (String candidate : System.getenv("PATH").split(":")) {
            if (Files.isExecutable(Path.of(candidate, tool))) {
                return Path.of(candidate, tool);
            }
        }
        throw new AssertionError(tool + " is not on PATH");
    }

    private static void script(Path file, String body) throws IOException {
        Files.createDirectories(file.getParent());
        Files.writeString(file, "#!/bin/sh\n" + body + "\n");
        Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rwxr-xr-x"));
    }

    /** Everything that a build needs; Maven leaves what the real one leaves. */
    private void installBuildTools(String maven) throws IOException {
        for (String tool : List.of("cmake", "g++", "make")) {
            script(tools.resolve(tool), "exit 0");
        }
        script(tools.resolve("mvn"), maven);
    }

    private Result run(String... arguments) throws Exception {
        return run(Map.of("DUET_NO_INSTALL", "1"), arguments);
    }

    private Result run(Map<String, String> environment, String... arguments) throws Exception {
        List<String> command = new ArrayList<>(List.of(project.resolve("duet").toString()));
        command.addAll(List.of(arguments));
        ProcessBuilder builder = new ProcessBuilder(command).directory(folder.toFile());
        builder.environment().putAll(Map.of("PATH", tools.toString(), "JAVA_HOME", jdk.toString(), "HOME", folder.toString()));
        builder.environment().remove("DUET_NO_INSTALL");
        builder.environment().remove("XDG_CACHE_HOME");
        builder.environment().putAll(environment);
        Path err = folder.resolve("err");
        Process process = builder.redirectError(err.toFile()).start();
        String out = new String(process.getInputStream().readAllBytes());
        return new Result(process.waitFor(), out, Files.readString(err));
    }

    private static final String BUILDS = "echo '[INFO] Building Duet engine 0.1.0   [4/5]'; echo \"$@\" >> calls; "
            + "mkdir -p cli/target/lib; touch cli/target/lib/built";

    @Test
    void missingToolsAreNamedWithTheCommandThatInstallsThem() throws Exception {
        Result result = run("devices");
        assertEquals(1, result.code());
        assertTrue(result.err().endsWith("duet: to build, maven cmake g++ make must be installed: apt-get install maven cmake g++ make\n"),
                result.err());
        assertEquals("", result.out());
    }

    @Test
    void theFirstUseBuildsAndLaterOnesDoNot() throws Exception {
        installBuildTools(BUILDS);
        Result first = run("train", "--data", "folder:my images");
        assertTrue(first.err().contains("first use: building") && first.err().contains("  [4/5] Duet engine\n"), first.err());
        assertTrue(first.out().endsWith("<train><--data><folder:my images>" + folder + "\n"), first.out());
        assertEquals(7, first.code());
        assertEquals("", run("devices").err());
        assertEquals(1, Files.readAllLines(project.resolve("calls")).size());
    }

    @Test
    void changedSourcesAreBuilt() throws Exception {
        installBuildTools(BUILDS);
        run("devices");
        Files.setLastModifiedTime(project.resolve("pom.xml"), FileTime.from(Instant.now().plusSeconds(60)));
        assertTrue(run("devices").err().contains("sources have changed: building"));
        assertEquals(2, Files.readAllLines(project.resolve("calls")).size());
    }

    @Test
    void aFailedBuildShowsItsErrorAndNamesTheLog() throws Exception {
        installBuildTools("echo '[ERROR] no such thing'; exit 1");
        Result result = run("devices");
        assertEquals(1, result.code());
        assertTrue(result.err().endsWith("[ERROR] no such thing\nduet: the build failed; see " + project + "/cli/target/build.log\n"),
                result.err());
        assertEquals("", result.out());
    }

    /** A Debian as root, whose apt-get notes its calls and installs what INSTALL says. */
    private void debian(String install) throws IOException {
        script(tools.resolve("id"), "echo 0");
        script(tools.resolve("ldconfig"), "echo libturbojpeg.so.0");
        script(tools.resolve("apt-cache"), "echo '  Candidate: 1.0'");
        script(tools.resolve("apt-get"), "echo \"$@\" >> " + folder + "/apt; case \"$*\" in *install*) " + install + ";; esac");
    }

    @Test
    void rootOnDebianGetsWhatIsMissing() throws Exception {
        installBuildTools(BUILDS);
        Files.move(tools.resolve("cmake"), folder.resolve("cmake"));
        debian("cp " + folder + "/cmake " + tools);
        Result result = run(Map.of(), "devices");
        assertTrue(result.err().contains("duet: installing cmake (to build)\n"), result.err());
        assertEquals(7, result.code());
        assertEquals(List.of("-qq install -y --no-install-recommends cmake"), Files.readAllLines(folder.resolve("apt")));
    }

    @Test
    void whatCannotBeInstalledIsNotTriedAgain() throws Exception {
        installBuildTools(BUILDS);
        Files.delete(tools.resolve("cmake"));
        debian("exit 100");
        for (int i = 0; i < 2; i++) {
            Result result = run(Map.of(), "devices");
            assertEquals(1, result.code());
            assertTrue(result.err().endsWith("duet: to build, cmake must be installed: apt-get install cmake\n"), result.err());
        }
        assertEquals(2, Files.readAllLines(folder.resolve("apt")).stream().filter(line -> line.contains("install")).count(),
                "once, and once more with fresh lists; not at the second start");
    }
}
