/* Licensed under the Apache License, Version 2.0. See LICENSE. */
package org.udfrunner;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.Set;

/**
 * The jar's native files in a folder of the file system: each at one path that its content decides,
 * which all JVMs of the user share.
 */
final class NativeFiles {
  private final Path parent;

  private NativeFiles(Path parent) {
    this.parent = parent;
  }

  /** Files below that folder; null is {@code java.io.tmpdir}. */
  static NativeFiles of(String temp) {
    return new NativeFiles(Path.of(temp == null ? System.getProperty("java.io.tmpdir") : temp));
  }

  /** The path of a file of the jar, written where it is not there yet. */
  Path extract(String name) {
    byte[] content = read(name);
    String hash = hash(content).substring(0, 16);
    try {
      Path folder = makeFolder(own(), hash);
      Path file = folder.resolve(name);
      if (!Files.isRegularFile(file, LinkOption.NOFOLLOW_LINKS)
          || !Arrays.equals(Files.readAllBytes(file), content)) {
        Path written = Files.createTempFile(folder, name, ".part");
        Files.write(written, content);
        // Another JVM may do the same: both write the same bytes.
        Files.move(written, file, StandardCopyOption.ATOMIC_MOVE);
      }
      return file.toRealPath();
    } catch (IOException e) {
      throw new LoadException(
          "udfrunner: "
              + name
              + " of the jar can't be written below "
              + parent
              + ": "
              + Loader.reason(e)
              + "; name a writable folder by -D"
              + Loader.TEMP);
    }
  }

  /** A copy under a name of its own. */
  Path copy(Path file) {
    try {
      Path copy = Files.createTempFile(file.getParent(), "copy", ".so");
      return Files.copy(file, copy, StandardCopyOption.REPLACE_EXISTING);
    } catch (IOException e) {
      throw new LoadException(
          "udfrunner: a copy of "
              + file
              + " for this class loader can't be written: "
              + Loader.reason(e)
              + "; name a writable folder by -D"
              + Loader.TEMP);
    }
  }

  /** Adds the remedy to the text of the dynamic linker. */
  String explain(String text) {
    if (text.contains("failed to map segment")) {
      return text
          + "; the folder is mounted noexec: name one that is not by -D"
          + Loader.TEMP
          + " (tried "
          + parent
          + ")";
    }
    if (text.contains("version `GLIBC_")) {
      return text
          + "; released jars need glibc 2.28 or later, others that of the machine they were built on";
    }
    return text;
  }

  /** This user's folder, which nobody else may write to: what lies there is loaded. */
  private Path own() throws IOException {
    Path folder =
        makeFolder(parent.toAbsolutePath(), "udfrunner-" + System.getProperty("user.name"));
    Set<PosixFilePermission> permissions =
        Files.getPosixFilePermissions(folder, LinkOption.NOFOLLOW_LINKS);
    Path probe = Files.createTempFile(folder, "owner", null);
    boolean mine = Files.getOwner(folder, LinkOption.NOFOLLOW_LINKS).equals(Files.getOwner(probe));
    Files.delete(probe);
    if (!mine
        || permissions.contains(PosixFilePermission.GROUP_WRITE)
        || permissions.contains(PosixFilePermission.OTHERS_WRITE)) {
      throw new IOException(folder + " belongs to another user, or others may write to it");
    }
    return folder;
  }

  private static Path makeFolder(Path parent, String name) throws IOException {
    Path folder = parent.resolve(name);
    if (!Files.isDirectory(folder, LinkOption.NOFOLLOW_LINKS)) {
      Set<PosixFilePermission> mine = PosixFilePermissions.fromString("rwx------");
      try {
        Files.createDirectory(folder, PosixFilePermissions.asFileAttribute(mine));
      } catch (java.nio.file.FileAlreadyExistsException e) {
        if (!Files.isDirectory(folder, LinkOption.NOFOLLOW_LINKS)) {
          throw e;
        }
      }
    }
    return folder;
  }

  private static byte[] read(String name) {
    // Relative to the package, which may have been relocated with its resources.
    String resource = "native/" + Platform.current().folder() + "/" + name;
    try (InputStream in = NativeFiles.class.getResourceAsStream(resource)) {
      if (in == null) {
        throw new LoadException(
            "udfrunner: the jar has no "
                + NativeFiles.class.getPackageName().replace('.', '/')
                + "/"
                + resource
                + ": it was built without make java, or relocated without its resources");
      }
      return in.readAllBytes();
    } catch (IOException e) {
      throw new LoadException("udfrunner: " + resource + ": " + Loader.reason(e));
    }
  }

  private static String hash(byte[] content) {
    try {
      return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(content));
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e);
    }
  }
}
