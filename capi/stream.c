/* Licensed under the Apache License, Version 2.0. See LICENSE. */
/* The functions of an exported ArrowArrayStream. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"

struct exported {
  uint64_t id;            /* a handle of Go's table of streams */
  udfrunner_error *error; /* of the last call that failed, or NULL */
};

static int errno_of(int32_t code) {
  switch (code) {
    case UDFRUNNER_OK:
    case UDFRUNNER_DONE:
      return 0;
    case UDFRUNNER_NEED_INPUT:
      return EAGAIN;
    case UDFRUNNER_CANCELLED:
      return ECANCELED;
    case UDFRUNNER_DEADLINE:
      return ETIMEDOUT;
    case UDFRUNNER_NO_MEMORY:
      return ENOMEM;
    default:
      return EIO;
  }
}

/* Clears the last error; EINVAL without a stream or a struct to fill, EIO in a forked child. */
static int begin(struct ArrowArrayStream *stream, const void *out) {
  if (stream == NULL || stream->release == NULL || out == NULL) return EINVAL;
  struct exported *self = stream->private_data;
  udfrunner_error_destroy(&self->error);
  if (!udfc_forked()) return 0;
  udfc_fail_forked(&self->error);
  return EIO;
}

static int get_schema(struct ArrowArrayStream *stream, struct ArrowSchema *out) {
  if (out != NULL) memset(out, 0, sizeof *out);
  int failed = begin(stream, out);
  if (failed != 0) return failed;
  struct exported *self = stream->private_data;
  return errno_of(udfgo_stream_schema(self->id, out, &self->error));
}

static int get_next(struct ArrowArrayStream *stream, struct ArrowArray *out) {
  if (out != NULL) memset(out, 0, sizeof *out);
  int failed = begin(stream, out);
  if (failed != 0) return failed;
  struct exported *self = stream->private_data;
  return errno_of(udfgo_stream_next(self->id, out, &self->error));
}

static const char *get_last_error(struct ArrowArrayStream *stream) {
  if (stream == NULL || stream->release == NULL) return NULL;
  const struct exported *self = stream->private_data;
  return self->error == NULL ? NULL : udfrunner_error_message(self->error);
}

static void release(struct ArrowArrayStream *stream) {
  if (stream == NULL || stream->release == NULL) return;
  struct exported *self = stream->private_data;
  stream->release = NULL;
  if (!udfc_forked()) udfgo_stream_release(self->id);
  udfrunner_error_destroy(&self->error);
  udfc_free(self);
}

int32_t udfc_stream_fill(struct ArrowArrayStream *stream, uint64_t id) {
  struct exported *self = calloc(1, sizeof *self);
  if (self == NULL) return UDFRUNNER_NO_MEMORY;
  self->id = id;
  stream->get_schema = get_schema;
  stream->get_next = get_next;
  stream->get_last_error = get_last_error;
  stream->release = release;
  stream->private_data = self;
  return UDFRUNNER_OK;
}
