/* Licensed under the Apache License, Version 2.0. See LICENSE. */
/* Hosts that bring bad data: an Arrow stream with one fault. */
#ifndef UDFRUNNER_TESTS_BROKEN_H
#define UDFRUNNER_TESTS_BROKEN_H

#include "library.h"

/* A source of one batch of three rows, an int64 column "n" and a string column "s". How it was used is
 * counted. */
typedef struct broken {
  /* Set by the test: what get_schema and get_next return, an errno, with the text "out of ink". */
  int schema_answer;
  int batch_answer;
  /* Changes the batch before it is given; NULL = it stays as it should be. */
  void (*spoil)(struct ArrowArray *batch);
  /* The same for the schema. */
  void (*spoil_schema)(struct ArrowSchema *schema);
  /* Counted. */
  int schemas_given;
  int schemas_released;
  int arrays_given;
  int arrays_released;
  int released;
} broken;

/* Makes an input of the stream. `stream` must live until runner_compute. */
udfrunner_input broken_input(broken *source, struct ArrowArrayStream *stream);

#endif
