/* Licensed under the Apache License, Version 2.0. See LICENSE. */
/* Errors: one malloc'd block of plain C each, so that they can be read when Go cannot be called. */
#include <stdlib.h>
#include <string.h>

#include "internal.h"

struct udfrunner_error {
  int32_t code;
  uint32_t details;
  /* The message, then keys and values in turn, each ended by a NUL; longer than declared. */
  char text[72];
};

#define TEXT_OFFSET offsetof(struct udfrunner_error, text)

/* Never freed. */
static udfrunner_error no_memory = {UDFRUNNER_NO_MEMORY, 0, "no memory for the text of an error"};
static udfrunner_error forked = {UDFRUNNER_FORKED, 0,
                                 "called in a forked child; load the library after the fork"};

udfrunner_error *udfc_error_new(int32_t code, const char *text, size_t size, uint32_t details) {
  size_t need = TEXT_OFFSET + size;
  udfrunner_error *error = malloc(need < sizeof *error ? sizeof *error : need);
  if (error == NULL) return &no_memory;
  error->code = code;
  error->details = details;
  memcpy((char *)error + TEXT_OFFSET, text, size);
  return error;
}

int32_t udfc_fail_forked(udfrunner_error **err) {
  if (err != NULL) *err = &forked;
  return UDFRUNNER_FORKED;
}

int32_t udfc_fail(udfrunner_error **err, int32_t code, const char *message) {
  if (err != NULL) *err = udfc_error_new(code, message, strlen(message) + 1, 0);
  return code;
}

int32_t udfrunner_error_code(const udfrunner_error *err) {
  return err == NULL ? UDFRUNNER_OK : err->code;
}

const char *udfrunner_error_message(const udfrunner_error *err) {
  return err == NULL ? "" : (const char *)err + TEXT_OFFSET;
}

static const char *after(const char *text) { return text + strlen(text) + 1; }

int32_t udfrunner_error_detail_at(const udfrunner_error *err, size_t index, const char **key,
                                  const char **value) {
  if (key != NULL) *key = NULL;
  if (value != NULL) *value = NULL;
  if (err == NULL || index >= err->details) return UDFRUNNER_DONE;
  const char *found = after(udfrunner_error_message(err));
  for (size_t i = 0; i < index; i++) found = after(after(found));
  if (key != NULL) *key = found;
  if (value != NULL) *value = after(found);
  return UDFRUNNER_OK;
}

const char *udfrunner_error_detail(const udfrunner_error *err, const char *key) {
  if (key == NULL) return NULL;
  const char *found;
  const char *value;
  for (size_t i = 0; udfrunner_error_detail_at(err, i, &found, &value) == UDFRUNNER_OK; i++) {
    if (strcmp(found, key) == 0) return value;
  }
  return NULL;
}

void udfrunner_error_destroy(udfrunner_error **err) {
  if (err == NULL) return;
  udfrunner_error *error = *err;
  *err = NULL;
  if (error != &no_memory && error != &forked) udfc_free(error);
}
