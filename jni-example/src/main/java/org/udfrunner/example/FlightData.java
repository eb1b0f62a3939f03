/* Licensed under the Apache License, Version 2.0. See LICENSE. */
package org.udfrunner.example;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.udfrunner.EvalType;

/** What prepare.py wrote: flights, functions that PySpark pickled, its answers. */
final class FlightData {
  static final List<String> SPEED_ARGUMENTS = List.of("distance", "air_time");
  static final List<String> LATENESS_KEYS = List.of("dest");
  private static final String LATENESS_TYPE = "id long, dest string, lateness double";

  private final Path directory;
  private final JsonNode facts;

  FlightData(String directory) throws IOException {
    this.directory = Path.of(directory).toAbsolutePath();
    facts = new ObjectMapper().readTree(this.directory.resolve("answers.json").toFile());
  }

  String path(String name) {
    return directory.resolve(name).toUri().toString();
  }

  /** A pandas function with an accumulator. */
  PySparkFunction speed() throws IOException {
    return pickled("speed", EvalType.SQL_SCALAR_PANDAS_UDF, "double");
  }

  /** A grouped function, as PySpark pickled it. */
  PySparkFunction lateness() throws IOException {
    return pickled("lateness", EvalType.SQL_GROUPED_MAP_PANDAS_UDF, LATENESS_TYPE);
  }

  /** The same by its name, imported by workers. */
  PySparkFunction latenessByReference() {
    return PySparkFunction.referenced(
        EvalType.SQL_GROUPED_MAP_PANDAS_UDF, LATENESS_TYPE, "flight_functions:lateness");
  }

  private PySparkFunction pickled(String name, EvalType type, String returnType)
      throws IOException {
    byte[] pickle = Files.readAllBytes(directory.resolve("functions/" + name + ".pickle"));
    return PySparkFunction.pickled(name, type, returnType, pickle, facts.get("python").asText());
  }

  /** How long PySpark took to answer. */
  double seconds(String name) {
    return facts.at("/seconds/" + name).asDouble();
  }

  /** Accumulators by id, as PySpark's driver saw them. */
  Map<Long, Long> accumulators() {
    Map<Long, Long> values = new TreeMap<>();
    facts
        .get("accumulators")
        .properties()
        .forEach(field -> values.put(Long.valueOf(field.getKey()), field.getValue().asLong()));
    return values;
  }
}
