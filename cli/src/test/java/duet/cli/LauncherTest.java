package duet.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
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
            "mkdir", "mv", "rm", "cp", "id", "tee", "awk", "sh", "touch");

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
        String out = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
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

    /** A Java that makes caches, and notes that it has. */
    private void makesCaches() throws IOException {
        script(jdk.resolve("bin/java"), """
                for argument; do
                  case $argument in
                    -XX:AOTMode=record | -XX:AOTMode=on) exit 0 ;;
                    -XX:AOTCache=*/cache) : > "${argument#*=}"; echo made >> %s; exit 0 ;;
                  esac
                done
                for argument; do printf '<%%s>' "$argument"; done""".formatted(folder.resolve("caches")));
    }

    private int caches() throws IOException {
        Path made = folder.resolve("caches");
        return Files.exists(made) ? Files.readAllLines(made).size() : 0;
    }

    private void assertUsesCache(Result result) {
        assertTrue(result.out().contains("<-XX:AOTCache=" + project.toAbsolutePath() + "/cli/target/startup/"), result.toString());
        assertTrue(result.out().endsWith("<devices>"), result.toString());
    }

    @Test
    void theCacheIsMadeOnceAndUsed() throws Exception {
        installBuildTools(BUILDS);
        makesCaches();
        Result first = run("devices");
        assertTrue(first.err().endsWith("duet: first start with this build and this Java: preparing faster ones\n"), first.err());
        assertUsesCache(first);
        Result second = run("devices");
        assertEquals("", second.err());
        assertUsesCache(second);
        assertEquals(1, caches());
    }

    /** With one compiler; not where there may be much to do. */
    @Test
    void shortCommandsStartWithOneCompiler() throws Exception {
        installBuildTools(BUILDS);
        run("devices");
        Path pictures = Files.createDirectory(folder.resolve("pictures"));
        for (List<String> command : List.of(List.<String>of(), List.of("--version"), List.of("networks", "--json"),
                List.of("predict", pictures.toString(), "picture.png"))) {
            assertTrue(run(command.toArray(String[]::new)).out().contains("<-XX:TieredStopAtLevel=1>"), command.toString());
        }
        for (List<String> command : List.of(List.of("train"), List.of("evaluate", "run"), List.of("predict", "run", pictures.toString()))) {
            assertFalse(run(command.toArray(String[]::new)).out().contains("Tiered"), command.toString());
        }
    }

    /** Java would refuse a cache of anything else, every time. */
    @Test
    void theCacheIsMadeAnewForAnotherJavaAnotherBuildAndInAnotherPlace() throws Exception {
        installBuildTools(BUILDS);
        makesCaches();
        run("devices");
        Files.writeString(jdk.resolve("release"), "JAVA_VERSION=\"25.0.2\"\n");
        assertUsesCache(run("devices"));
        assertEquals(2, caches(), "Java was updated in its place");
        Files.move(jdk, folder.resolve("other"));
        jdk = folder.resolve("other");
        assertUsesCache(run("devices"));
        assertEquals(3, caches(), "the same Java elsewhere");
        Files.setLastModifiedTime(project.resolve("cli/target/lib/built"), FileTime.from(Instant.now().plusSeconds(60)));
        assertUsesCache(run("devices"));
        assertEquals(4, caches(), "mvn package has built");
        project = Files.move(project, folder.resolve("elsewhere"));
        assertUsesCache(run("devices"));
        assertEquals(5, caches(), "the project was moved");
        assertEquals("", run("devices").err());
        assertEquals(5, caches());
    }

    /** Where it cannot be made or written, or would be in the way, commands run without, and nobody is told. */
    @Test
    void withoutACacheCommandsRunAsWell() throws Exception {
        installBuildTools(BUILDS);
        run("devices"); // of a Java that cannot make one
        makesCaches();
        for (int i = 0; i < 2; i++) {
            Result result = run("devices");
            assertTrue(result.err().isEmpty() && result.out().endsWith("<devices>") && !result.out().contains("AOT"), result.toString());
        }
        assertEquals(0, caches(), "not tried again");
        Path startup = project.resolve("cli/target/startup");
        Files.move(startup, folder.resolve("startup"));
        Files.createFile(startup);
        Result result = run("devices");
        assertTrue(result.err().isEmpty() && result.out().endsWith("<devices>") && !result.out().contains("AOT"), result.toString());
        Files.delete(startup);
        assertUsesCache(run("devices"));
        for (String option : List.of("-Xshare:off", "-XX:AOTCache=mine", "-XX:SharedArchiveFile=mine")) {
            result = run(Map.of("DUET_NO_INSTALL", "1", "JAVA_TOOL_OPTIONS", option), "devices");
            assertTrue(result.err().isEmpty() && result.out().endsWith("<devices>") && !result.out().contains("AOT"), result.toString());
        }
        assertUsesCache(run("devices"));
        assertEquals(1, caches());
    }
}
