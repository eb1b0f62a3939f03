/* Licensed under the Apache License, Version 2.0. See LICENSE. */
#include "udfrunner.h"

size_t size_of_task_elsewhere(void);
size_t size_of_task_elsewhere(void) { return sizeof(udfrunner_task); }
