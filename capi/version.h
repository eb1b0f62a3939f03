/* Licensed under the Apache License, Version 2.0. See LICENSE. */
/* The library's version: the one place that says it. The Makefile reads it from here. */
#ifndef UDFRUNNER_CAPI_VERSION_H
#define UDFRUNNER_CAPI_VERSION_H

#define UDFRUNNER_VERSION "0.1.0"

#endif
