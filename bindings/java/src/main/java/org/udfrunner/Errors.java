/* Licensed under the Apache License, Version 2.0. See LICENSE. */
package org.udfrunner;

import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.Map;

/** Makes exceptions of status codes. */
final class Errors {
  private Errors() {}

  /** Of text in UTF-8, and details as keys and values in turn. */
  static UdfRunnerException of(int code, byte[] message, byte[][] details) {
    Map<String, String> known = new LinkedHashMap<>();
    for (int i = 0; i < details.length; i += 2) {
      known.put(text(details[i]), text(details[i + 1]));
    }
    return of(code, text(message), known);
  }

  static UdfRunnerException of(int code, String message, Map<String, String> details) {
    return switch (code) {
      case InvalidArgumentException.CODE -> new InvalidArgumentException(message, details);
      case InvalidStateException.CODE -> new InvalidStateException(message, details);
      case InvalidHandleException.CODE -> new InvalidHandleException(message, details);
      case CancelledException.CODE -> new CancelledException(message, details);
      case PythonException.CODE -> new PythonException(message, details);
      case WorkerExitedException.CODE -> new WorkerExitedException(message, details);
      case ProtocolException.CODE -> new ProtocolException(message, details);
      case SpawnException.CODE -> new SpawnException(message, details);
      case SystemFailureException.CODE -> new SystemFailureException(message, details);
      case DeadlineExceededException.CODE -> new DeadlineExceededException(message, details);
      case NoMemoryException.CODE -> new NoMemoryException(message, details);
      case NotSupportedException.CODE -> new NotSupportedException(message, details);
      case HostException.CODE -> new HostException(message, details);
      case InternalException.CODE -> new InternalException(message, details);
      case ForkedException.CODE -> new ForkedException(message, details);
      default -> new UdfRunnerException(code, message, details);
    };
  }

  static String text(byte[] utf8) {
    return new String(utf8, StandardCharsets.UTF_8);
  }
}
