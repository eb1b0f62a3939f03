/* Licensed under the Apache License, Version 2.0. See LICENSE. */
#include "broken.h"

#include <stdlib.h>
#include <string.h>

#define ROWS 3

struct schema {
  broken *source;
  struct ArrowSchema columns[2];
  struct ArrowSchema *children[2];
};

static void release_column_schema(struct ArrowSchema *schema) { schema->release = NULL; }

static void release_schema(struct ArrowSchema *schema) {
  struct schema *own = schema->private_data;
  own->source->schemas_released++;
  free(own);
  schema->release = NULL;
}

static int get_schema(struct ArrowArrayStream *stream, struct ArrowSchema *out) {
  broken *source = stream->private_data;
  if (source->schema_answer != 0) return source->schema_answer;
  struct schema *own = calloc(1, sizeof *own);
  own->source = source;
  own->columns[0] = (struct ArrowSchema){.format = "l", .name = "n"};
  own->columns[1] = (struct ArrowSchema){.format = "u", .name = "s"};
  for (int i = 0; i < 2; i++) {
    own->columns[i].release = release_column_schema;
    own->children[i] = &own->columns[i];
  }
  *out = (struct ArrowSchema){.format = "+s",
                              .name = "",
                              .n_children = 2,
                              .children = own->children,
                              .release = release_schema,
                              .private_data = own};
  if (source->spoil_schema != NULL) source->spoil_schema(out);
  source->schemas_given++;
  return 0;
}

/* Everything that the batch's structs point to, so that its release needs none of them. */
struct batch {
  broken *source;
  struct ArrowArray columns[2];
  struct ArrowArray *children[2];
  const void *no_validity[1];
  const void *buffers[2][3];
  int64_t numbers[ROWS];
  int32_t offsets[ROWS + 1];
  char text[ROWS];
};

static void release_column(struct ArrowArray *array) { array->release = NULL; }

static void release_batch(struct ArrowArray *array) {
  struct batch *own = array->private_data;
  own->source->arrays_released++;
  free(own);
  array->release = NULL;
}

static int get_next(struct ArrowArrayStream *stream, struct ArrowArray *out) {
  broken *source = stream->private_data;
  if (source->batch_answer != 0) return source->batch_answer;
  memset(out, 0, sizeof *out);
  if (source->arrays_given == 1) return 0;
  struct batch *own = calloc(1, sizeof *own);
  own->source = source;
  for (int i = 0; i < ROWS; i++) {
    own->numbers[i] = i;
    own->offsets[i + 1] = i + 1;
    own->text[i] = 'a';
  }
  own->buffers[0][1] = own->numbers;
  own->buffers[1][1] = own->offsets;
  own->buffers[1][2] = own->text;
  for (int i = 0; i < 2; i++) {
    own->columns[i] = (struct ArrowArray){
        .length = ROWS, .n_buffers = i + 2, .buffers = own->buffers[i], .release = release_column};
    own->children[i] = &own->columns[i];
  }
  *out = (struct ArrowArray){.length = ROWS,
                             .n_buffers = 1,
                             .n_children = 2,
                             .buffers = own->no_validity,
                             .children = own->children,
                             .release = release_batch,
                             .private_data = own};
  if (source->spoil != NULL) source->spoil(out);
  source->arrays_given++;
  return 0;
}

static const char *get_last_error(struct ArrowArrayStream *stream) {
  (void)stream;
  return "out of ink";
}

static void release_stream(struct ArrowArrayStream *stream) {
  ((broken *)stream->private_data)->released++;
  stream->release = NULL;
}

udfrunner_input broken_input(broken *source, struct ArrowArrayStream *stream) {
  *stream = (struct ArrowArrayStream){.get_schema = get_schema,
                                      .get_next = get_next,
                                      .get_last_error = get_last_error,
                                      .release = release_stream,
                                      .private_data = source};
  return (udfrunner_input){
      .size = sizeof(udfrunner_input), .kind = UDFRUNNER_INPUT_STREAM, .stream = stream};
}
